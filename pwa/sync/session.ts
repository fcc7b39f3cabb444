/** Signing in and out. Credentials are sent and forgotten; signing out locks this phone at once, offline too. */
import type { KnownUser } from "../store/databases.ts";
import { lockUser, prepareShell, waitingOnThisPhone as countWaiting, writeCurrentUser, type WaitingUser } from "../store/shell.ts";
import { asking } from "./network.ts";
import { finishSignOut } from "./signing_out.ts";
import { askForReplay } from "./worker_registration.ts";
import type { Id, Me } from "./types.ts";

export type { WaitingUser };

export type SignedIn = { readonly user: KnownUser; readonly error: null } | { readonly user: null; readonly error: string };

const UNREACHABLE = "Our server does not answer. Check the network and try again.";

/**
 * Signs in and makes this person the current one on this phone. Resolves to the user, or to an error in words. Work of others on this
 * phone stays theirs.
 */
export async function signIn(login: string, password: string): Promise<SignedIn> {
  await prepareShell();
  await finishSignOut();
  const answer = await asking("/session", "POST", { login, password, device: deviceName() });
  const person = answer?.status === 200 || answer?.status === 201 ? (answer.body["user"] as Me | undefined) : undefined;
  const reason = answer?.body["reason"];
  if (person === undefined) return { user: null, error: typeof reason === "string" ? reason : UNREACHABLE };
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
  if (!(await finishSignOut())) void askForReplay();
}

/** Everybody with unsent work on this phone: names and counts, no content. */
export async function waitingOnThisPhone(): Promise<WaitingUser[]> {
  await prepareShell();
  return countWaiting();
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
