/** The part of a sign-out that needs the network; page and worker take it up at the first contact. */
import { forgetPendingSignOut, readPendingSignOut } from "../store/people.ts";
import { asking } from "./network.ts";

/** Tells the server of a sign-out it has not heard of. Resolves to whether none is left to tell. */
export async function finishSignOut(): Promise<boolean> {
  if ((await readPendingSignOut()) === undefined) return true;
  const answer = await asking("/session", "DELETE", undefined, 5_000);
  // 401: the session has ended already, which is what was wanted.
  if (!answer || (answer.status > 299 && answer.status !== 401)) return false;
  await forgetPendingSignOut();
  return true;
}
