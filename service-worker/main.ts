/** The service worker: keeps the shell for hours without network, and replays the outbox when no page does. */
import { replay } from "./replay.ts";
import { answerFromShell, installShell, isShellRequest, removeOldShells } from "./shell.ts";
import { letIn } from "./update.ts";

declare const self: ServiceWorkerGlobalScope;

/** One-off and periodic background sync; not in every browser, nor in the library's types. */
interface SyncEvent extends ExtendableEvent {
  readonly tag: string;
}

self.addEventListener("install", (event) => event.waitUntil(installShell()));

self.addEventListener("activate", (event) => {
  event.waitUntil(removeOldShells().then(() => self.clients.claim()));
  event.waitUntil(quietReplay());
});

// Only GET requests are ever answered: the body of a re-fetched POST arrives empty on iOS.
self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && isShellRequest(event.request)) event.respondWith(answerFromShell(event.request));
});

self.addEventListener("message", (event) => {
  if (event.data === "SKIP_WAITING") event.waitUntil(letIn(event.ports[0]));
});

// A rejected promise makes the browser try again by itself, so what remains is never given up here.
self.addEventListener("sync" as "message", ((event: SyncEvent) => event.waitUntil(replay())) as unknown as (event: ExtendableMessageEvent) => void);
self.addEventListener("periodicsync" as "message", ((event: SyncEvent) => event.waitUntil(quietReplay())) as unknown as (event: ExtendableMessageEvent) => void);

/** Where nobody reads whether it worked: what remains is taken up by the next occasion. */
function quietReplay(): Promise<void> {
  return replay().catch(() => undefined);
}
