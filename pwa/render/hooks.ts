/** What a component remembers and does beside what it shows; called in the same order each time it is asked. */

import { askAgain, asked, at_once, when_painted, type Cell, type Cleanup } from "./screen.ts";

type Deps = readonly unknown[] | undefined;

function cell(start: () => Cell): Cell {
  return (asked.now!.cells[asked.hooks++] ??= start());
}

function isChanged(kept: Cell, deps: Deps): boolean {
  const is_changed = kept.deps === undefined || deps === undefined || deps.some((value, index) => !Object.is(value, kept.deps![index]));
  kept.deps = deps;
  return is_changed;
}

/** The state, and the way to change it: the component is asked again only where the value differs. */
export function useState<T>(start: T | (() => T)): [T, (next: T | ((now: T) => T)) => void] {
  const owner = asked.now!;
  const kept = cell(() => {
    const made: Cell & { set?: unknown } = { value: typeof start === "function" ? (start as () => T)() : start };
    made.set = (next: T | ((now: T) => T)): void => {
      const value = typeof next === "function" ? (next as (now: T) => T)(made.value as T) : next;
      if (Object.is(value, made.value)) return;
      made.value = value;
      askAgain(owner);
    };
    return made;
  });
  return [kept.value as T, (kept as { set: (next: T | ((now: T) => T)) => void }).set];
}

export function useMemo<T>(make: () => T, deps: Deps): T {
  const kept = cell(() => ({}));
  if (isChanged(kept, deps)) kept.value = make();
  return kept.value as T;
}

export const useCallback = <T>(callback: T, deps: Deps): T => useMemo(() => callback, deps);

export function useRef<T>(start: T): { current: T };
export function useRef<T>(start: null): { current: T | null };
export function useRef<T>(start: T): { current: T } {
  return useMemo(() => ({ current: start }), []);
}

function planEffect(round: Cell[], effect: () => unknown, deps: Deps): void {
  const kept = cell(() => ({ round }));
  if (isChanged(kept, deps)) kept.effect = effect;
}

/** Runs `effect` once the document was painted; what it returns undoes it. */
export const useEffect = (effect: () => Cleanup, deps?: Deps): void => planEffect(when_painted, effect, deps);

/** Runs `effect` before the document is painted. */
export const useLayoutEffect = (effect: () => Cleanup, deps?: Deps): void => planEffect(at_once, effect, deps);
