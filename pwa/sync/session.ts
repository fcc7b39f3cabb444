/** Signing in and out. Credentials are sent and forgotten; signing out locks this phone at once, offline too. */
import type { KnownUser } from "../store/databases.ts";
import { forgetPendingSignOut, lockUser, readPendingSignOut, writeCurrentUser } from "../store/shell.ts";
import { asking, isOurs, jsonOf } from "./network.ts";
import type { Id, Me } from "./types.ts";

export { waitingOnThisPhone, type WaitingUser } from "../store/shell.ts";

export type SignedIn = { readonly user: KnownUser; readonly error: null } | { readonly user: null; readonly error: string };

const UNREACHABLE = "Our server does not answer. Check the network and try again.";

/**
 * Signs in and makes this person the current one on this phone. Resolves to the user, or to an error in words. Work of others on this
 * phone stays theirs.
 */
export async function signIn(login: string, password: string): Promise<SignedIn> {
  await finishSignOut();
  const response = await asking("/session", { method: "POST", body: JSON.stringify({ login, password, device: deviceName() }) });
  if (response === null || !isOurs(response)) return { user: null, error: UNREACHABLE };
  const body = await jsonOf(response);
  const person = response.ok ? (body?.["user"] as Me | undefined) : undefined;
  if (person === undefined) return { user: null, error: typeof body?.["reason"] === "string" ? body["reason"] : UNREACHABLE };
  const { id, name, company_id, project_id } = person;
  const user: KnownUser = { id, name, login, company_id: company_id ?? null, project_id: project_id ?? "", is_locked: false };
  await writeCurrentUser(user);
  tellOthers();
  return { user, error: null };
}

/** Locks this phone for `user` now; the server is told now or with the first contact. Unsent work stays. */
export async function signOut(user: Id): Promise<void> {
  await lockUser(user);
  tellOthers();
  await finishSignOut();
}

/** Tells the server of a sign-out it has not heard of. Nothing happens where there is none, or while it cannot be reached. */
export async function finishSignOut(): Promise<void> {
  if ((await readPendingSignOut()) === undefined) return;
  const response = await asking("/session", { method: "DELETE" }, 5_000);
  // 401: the session has ended already, which is what was wanted.
  if (response !== null && isOurs(response) && (response.ok || response.status === 401)) await forgetPendingSignOut();
}

const CHANNEL = "holdfast-people";

function tellOthers(): void {
  if (typeof BroadcastChannel === "undefined") return;
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage("changed");
  channel.close();
}

/** Calls `changed` when another tab signed somebody in or out. */
export function onPeopleChanged(changed: () => void): () => void {
  if (typeof BroadcastChannel === "undefined") return () => undefined;
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = changed;
  return () => channel.close();
}

/** What the list of one's own sessions calls this device. */
function deviceName(): string {
  const agent = navigator.userAgent;
  const browser = /Firefox|Edg|OPR|Chrome|Safari/.exec(agent)?.[0] ?? "Browser";
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(agent)?.[0] ?? "device";
  return `${browser} on ${system}`;
}
