/** Who is signed in on this phone, as the worker too may ask: it opens the shell database and never makes it. */
import type { Id } from "../sync/types.ts";
import { SHELL_NAME, type KnownUser, type ShellDatabase } from "./databases.ts";
import { get, openDatabase, reading, remove, strictly } from "./strict.ts";

/** Runs `work` on the shell database, opened for this alone: it is needed rarely, and by pages that live shortly. */
export async function withShell<R>(work: (shell: ShellDatabase) => Promise<R>): Promise<R> {
  const shell = await openDatabase(SHELL_NAME);
  try {
    return await work(shell);
  } finally {
    shell.close();
  }
}

/** Who may see and send on this phone now; null when nobody is signed in, or who was has locked it. */
export function readCurrentUser(): Promise<KnownUser | null> {
  return withShell((shell) =>
    reading(shell, ["users", "meta"], async (tx) => {
      const id = await get<Id>(tx, "meta", "current_user");
      const user = id === undefined ? undefined : await get<KnownUser>(tx, "users", id);
      return user === undefined || user.is_locked ? null : user;
    }),
  );
}

export function readPendingSignOut(): Promise<Id | undefined> {
  return withShell((shell) => reading(shell, ["meta"], (tx) => get<Id>(tx, "meta", "pending_sign_out")));
}

export function forgetPendingSignOut(): Promise<void> {
  return withShell((shell) => strictly(shell, ["meta"], (tx) => remove(tx, "meta", "pending_sign_out")));
}

