/** When the page tries: after each change, by timer, when it is seen, and when the browser hears of a network. */
import type { Instant } from "./types.ts";

/** How often a visible page asks what is new. */
export const POLL_MS = 15_000;

export interface Pulsed {
  /** Sends and asks as the elected sender; resolves to when to try again. */
  readonly run: (is_forced: boolean) => Promise<Instant | null>;
  /** Whether something waits that could go out now. */
  readonly hasWork: () => boolean;
  /** Whether the last attempt found no network. */
  readonly isOffline: () => boolean;
}

export interface Pulse {
  start(): void;
  stop(): void;
  wake(is_forced: boolean): void;
}

export function newPulse({ run, hasWork, isOffline }: Pulsed): Pulse {
  const stopped = new AbortController();
  const { signal } = stopped;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let is_running = false;
  /** Asked for while it ran. */
  let again: "no" | "yes" | "forced" = "no";

  const plan = (at: Instant | null): void => {
    if (at !== null) timer = setTimeout(() => wake(false), Math.max(0, at - Date.now()));
  };
  const runOnce = async (is_forced: boolean): Promise<void> => {
    is_running = true;
    clearTimeout(timer);
    try {
      plan(await run(is_forced));
    } catch {
      plan(Date.now() + POLL_MS); // the strip says what failed; trying goes on (8)
    } finally {
      is_running = false;
    }
    const asked = again;
    again = "no";
    if (asked === "forced" || (asked === "yes" && hasWork())) wake(asked === "forced");
  };
  const wake = (is_forced: boolean): void => {
    if (signal.aborted) return;
    if (is_running) again = is_forced || again === "forced" ? "forced" : "yes";
    else void runOnce(is_forced);
  };

  return {
    wake,
    start() {
      const seen = (): void => {
        if (document.visibilityState === "visible") wake(isOffline());
      };
      addEventListener("online", () => wake(true), { signal });
      for (const name of ["focus", "pageshow"]) addEventListener(name, seen, { signal });
      document.addEventListener("visibilitychange", seen, { signal });
      const poll = setInterval(seen, POLL_MS);
      signal.addEventListener("abort", () => clearInterval(poll));
      wake(false);
    },
    stop() {
      stopped.abort();
      clearTimeout(timer);
    },
  };
}
