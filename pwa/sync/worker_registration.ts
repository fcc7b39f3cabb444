/** The page's side of the service worker: registers it, asks it to replay, and lets a new version in when nobody loses text. */

import type { WorkerWord } from "./bell.ts";

const WORKER_URL = "/sw.js";

interface SyncRegistration extends ServiceWorkerRegistration {
  readonly sync?: { register(tag: string): Promise<void> };
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

let policy: { createScriptURL(url: string): string } | undefined;

/** The one policy of this app: it lets through the address of the service worker and of the app's own code, and nothing else. */
export function trustedUrl(url: string): string {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  policy ??= types?.createPolicy("holdfast", {
    createScriptURL(asked) {
      const { origin, pathname } = new URL(asked, location.href);
      if (origin !== location.origin || !(pathname === WORKER_URL || pathname.startsWith("/assets/"))) throw new TypeError(`${asked} is not our code`);
      return asked;
    },
  });
  return policy?.createScriptURL(url) ?? url;
}

const TABS = "holdfast-tabs";
type TabWord = "who_is_dirty" | "dirty";

/** A tab that says nothing for so long is frozen or gone; what it held was saved as a draft within a second. */
const ANSWER_MS = 500;

const ASK_AGAIN_MS = 2_000;

/** Whether any tab of this app holds unsaved text; of whichever user. */
function askTabs(): Promise<boolean> {
  return new Promise((resolve) => {
    const tabs = new BroadcastChannel(TABS);
    const answer = (is_dirty: boolean): void => {
      tabs.close();
      resolve(is_dirty);
    };
    tabs.onmessage = ({ data }: MessageEvent<TabWord>) => data === "dirty" && answer(true);
    tabs.postMessage("who_is_dirty" satisfies TabWord);
    setTimeout(() => answer(false), ANSWER_MS);
  });
}

/** Updates of the app as one tab sees them. */
export class Updates {
  readonly #changed: () => void;
  #registration: ServiceWorkerRegistration | null = null;
  #is_dirty = false;
  #is_blocked = false;
  #is_reload_due = false;

  /** `changed` is called whenever `is_waiting` or `is_blocked` may have changed. */
  constructor(changed: () => void) {
    this.#changed = changed;
    const tabs = new BroadcastChannel(TABS);
    tabs.onmessage = ({ data }: MessageEvent<TabWord>) => {
      if (data === "who_is_dirty" && this.#is_dirty) tabs.postMessage("dirty" satisfies TabWord);
    };
  }

  get is_waiting(): boolean {
    return this.#is_reload_due || (this.#registration?.waiting ?? null) !== null;
  }

  get is_blocked(): boolean {
    return this.#is_blocked || (this.is_waiting && this.#is_dirty);
  }

  async register(): Promise<void> {
    const workers = globalThis.navigator?.serviceWorker;
    if (workers === undefined) return;
    let had_worker = workers.controller !== null;
    workers.addEventListener("controllerchange", () => {
      if (had_worker) this.#reload(); // else the first one took charge of this page: it runs that version already
      had_worker = true;
    });
    this.#registration = await workers.register(trustedUrl(WORKER_URL), { updateViaCache: "none" });
    this.#registration.addEventListener("updatefound", () => this.#watch(this.#registration?.installing ?? null));
    this.#watch(this.#registration.installing);
    this.#changed();
  }

  /** Looks for a new version; browsers do so rarely while a page stays open. */
  look(): void {
    this.#registration?.update().catch(() => undefined);
  }

  setDirty(is_dirty: boolean): void {
    this.#is_dirty = is_dirty;
    this.#changed();
  }

  /** Lets the new version in. It asks every tab first; while one holds unsaved text, nothing happens and `is_blocked` says so. */
  async apply(): Promise<void> {
    if (this.#is_dirty) return this.#block();
    if (this.#is_reload_due) return location.reload();
    const { waiting } = this.#registration ?? {};
    if (!waiting) return;
    if (await askTabs()) this.#block();
    else waiting.postMessage("SKIP_WAITING" satisfies WorkerWord);
  }

  /** Until no tab is dirty any more; they are asked again, because a closed one says nothing. */
  #block(): void {
    if (!this.#is_blocked) setTimeout(() => void this.#askAgain(), ASK_AGAIN_MS);
    this.#is_blocked = true;
    this.#changed();
  }

  async #askAgain(): Promise<void> {
    const is_dirty = this.#is_dirty || (await askTabs());
    if (is_dirty) setTimeout(() => void this.#askAgain(), ASK_AGAIN_MS);
    this.#is_blocked = is_dirty;
    this.#changed();
  }

  #watch(worker: ServiceWorker | null): void {
    worker?.addEventListener("statechange", () => this.#changed());
  }

  /** The new worker is in charge: its pages are loaded, but never over unsaved text. */
  #reload(): void {
    if (!this.#is_dirty) return location.reload();
    this.#is_reload_due = true;
    this.#changed();
  }
}

/** Asks the browser to wake the worker when the network is back, tabs or no tabs. Where it cannot, the next opening replays. */
export async function askForReplay(): Promise<void> {
  try {
    const registration = (await globalThis.navigator?.serviceWorker?.getRegistration()) as SyncRegistration | undefined;
    if (registration?.active) await registration.sync?.register("replay");
  } catch {
    // Refused by the browser or the person: the page and the next opening still replay.
  }
}
