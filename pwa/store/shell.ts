/** The shell database: who is signed in on this phone, who was, and what it calls itself. */
import type { Id } from "../sync/types.ts";
import { openShell, openWork, type KnownUser, type ShellDatabase } from "./databases.ts";
import { storing, strictly } from "./strict.ts";

/** Runs `work` on the shell database, opened for this alone: it is needed rarely, and by pages that live shortly. */
async function withShell<R>(work: (shell: ShellDatabase) => Promise<R>): Promise<R> {
  const shell = await openShell();
  try {
    return await storing(() => work(shell));
  } finally {
    shell.close();
  }
}

/** Who may see and send on this phone now; null when nobody is signed in, or who was has locked it. */
export function readCurrentUser(): Promise<KnownUser | null> {
  return withShell(async (shell) => {
    const id = await shell.get("meta", "current_user");
    const user = id === undefined ? undefined : await shell.get("users", id);
    return user === undefined || user.is_locked ? null : user;
  });
}

/** Makes `user` the current one; a sign-out still to be told is settled by the new session. */
export function writeCurrentUser(user: KnownUser): Promise<void> {
  return withShell((shell) =>
    strictly(shell, ["users", "meta"], async (tx) => {
      const meta = tx.objectStore("meta");
      await Promise.all([tx.objectStore("users").put(user), meta.put(user.id, "current_user"), meta.delete("pending_sign_out")]);
    }),
  );
}

/** Locks this phone at once, and remembers that the server has to be told. The user's work stays. */
export function lockUser(id: Id): Promise<void> {
  return withShell((shell) =>
    strictly(shell, ["users", "meta"], async (tx) => {
      const users = tx.objectStore("users");
      const meta = tx.objectStore("meta");
      const user = await users.get(id);
      if (user !== undefined) await users.put({ ...user, is_locked: true });
      if ((await meta.get("current_user")) === id) await meta.delete("current_user");
      await meta.put(id, "pending_sign_out");
    }),
  );
}

export function readPendingSignOut(): Promise<Id | undefined> {
  return withShell((shell) => shell.get("meta", "pending_sign_out"));
}

export function forgetPendingSignOut(): Promise<void> {
  return withShell((shell) => strictly(shell, ["meta"], (tx) => tx.objectStore("meta").delete("pending_sign_out")));
}

/** A short name of this phone, "K7", made once: provisional numbers start with it. */
export function readDeviceLabel(): Promise<string> {
  return withShell((shell) =>
    strictly(shell, ["meta"], async (tx) => {
      const known = await tx.objectStore("meta").get("device_label");
      const label = known ?? newLabel();
      if (known === undefined) await tx.objectStore("meta").put(label, "device_label");
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
  /** Mutations on this phone that the server has not acknowledged, quarantined ones included. */
  readonly waiting: number;
}

/** Everybody with unsent work on this phone: names and counts, no content. */
export async function waitingOnThisPhone(): Promise<WaitingUser[]> {
  const users = await withShell((shell) => shell.getAll("users"));
  const counted = await Promise.all(users.map(async ({ id, name }) => ({ user_id: id, name, waiting: await countWaiting(id) })));
  return counted.filter((user) => user.waiting > 0);
}

async function countWaiting(user: Id): Promise<number> {
  const work = await openWork(user);
  try {
    const [entries, quarantined] = await Promise.all([work.getAll("entries"), work.count("quarantined")]);
    return entries.filter((entry) => entry.state !== "acked").length + quarantined;
  } finally {
    work.close();
  }
}
