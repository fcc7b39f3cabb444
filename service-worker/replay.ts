/** Sends what the outbox holds while no page does. */
import { cacheName, workName, type KnownUser } from "../pwa/store/databases.ts";
import { readCurrentUser } from "../pwa/store/people.ts";
import { openDatabase } from "../pwa/store/strict.ts";
import { readOutbox } from "../pwa/store/work.ts";
import { openBell, wordFor } from "../pwa/sync/bell.ts";
import { postSync } from "../pwa/sync/network.ts";
import { asSenderIfFree, Runner } from "../pwa/sync/runner.ts";
import { PAUSES, pending } from "../pwa/sync/sending.ts";
import { finishSignOut } from "../pwa/sync/signing_out.ts";

/** Chromium ends an event after five minutes; a server that is away for a while is waited for within one event. */
const LIMIT_MS = 4 * 60_000;
const LOOK_AGAIN_MS = 1_000;

let running: Promise<void> | null = null;

/** Resolves when nothing waits any more or a person has to act; rejects when something remains. */
export function replay(): Promise<void> {
  running ??= replayAll().finally(() => (running = null));
  return running;
}

async function replayAll(): Promise<void> {
  const is_told = await finishSignOut();
  const user = await readCurrentUser();
  if (user) await replayFor(user);
  if (!is_told) throw new Error("a sign-out remains");
}

async function replayFor(user: KnownUser): Promise<void> {
  const [work, cache] = await Promise.all([openDatabase(workName(user.id)), openDatabase(cacheName(user.id))]);
  const bell = openBell(user.id);
  const runner = new Runner({
    work,
    cache,
    post: postSync,
    now: Date.now,
    changed: (own, _durable, rows) => bell.postMessage(wordFor(own, rows)),
    failed: () => undefined,
  });
  try {
    const until = Date.now() + LIMIT_MS;
    while (await remains()) {
      // Somebody else is sending: look again, should that page be closed.
      const at = (await asSenderIfFree(user.id, () => runner.run(false))) ?? Date.now() + LOOK_AGAIN_MS;
      if (!(await remains())) return;
      if (at > until || (await readCurrentUser())?.id !== user.id) throw new Error("work remains");
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())));
    }
  } finally {
    bell.close();
    work.close();
    cache.close();
  }

  async function remains(): Promise<boolean> {
    const outbox = await readOutbox(work);
    return pending(outbox).length > 0 && !PAUSES.has(outbox.durable.trouble);
  }
}
