/** Text being typed: kept by the engine within a second, and the tab marked dirty while any of it is unsaved. */

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Holdfast } from "../sync/types.ts";
import { useLive } from "./engine.ts";

const SAVE_AFTER_MS = 300;
const dirty_keys = new Set<string>();

/** While any key is dirty, no update reloads this tab. */
export function markDirty(engine: Holdfast, key: string, is_dirty: boolean): void {
  const was_dirty = dirty_keys.size > 0;
  if (is_dirty) dirty_keys.add(key);
  else dirty_keys.delete(key);
  if (was_dirty !== dirty_keys.size > 0) engine.setDirty(dirty_keys.size > 0);
}

export interface Draft<T> {
  /** `null` until the stored draft, if any, has been read. */
  readonly value: T | null;
  /** Whether it holds something a person typed. */
  readonly is_dirty: boolean;
  /** Whether the phone could keep the last state of it. */
  readonly is_kept: boolean;
  set(value: T): void;
  /** Writes it now. */
  keep(): void;
  /** Forgets it and starts again from `value`. */
  drop(value: T): void;
}

interface Held<T> {
  value: T | null;
  is_dirty: boolean;
}

/** Writes a draft soon after the last change, and at once when the page is hidden or left. */
function useSaver(engine: Holdfast, key: string, onResult: (is_kept: boolean) => void) {
  const waiting = useRef<{ value: unknown; timer: ReturnType<typeof setTimeout> } | null>(null);
  const flush = useCallback(() => {
    if (waiting.current === null) return;
    clearTimeout(waiting.current.timer);
    const { value } = waiting.current;
    waiting.current = null;
    engine.saveDraft(key, value).then(
      () => onResult(true),
      () => onResult(false),
    );
  }, [engine, key]);
  useEffect(() => {
    addEventListener("pagehide", flush);
    document.addEventListener("visibilitychange", flush);
    return () => {
      removeEventListener("pagehide", flush);
      document.removeEventListener("visibilitychange", flush);
      flush();
    };
  }, [flush]);
  const cancel = (): void => {
    if (waiting.current !== null) clearTimeout(waiting.current.timer);
    waiting.current = null;
  };
  const plan = (value: unknown): void => {
    cancel();
    waiting.current = { value, timer: setTimeout(flush, SAVE_AFTER_MS) };
  };
  return { plan, cancel, flush };
}

export function useDraft<T>(key: string, start: () => T): Draft<T> {
  const { engine } = useLive();
  const [held, setHeld] = useState<Held<T>>({ value: null, is_dirty: false });
  const [is_kept, setKept] = useState(true);
  const saver = useSaver(engine, key, setKept);
  useLayoutEffect(() => { // before anybody can type: what comes later would take their first letters away
    let is_left = false;
    const take = (stored: T | undefined): void => {
      if (is_left) return;
      setHeld((now) => (now.value !== null ? now : { value: stored ?? start(), is_dirty: stored !== undefined }));
      markDirty(engine, key, stored !== undefined);
    };
    setHeld({ value: null, is_dirty: false });
    engine.draft<T>(key).then(take, () => take(undefined));
    return () => {
      is_left = true;
      markDirty(engine, key, false);
    };
  }, [engine, key]);
  const set = (value: T): void => {
    setHeld({ value, is_dirty: true });
    markDirty(engine, key, true);
    saver.plan(value);
  };
  const drop = (value: T): void => {
    saver.cancel();
    setHeld({ value, is_dirty: false });
    markDirty(engine, key, false);
    void engine.dropDraft(key);
  };
  return { value: held.value, is_dirty: held.is_dirty, is_kept, set, drop, keep: saver.flush };
}
