/** The shell database: who is signed in on this phone, who was, and what it calls itself. */
import type { Entry } from "../sync/device.ts";
import type { Id } from "../sync/types.ts";
import { openShell, openWork } from "./opening.ts";
import { withShell } from "./people.ts";
import { isOwed } from "../sync/uploading.ts";
import type { KnownUser, PhotoRecord } from "./databases.ts";
import { all, get, of, put, reading, remove, strictly } from "./strict.ts";

/** Makes the shell database where it is missing; everything below, and the worker, needs it to be there. */
export async function prepareShell(): Promise<void> {
  (await openShell()).close();
}

/** Makes `user` the current one; a sign-out still to be told is settled by the new session. */
export function writeCurrentUser(user: KnownUser): Promise<void> {
  return withShell((shell) =>
    strictly(shell, ["users", "meta"], (tx) => {
      put(tx, "users", user);
      put(tx, "meta", user.id, "current_user");
      remove(tx, "meta", "pending_sign_out");
    }),
  );
}

/** Locks this phone at once, and remembers that the server has to be told. The user's work stays. */
export function lockUser(id: Id): Promise<void> {
  return withShell((shell) =>
    strictly(shell, ["users", "meta"], async (tx) => {
      const user = await get<KnownUser>(tx, "users", id);
      if (user !== undefined) put(tx, "users", { ...user, is_locked: true });
      if ((await get(tx, "meta", "current_user")) === id) remove(tx, "meta", "current_user");
      put(tx, "meta", id, "pending_sign_out");
    }),
  );
}

/** A short name of this phone, "K7", made once: provisional numbers start with it. */
export function readDeviceLabel(): Promise<string> {
  return withShell((shell) =>
    strictly(shell, ["meta"], async (tx) => {
      const known = await get<string>(tx, "meta", "device_label");
      const label = known ?? newLabel();
      if (known === undefined) put(tx, "meta", label, "device_label");
      return label;
    }),
  );
}

const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"; // no I and no O: they are read as digits

function newLabel(): string {
  const [letter, digit] = crypto.getRandomValues(new Uint32Array(2));
  return `${LETTERS[letter! % LETTERS.length]}${digit! % 10}`;
}

export interface WaitingUser {
  readonly user_id: Id;
  readonly name: string;
  /** Mutations and photos on this phone that the server has not acknowledged, quarantined ones included. */
  readonly waiting: number;
}

/** Everybody with unsent work on this phone: names and counts, no content. */
export async function waitingOnThisPhone(): Promise<WaitingUser[]> {
  const users = await withShell((shell) => reading(shell, ["users"], (tx) => all<KnownUser>(tx, "users")));
  const counted = await Promise.all(users.map(async ({ id, name }) => ({ user_id: id, name, waiting: await countWaiting(id) })));
  return counted.filter((user) => user.waiting > 0);
}

async function countWaiting(user: Id): Promise<number> {
  const work = await openWork(user);
  try {
    return await reading(work, ["entries", "quarantined", "photos"], async (tx) => {
      const [entries, photos, quarantined] = await Promise.all([
        all<Entry>(tx, "entries"),
        all<PhotoRecord>(tx, "photos"),
        of(tx.objectStore("quarantined").count()),
      ]);
      return entries.filter((entry) => entry.state !== "acked").length + photos.filter(isOwed).length + quarantined;
    });
  } finally {
    work.close();
  }
}
