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

export class Pulse {
  readonly #on: Pulsed;
  #running = false;
  /** Asked for while it ran. */
  #again: "no" | "yes" | "forced" = "no";
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #stopped = new AbortController();

  constructor(on: Pulsed) {
    this.#on = on;
  }

  start(): void {
    const { signal } = this.#stopped;
    const seen = (): void => {
      if (document.visibilityState === "visible") this.wake(this.#on.isOffline());
    };
    addEventListener("online", () => this.wake(true), { signal });
    addEventListener("focus", seen, { signal });
    addEventListener("pageshow", seen, { signal });
    document.addEventListener("visibilitychange", seen, { signal });
    const poll = setInterval(seen, POLL_MS);
    signal.addEventListener("abort", () => clearInterval(poll));
    this.wake(false);
  }

  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  wake(is_forced: boolean): void {
    if (this.#stopped.signal.aborted) return;
    if (this.#running) {
      this.#again = is_forced || this.#again === "forced" ? "forced" : "yes";
      return;
    }
    void this.#run(is_forced);
  }

  async #run(is_forced: boolean): Promise<void> {
    this.#running = true;
    clearTimeout(this.#timer);
    try {
      this.#plan(await this.#on.run(is_forced));
    } catch {
      this.#plan(Date.now() + POLL_MS); // the strip says what failed; trying goes on (8)
    } finally {
      this.#running = false;
    }
    const again = this.#again;
    this.#again = "no";
    if (again === "forced" || (again === "yes" && this.#on.hasWork())) this.wake(again === "forced");
  }

  #plan(at: Instant | null): void {
    if (at !== null) this.#timer = setTimeout(() => this.wake(false), Math.max(0, at - Date.now()));
  }
}
