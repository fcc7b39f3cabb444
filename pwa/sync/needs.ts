/** What waits for this person: refused work and conflicts that they have a say in. */
import type { Conflict, Id, Item, Membership, Refusal, Role } from "./types.ts";

const LEADS: ReadonlySet<Role> = new Set(["supervisor", "admin"]);

/** Whether the conflict waits for `user`: an own edit lost, was replaced unseen or contradicted; or a suggestion in a sector they lead. */
export function concerns(conflict: Conflict, user: Id, item: Item | undefined, memberships: readonly Membership[]): boolean {
  if (conflict.state === "resolved" || (conflict.state === "noted" && conflict.seen_by.includes(user))) return false;
  if (conflict.kind !== "suggestion") return conflict.current_by === user || conflict.other_by === user;
  return memberships.some(
    (one) => one.user_id === user && LEADS.has(one.role) && (one.sector_id === null || one.sector_id === item?.sector_id),
  );
}

export function countNeeds(
  user: Id,
  conflicts: ReadonlyMap<Id, Conflict>,
  refusals: ReadonlyMap<Id, Refusal>,
  items: ReadonlyMap<Id, Item>,
  memberships: readonly Membership[],
): number {
  const open = [...conflicts.values()].filter((one) => concerns(one, user, items.get(one.item_id), memberships));
  return open.length + [...refusals.values()].filter((one) => one.state === "refused").length;
}
