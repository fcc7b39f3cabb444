/** Sends what the outbox holds while no page does. */
import { openCache, openWork, type KnownUser } from "../pwa/store/databases.ts";
import { readCurrentUser } from "../pwa/store/shell.ts";
import { prepareWork, readOutbox } from "../pwa/store/work.ts";
import { openBell } from "../pwa/sync/bell.ts";
import { pending, type Trouble } from "../pwa/sync/device.ts";
import { postSync } from "../pwa/sync/network.ts";
import { asSenderIfFree, Runner } from "../pwa/sync/runner.ts";
import { finishSignOut } from "../pwa/sync/session.ts";

/** Chromium ends an event after five minutes; a server that is away for a while is waited for within one event. */
const LIMIT_MS = 4 * 60_000;
const LOOK_AGAIN_MS = 1_000;
/** No use in trying again before a person has done something. */
const PAUSES: ReadonlySet<Trouble | null> = new Set(["sign_in", "other_user", "revoked", "upgrade"]);

let running: Promise<void> | null = null;

/** Resolves when nothing waits any more or a person has to act; rejects when something remains. */
export function replay(): Promise<void> {
  running ??= replayAll().finally(() => (running = null));
  return running;
}

async function replayAll(): Promise<void> {
  await finishSignOut();
  const user = await readCurrentUser();
  if (user !== null) await replayFor(user);
}

async function replayFor(user: KnownUser): Promise<void> {
  const [work, cache] = await Promise.all([openWork(user.id), openCache(user.id)]);
  const bell = openBell(user.id, () => undefined);
  const runner = new Runner({
    work,
    cache,
    post: postSync,
    now: Date.now,
    changed: (own, _durable, rows) => {
      const sending = { ids: own.flight?.ids ?? [], retry_at: own.retry_at };
      const keys = rows === null || rows.is_reset ? null : [...rows.put.map((row) => [row.entity, row.id] as const), ...rows.gone];
      bell.ring(rows === null ? { type: "outbox", sending } : { type: "rows", keys, sending });
    },
    failed: () => undefined,
  });
  try {
    await prepareWork(work, user.id);
    const until = Date.now() + LIMIT_MS;
    while (await remains()) {
      // Somebody else is sending: look again, should that page be closed.
      const at = (await asSenderIfFree(user.id, () => runner.run(false))) ?? Date.now() + LOOK_AGAIN_MS;
      if (!(await remains())) return;
      if (at > until || (await readCurrentUser())?.id !== user.id) throw new Error("some of the outbox remains");
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
