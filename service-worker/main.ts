/** The service worker: keeps the shell for hours without network, and replays the outbox when no page does. */
import type { WorkerWord } from "../pwa/sync/bell.ts";
import { replay } from "./replay.ts";
import { answerFromShell, installShell, isShellRequest, removeOldShells } from "./shell.ts";

declare const self: ServiceWorkerGlobalScope;

self.addEventListener("install", (event) => event.waitUntil(installShell()));

self.addEventListener("activate", (event) => {
  event.waitUntil(removeOldShells().then(() => self.clients.claim()));
  event.waitUntil(quietReplay());
});

// Only GET requests are ever answered: the body of a re-fetched POST arrives empty on iOS.
self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && isShellRequest(event.request)) event.respondWith(answerFromShell(event.request));
});

// Said by a page once a person agreed and no tab holds unsaved text.
self.addEventListener("message", (event) => {
  if (event.data === ("SKIP_WAITING" satisfies WorkerWord)) event.waitUntil(self.skipWaiting());
});

// Background sync is not in every browser, nor in the library's types. A rejected promise makes the browser try again by itself.
const untyped = self as unknown as { addEventListener(type: string, listener: (event: ExtendableEvent) => void): void };
untyped.addEventListener("sync", (event) => event.waitUntil(replay()));
untyped.addEventListener("periodicsync", (event) => event.waitUntil(quietReplay()));

/** Where nobody reads whether it worked: what remains is taken up by the next occasion. */
function quietReplay(): Promise<void> {
  return replay().catch(() => undefined);
}
