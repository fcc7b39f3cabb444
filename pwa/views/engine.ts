/** Gives every screen the engine and its newest snapshot. */

import { useEffect, useState } from "preact/hooks";
import type { Holdfast, Snapshot } from "../sync/types.ts";

export interface Live {
  readonly engine: Holdfast;
  readonly snapshot: Snapshot;
}

/** There is one engine on a page, so what is newest is newest for every screen. */
let newest: Live | null = null;

export function useLive(): Live {
  if (newest === null) throw new Error("useLive() outside of the app");
  return newest;
}

/** Subscribes once, at the top, so that all below is asked again; a snapshot taken between render and effect is not missed. */
export function useNewest(engine: Holdfast): void {
  const [live, setLive] = useState<Live>({ engine, snapshot: engine.snapshot() });
  useEffect(() => {
    const refresh = (): void => setLive({ engine, snapshot: engine.snapshot() });
    refresh();
    return engine.subscribe(refresh);
  }, [engine]);
  newest = live;
}

/** Now, in ms since 1970 UTC, renewed every `every_ms` while the component is shown. */
export function useNow(every_ms: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return now;
}
