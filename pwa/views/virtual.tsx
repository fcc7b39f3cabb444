/** A list of any length of which only the rows in sight exist. Rows have one height, which follows the text size. */

import { h, type ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

interface Props<T> {
  readonly label: string;
  /** The scroll position is kept under this name while the page is open. */
  readonly topic: string;
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly children: (row: T) => ComponentChildren;
}

const OVERSCAN = 6;
const ROW_REM = 6.75;
const positions = new Map<string, number>();

export interface Window {
  readonly first: number;
  readonly last: number;
}

/** Which rows to draw: those in sight and a few around them. `last` is exclusive. */
export function windowOf(top_px: number, height_px: number, row_px: number, count: number): Window {
  const first = Math.max(0, Math.floor(top_px / row_px) - OVERSCAN);
  return { first, last: Math.min(count, Math.ceil((top_px + height_px) / row_px) + OVERSCAN) };
}

const rowHeight = (): number => ROW_REM * parseFloat(getComputedStyle(document.documentElement).fontSize);

export function VirtualList<T>({ label, topic, rows, keyOf, children }: Props<T>) {
  const box = useRef<HTMLDivElement>(null);
  const count = rows.length;
  const row_px = useMemo(rowHeight, []);
  const [view, setView] = useState(() => windowOf(positions.get(topic) ?? 0, 900, row_px, count));
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    element.scrollTop = positions.get(topic) ?? 0;
    const measure = (): void => {
      positions.set(topic, element.scrollTop);
      const next = windowOf(element.scrollTop, element.clientHeight, row_px, count);
      setView((now) => (now.first === next.first && now.last === next.last ? now : next));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, [topic, row_px, count]);
  const { first, last } = view;
  return (
    <div class="virtual" ref={box}>
      <ul class="virtual-rows" aria-label={label} style={{ blockSize: `${count * row_px}px` }}>
        {rows.slice(first, last).map((row, offset) => (
          <li
            key={keyOf(row)}
            aria-setsize={count}
            aria-posinset={first + offset + 1}
            style={{ insetBlockStart: `${(first + offset) * row_px}px`, blockSize: `${row_px}px` }}
          >
            {children(row)}
          </li>
        ))}
      </ul>
    </div>
  );
}
