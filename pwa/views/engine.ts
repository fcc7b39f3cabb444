/** Gives every screen the engine and its newest snapshot. */

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { Holdfast, Snapshot } from "../sync/types.ts";

export interface Live {
  readonly engine: Holdfast;
  readonly snapshot: Snapshot;
}

export const LiveContext = createContext<Live | null>(null);

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error("useLive() outside of the app");
  return live;
}

/** Subscribes once, at the top; a snapshot taken between render and effect is not missed. */
export function useNewest(engine: Holdfast): Live {
  const [live, setLive] = useState<Live>({ engine, snapshot: engine.snapshot() });
  useEffect(() => {
    const refresh = (): void => setLive({ engine, snapshot: engine.snapshot() });
    refresh();
    return engine.subscribe(refresh);
  }, [engine]);
  return live;
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
