/** A sheet over the page: the browser's own dialog keeps the focus inside, Escape and the close button end it. */

import { h, type ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { markDirty } from "./drafts.ts";
import { useLive } from "./engine.ts";
import { Icon } from "./icons.tsx";
import { words } from "./words.ts";

interface Props {
  readonly title: string;
  readonly is_full?: boolean;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

const focusOn = (element: Element | null): void => void (element instanceof HTMLElement && element.focus({ preventScroll: true }));

export function Dialog({ title, is_full = false, onClose, children }: Props) {
  const { engine } = useLive();
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => { // not after the next paint: until then the focus would be nowhere
    const element = dialog.current;
    const opener = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      markDirty(engine, title, false);
      // What opened it may have gone or sleep meanwhile, as a sheet that led to this one; the page itself holds no focus.
      focusOn(opener);
      if (opener === document.body || document.activeElement !== opener) focusOn(document.querySelector("main h1"));
    };
  }, []);
  // The browser may close it without asking (`cancel`), as on Android's second way back; one that has gone says nothing more.
  const closed = (): void => void (dialog.current && onClose());
  const closeOutside = (event: MouseEvent): void => {
    if (event.target === dialog.current) onClose();
  };
  return (
    <dialog ref={dialog} class={is_full ? "sheet full" : "sheet"} aria-label={title} onClose={closed} onMouseDown={closeOutside} onInput={() => markDirty(engine, title, true)}>
      <div class="sheet-body">
        <header class="sheet-head">
          <h2>{title}</h2>
          <button type="button" class="quiet icon-only" aria-label={words.close} onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
