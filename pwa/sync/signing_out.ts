/** The part of a sign-out that needs the network; page and worker take it up at the first contact. */
import { forgetPendingSignOut, readPendingSignOut } from "../store/people.ts";
import { asking } from "./network.ts";

/** Tells the server of a sign-out it has not heard of. Nothing happens where there is none, or while it cannot be reached. */
export async function finishSignOut(): Promise<void> {
  if ((await readPendingSignOut()) === undefined) return;
  const answer = await asking("/session", "DELETE", undefined, 5_000);
  // 401: the session has ended already, which is what was wanted.
  if (answer && (answer.status < 300 || answer.status === 401)) await forgetPendingSignOut();
}
