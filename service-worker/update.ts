/** A new version takes over only when no tab would lose text. */
import type { WorkerWord } from "../pwa/sync/bell.ts";

declare const self: ServiceWorkerGlobalScope;

/** A tab that says nothing for so long is frozen or gone; what it held was saved as a draft within a second. */
const ANSWER_MS = 1_000;

/** Asks every tab; takes over and answers true when none is dirty, else false. */
export async function letIn(asker: MessagePort | undefined): Promise<void> {
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const dirty = await Promise.all(tabs.map(isDirty));
  const is_free = !dirty.includes(true);
  asker?.postMessage(is_free);
  if (is_free) await self.skipWaiting();
}

function isDirty(tab: Client): Promise<boolean> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = ({ data }: MessageEvent<unknown>) => resolve(data === true);
    setTimeout(() => resolve(false), ANSWER_MS);
    tab.postMessage("is_dirty" satisfies WorkerWord, [channel.port2]);
  });
}
