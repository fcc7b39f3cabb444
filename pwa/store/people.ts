/** Who is signed in on this phone, as the worker too may ask: it opens the shell database and never makes it. */
import type { Id } from "../sync/types.ts";
import { SHELL_NAME, type KnownUser, type ShellDatabase } from "./databases.ts";
import { of, openDatabase, reading, strictly } from "./strict.ts";

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
      const id = await of<Id | undefined>(tx.objectStore("meta").get("current_user"));
      const user = id === undefined ? undefined : await of<KnownUser | undefined>(tx.objectStore("users").get(id));
      return user === undefined || user.is_locked ? null : user;
    }),
  );
}

export function readPendingSignOut(): Promise<Id | undefined> {
  return withShell((shell) => reading(shell, ["meta"], (tx) => of<Id | undefined>(tx.objectStore("meta").get("pending_sign_out"))));
}

export function forgetPendingSignOut(): Promise<void> {
  return withShell((shell) => strictly(shell, ["meta"], (tx) => void tx.objectStore("meta").delete("pending_sign_out")));
}

