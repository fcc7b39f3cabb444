/** A page of one column: a heading with the way back, then the content. */

import { h, type ComponentChildren } from "preact";
import { Icon } from "./icons.tsx";
import { goBack } from "./router.ts";
import { words } from "./words.ts";

interface Props {
  readonly title: ComponentChildren;
  /** Where "back" leads when there is no page before this one; absent: no way back is shown. */
  readonly up?: string;
  readonly aside?: ComponentChildren;
  readonly foot?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Page({ title, up, aside, foot, children }: Props) {
  return (
    <section class="pane page">
      <div class="page-scroll">
        <header class="page-head">
          {up !== undefined && (
            <button type="button" class="quiet icon-only" aria-label={words.back} onClick={() => goBack(up)}>
              <Icon name="back" />
            </button>
          )}
          <h1 tabIndex={-1} dir="auto">{title}</h1>
          {aside}
        </header>
        {children}
      </div>
      {foot && <footer class="page-foot">{foot}</footer>}
    </section>
  );
}
