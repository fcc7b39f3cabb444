/** What this person may do, by the generated tables; the server judges again. */

import { concerns } from "../sync/needs.ts";
import { ACTS, ITEM_FIELDS, TRANSITIONS } from "../sync/rules.ts";
import type { Conflict, Id, Instant, Item, Me, Membership, Refusal, Role, Snapshot, Status } from "../sync/types.ts";

type Live = Pick<Snapshot, "memberships">;

const isInForce = (membership: Membership, now: Instant): boolean =>
  membership.valid_from <= now && (membership.valid_to === null || now < membership.valid_to);

/** The roles of `me` in a sector; a guest's counts on items of the own company only. */
export function rolesIn(snapshot: Live, me: Me, sector_id: Id, company_id: Id | null, now: Instant = Date.now()): Set<Role> {
  return new Set(
    snapshot.memberships
      .filter((one) => one.user_id === me.id && isInForce(one, now))
      .filter((one) => one.sector_id === null || one.sector_id === sector_id)
      .filter((one) => one.role !== "guest" || (company_id !== null && company_id === me.company_id))
      .map((one) => one.role),
  );
}

export function may(act: string, roles: ReadonlySet<Role>): boolean {
  return (ACTS[act] ?? []).some((role) => roles.has(role));
}

export function mayOn(snapshot: Live, me: Me, item: Pick<Item, "sector_id" | "company_id">, act: string): boolean {
  return may(act, rolesIn(snapshot, me, item.sector_id, item.company_id));
}

/** Sectors in which `me` may do `act`, of those this phone knows. */
export function sectorsFor(snapshot: Snapshot, me: Me, act: string): Id[] {
  return [...snapshot.sectors.keys()].filter((id) => may(act, rolesIn(snapshot, me, id, me.company_id)));
}

/** Sectors of which this person sees items. */
export function ownSectors(snapshot: Snapshot, me: Me): Id[] {
  return [...snapshot.sectors.keys()]
    .filter((id) => rolesIn(snapshot, me, id, me.company_id).size > 0)
    .sort((a, b) => (snapshot.sectors.get(a)?.code ?? "").localeCompare(snapshot.sectors.get(b)?.code ?? "", undefined, { numeric: true }));
}

/** People to whom work in a sector can be assigned. */
export function peopleIn(snapshot: Snapshot, sector_id: Id, now: Instant = Date.now()): Id[] {
  const ids = snapshot.memberships
    .filter((one) => isInForce(one, now) && (one.sector_id === null || one.sector_id === sector_id))
    .map((one) => one.user_id);
  return [...new Set(ids)].filter((id) => snapshot.actors.get(id)?.is_disabled === false);
}

/** A command as a button with the icon of its `target`: `is_main` ones stand in the action bar, the others behind "More actions". */
export interface Command {
  readonly name: string;
  readonly needs_reason: boolean;
  readonly target: Status | null;
  readonly is_main: boolean;
}

/** Open in nearly every state and seldom what comes next. */
const ASIDE = ["item.dispute", "item.void"];

/** The status commands open to `me` on this item now, the most likely first: the order of the table. */
export function commandsFor(snapshot: Live, me: Me, item: Item): Command[] {
  const roles = rolesIn(snapshot, me, item.sector_id, item.company_id);
  return Object.entries(TRANSITIONS)
    .filter(([name, { sources }]) => sources.includes(item.status) && may(name, roles))
    .filter(([name]) => name !== "item.accept" || item.submitted_by !== me.id || roles.has("admin"))
    .map(([name, { needs_reason, target }]) => ({ name, needs_reason, target, is_main: !ASIDE.includes(name) }));
}

/** Whether `me` leads any sector: what is gone from this phone may be one of theirs. */
export const leadsSomewhere = (snapshot: Live, me: Me): boolean =>
  snapshot.memberships.some((one) => one.user_id === me.id && (one.role === "supervisor" || one.role === "admin"));

/** Whether a change of this field by this person is only a suggestion. */
export function isSuggestion(field: string, roles: ReadonlySet<Role>): boolean {
  return field in ITEM_FIELDS && !ITEM_FIELDS[field]?.is_direct && !may("item.decide", roles);
}

/** Fields shown as this person wishes them, which the server will keep as a suggestion once it has the change. */
export function suggestedFields(me: Me, snapshot: Snapshot, item: Item): string[] {
  const roles = rolesIn(snapshot, me, item.sector_id, item.company_id);
  const edits = snapshot.outbox.filter((row) => row.item_id === item.id && row.name === "item.edit");
  return [...new Set(edits.flatMap((row) => Object.keys(row.args["set"] as object)))].filter((field) => isSuggestion(field, roles));
}

const PARKED_SHOWN_MS = 5 * 24 * 3_600_000;

export interface Needs {
  readonly refused: Refusal[];
  readonly parked: Refusal[];
  readonly conflicts: Conflict[];
  readonly suggestions: Conflict[];
  readonly noted: Conflict[];
}

/** What waits for this person's answer, by kind. The strip counts all but the parked. */
export function needsOf(snapshot: Snapshot, me: Me, now: Instant): Needs {
  const refusals = [...snapshot.refusals.values()].sort((a, b) => b.received_at - a.received_at);
  const open = [...snapshot.conflicts.values()].filter((one) => concerns(one, me.id, snapshot.items.get(one.item_id), snapshot.memberships));
  return {
    refused: refusals.filter((one) => one.state === "refused"),
    parked: refusals.filter((one) => one.state === "parked" && now - one.received_at > PARKED_SHOWN_MS),
    conflicts: open.filter((one) => one.kind !== "suggestion" && one.state === "open"),
    suggestions: open.filter((one) => one.kind === "suggestion"),
    noted: open.filter((one) => one.state === "noted"),
  };
}

const isAuthor = (me: Me, conflict: Conflict): boolean => conflict.current_by === me.id || conflict.other_by === me.id;

/** Whether `me` may give this answer: letting the current value stand is open to who lost; anything else takes the right on the field. */
export function mayChoose(snapshot: Snapshot, me: Me, conflict: Conflict, choice: "current" | "other"): boolean {
  if (choice === "current" && (conflict.other_by === me.id || (conflict.state === "noted" && isAuthor(me, conflict)))) return true;
  const item = snapshot.items.get(conflict.item_id);
  if (item === undefined) return false;
  const roles = rolesIn(snapshot, me, item.sector_id, item.company_id);
  return may("conflict.resolve", roles) && !isSuggestion(conflict.field, roles);
}

/** Whether it waits for an answer that `me` may give; a noted one waits until each author has seen it. */
export function mayAnswer(snapshot: Snapshot, me: Me, conflict: Conflict): boolean {
  if (conflict.state === "resolved") return false;
  if (conflict.state === "noted" && (!isAuthor(me, conflict) || conflict.seen_by.includes(me.id))) return false;
  return mayChoose(snapshot, me, conflict, "current") || mayChoose(snapshot, me, conflict, "other");
}
