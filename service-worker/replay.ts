/** Sends what the outbox holds, and the photos, while no page does. */
import { cacheName, workName, type KnownUser } from "../pwa/store/databases.ts";
import { readCurrentUser } from "../pwa/store/people.ts";
import { openDatabase } from "../pwa/store/strict.ts";
import { readPhotos } from "../pwa/store/uploads.ts";
import { readOutbox } from "../pwa/store/work.ts";
import { openBell, openPhotoBell, outboxWord } from "../pwa/sync/bell.ts";
import { networkNow, postSync, sendUpload } from "../pwa/sync/network.ts";
import { asSenderIfFree, newRunner, type Duty } from "../pwa/sync/runner.ts";
import { PAUSES, pending } from "../pwa/sync/sending.ts";
import { finishSignOut } from "../pwa/sync/signing_out.ts";
import type { Instant } from "../pwa/sync/types.ts";
import { newUploader } from "../pwa/sync/uploader.ts";
import { sendable } from "../pwa/sync/uploading.ts";

/** Chromium ends an event after five minutes; a server that is away for a while is waited for within one event. */
const LIMIT_MS = 4 * 60_000;
const LOOK_AGAIN_MS = 1_000;

let last = Promise.resolve();

/**
 * Resolves when nothing waits any more or a person has to act; rejects when something remains. One after the other: what came while one
 * ended is for the next.
 */
export function replay(): Promise<void> {
  const turn = last.then(replayAll);
  last = turn.catch(() => undefined);
  return turn;
}

async function replayAll(): Promise<void> {
  const is_told = await finishSignOut();
  const user = await readCurrentUser();
  if (user) await replayFor(user);
  if (!is_told) throw new Error("a sign-out remains");
}

async function replayFor({ id }: KnownUser): Promise<void> {
  const [work, cache] = await Promise.all([openDatabase(workName(id)), openDatabase(cacheName(id))]);
  const bell = openBell(id);
  const photo_bell = openPhotoBell(id);
  const until = Date.now() + LIMIT_MS;
  const now = Date.now;

  const drain = async (duty: Duty, send: (is_forced: boolean) => Promise<Instant | null>, remains: () => Promise<boolean>): Promise<void> => {
    while (await remains()) {
      // Who signed out meanwhile keeps the rest on this phone.
      if ((await readCurrentUser())?.id !== id) throw new Error("work remains");
      const at = await asSenderIfFree(duty, id, () => send(false));
      if (at === null && now() < until) return;
      const next = at ?? now() + LOOK_AGAIN_MS; // somebody else is sending: look again, should that page be closed
      if (next > until) throw new Error("work remains");
      await new Promise((resolve) => setTimeout(resolve, next - now()));
    }
  };

  try {
    const send = newRunner({
      work,
      cache,
      post: (request) => postSync({ ...request, limit: 1 }), // rows are the next page's
      now,
      changed: (own) => bell.postMessage(outboxWord(own)),
      failed: () => undefined,
    });
    await drain("send", send, async () => {
      const outbox = await readOutbox(work);
      return pending(outbox).length > 0 && !PAUSES.has(outbox.durable.trouble);
    });
    if (work.version < 2) return; // no page of this version has been open yet: there are no photos
    const upload = newUploader({
      work,
      send: sendUpload,
      now,
      network: networkNow,
      changed: ({ own }) => photo_bell.postMessage(own),
      isOver: () => now() > until,
    });
    await drain("photos", upload, async () => sendable(await readPhotos(work), networkNow()).length > 0);
  } finally {
    bell.close();
    photo_bell.close();
    work.close();
    cache.close();
  }
}
