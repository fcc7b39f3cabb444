/** The mark of each item in a list: the worst thing a person should know about it. */
import type { Entry } from "./device.ts";
import type { Find } from "./overlay.ts";
import { itemOf } from "./subjects.ts";
import type { Conflict, Id, Mark, Refusal } from "./types.ts";

const RANK: readonly Mark[] = ["on_server", "photos", "parked", "on_phone", "sending", "two_versions", "refused"];

export interface Marked {
  readonly entries: readonly Entry[];
  readonly quarantined: readonly Entry[];
  readonly sending: readonly Id[];
  readonly conflicts: Iterable<Conflict>;
  readonly refusals: Iterable<Refusal>;
  /** Items with photos whose bytes the server does not have. */
  readonly photos: Iterable<Id>;
  readonly find: Find;
}

/** The marks of items that are not simply on the server. */
export function marksOf({ entries, quarantined, sending, conflicts, refusals, photos, find }: Marked): ReadonlyMap<Id, Mark> {
  const marks = new Map<Id, Mark>();
  const mark = (id: Id | null, as: Mark): void => {
    if (id !== null && RANK.indexOf(as) > RANK.indexOf(marks.get(id) ?? "on_server")) marks.set(id, as);
  };
  const in_flight = new Set(sending);
  // Acknowledged, and its rows are still coming: not "on server" before they are here.
  for (const entry of entries) mark(itemOf(entry, find), in_flight.has(entry.id) || entry.state === "acked" ? "sending" : "on_phone");
  for (const entry of quarantined) mark(itemOf(entry, find), "refused");
  // A suggestion only waits for a supervisor: nothing is wrong with the item.
  for (const one of conflicts) if (one.state === "open" && one.kind !== "suggestion") mark(one.item_id, "two_versions");
  for (const one of refusals) {
    if (one.state === "refused") mark(one.item_id, "refused");
    if (one.state === "parked") mark(one.item_id, "parked");
  }
  for (const item_id of photos) mark(item_id, "photos");
  return marks;
}
