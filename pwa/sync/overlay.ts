/**
 * What this device shows: the rows it was given with the user's own pending work laid over them (invariant 11).
 *
 * Pure; the twin of `sync/overlay.py`, held to it by golden steps. It guesses what the server will do and never
 * argues: a status command that the row no longer allows, or an edit of a row that is not here, shows nothing.
 */
import type { Document } from "../store/databases.ts";
import type { Args } from "./device.ts";
import { ITEM_FIELDS, TRANSITIONS } from "./rules.ts";
import type { Id, Instant } from "./types.ts";

/** A row as the server gave it; its fields are read by name. */
type Row = Record<string, any> & { id: Id };
/** (entity, id) → the row as the server gave it. */
export type Find = (entity: string, id: Id) => Document | undefined;
/** entity → id → the document to show instead of the row; null: show none. Rows not named are shown as they are. */
export type Shown = Map<string, Map<Id, Document | null>>;
/** An outbox entry or a parked refusal. */
export interface Work {
  readonly id: Id;
  readonly name: string;
  readonly args: Args;
  readonly made_at: Instant;
  /** Only a parked refusal names it: an entry's is this device. */
  readonly client?: Id;
}

/**
 * The documents that differ from the server's rows on this user's device.
 *
 * `entries` is the outbox by number, whatever the state. Of `refusals` (any order) only the parked ones count, as the older
 * work; one whose entry is still in the outbox is left to the entry.
 */
export function overlay(find: Find, entries: readonly Work[], refusals: Iterable<Document>, user: Id): Shown {
  const laid: Laid = { find, user, shown: new Map(), deleted: new Map() };
  const ids = new Set(entries.map((entry) => entry.id));
  const parked = ([...refusals] as Row[])
    .filter((row) => row["state"] === "parked" && row["user_id"] === user && !ids.has(row.id))
    .sort((a, b) => a["received_at"] - b["received_at"] || (a.id < b.id ? -1 : 1));
  for (const one of [...(parked as unknown as Work[]), ...entries]) lay(laid, one);
  return laid.shown;
}

/** The overlay while it is built: each mutation sees what the ones before it did. */
interface Laid {
  readonly find: Find;
  readonly user: Id;
  readonly shown: Shown;
  readonly deleted: Map<Id, Row>;
}

/** Lay one mutation over what is shown so far; an unknown name shows nothing. */
function lay(laid: Laid, one: Work): void {
  const args = one.args as Row;
  if (one.name === "item.create") return create(laid, one, args);
  if (one.name === "item.restore") return restore(laid, one, args);
  if (one.name === "comment.add") return comment(laid, one, args);
  if (one.name.startsWith("photo.")) return photo(laid, one, args);
  if (one.name === "conflict.resolve") return resolve(laid, one, args);
  if (one.name === "refusal.dismiss") return dismiss(laid, args);
  const item = itemIn(laid, args.id);
  if (item === undefined) return;
  if (one.name === "item.edit") change(laid, one, item, edited(item, args));
  else if (one.name === "item.move") change(laid, one, item, { sector_id: args["sector_id"] });
  else if (one.name === "item.delete") remove(laid, item);
  else if (Object.hasOwn(TRANSITIONS, one.name) && TRANSITIONS[one.name]!.sources.includes(item["status"])) {
    change(laid, one, item, moved(laid, one, args, item));
  }
}

function get({ shown, find }: Laid, entity: string, id: Id): Row | undefined {
  const rows = shown.get(entity);
  return ((rows?.has(id) ? rows.get(id) : find(entity, id)) ?? undefined) as Row | undefined;
}

const itemIn = (laid: Laid, id: Id): Row | undefined => get(laid, "punch_items", id);

function show({ shown }: Laid, entity: string, id: Id, doc: Document | null): void {
  shown.set(entity, (shown.get(entity) ?? new Map<Id, Document | null>()).set(id, doc));
}

function change(laid: Laid, one: Work, item: Row | undefined, fields: object): void {
  if (item === undefined) return;
  show(laid, "punch_items", item.id, { ...item, ...fields, updated_by: laid.user, updated_at: one.made_at });
}

function create(laid: Laid, one: Work, args: Row): void {
  if (itemIn(laid, args.id) !== undefined || laid.deleted.has(args.id)) return;
  const item: Row = {
    id: args.id,
    version: 0,
    project_id: get(laid, "sectors", args["sector_id"])?.["project_id"] ?? "",
    sector_id: args["sector_id"],
    number: null,
    provisional_number: args["provisional_number"] ?? "",
    status: "open",
    status_reason: null,
    disputed_from: null,
    bounces: 0,
    comment_count: 0,
    photo_count: 0,
    raised_by: laid.user,
    raised_at: one.made_at,
    submitted_by: null,
    submitted_at: null,
    closed_by: null,
    closed_at: null,
  };
  for (const name in ITEM_FIELDS) item[name] = Object.hasOwn(args, name) ? args[name] : emptyOf(name);
  change(laid, one, item, {});
}

function edited(item: Row, args: Row): object {
  const set: Args = args["set"];
  return "tags" in set ? { ...set, tags: tagsAfter(item["tags"], args["was"].tags, set["tags"] as string[]) } : set;
}

function moved({ user }: Laid, { name, made_at }: Work, args: Row, item: Row): object {
  return {
    status: TRANSITIONS[name]!.target ?? (item["disputed_from"] || "open"),
    status_reason: args["reason"] || null,
    disputed_from: name === "item.dispute" ? item["status"] : null,
    ...(name === "item.submit" && { submitted_by: user, submitted_at: made_at }),
    ...(name === "item.send_back" && { bounces: item["bounces"] + 1 }),
    ...(name === "item.accept" && { closed_by: user, closed_at: made_at }),
    ...(name === "item.reopen" && { closed_by: null, closed_at: null }),
  };
}

function remove(laid: Laid, item: Row): void {
  laid.deleted.set(item.id, item);
  show(laid, "punch_items", item.id, null);
}

function restore(laid: Laid, one: Work, args: Row): void {
  const item = laid.deleted.get(args.id);
  laid.deleted.delete(args.id);
  change(laid, one, item, {});
}

function comment(laid: Laid, one: Work, args: Row): void {
  // When the row came before the end of the overlay, it is counted already.
  if (get(laid, "comments", args.id) !== undefined) return;
  show(laid, "comments", args.id, {
    id: args.id,
    version: 0,
    item_id: args["item_id"],
    text: args["text"],
    author_id: laid.user,
    made_at: one.made_at,
    received_at: null,
    is_late: false,
  });
  count(laid, one, args["item_id"], "comment_count", 1);
}

function count(laid: Laid, one: Work, item_id: Id, field: string, step: number): void {
  const item = itemIn(laid, item_id);
  change(laid, one, item, { [field]: (item?.[field] ?? 0) + step });
}

function photo(laid: Laid, one: Work, args: Row): void {
  const row = get(laid, "photos", args.id);
  const gone = laid.deleted.get(args.id);
  if (one.name === "photo.add" && row === undefined) addPhoto(laid, one, args);
  else if (one.name === "photo.edit" && row !== undefined) show(laid, "photos", args.id, { ...row, ...args["set"] });
  else if (one.name === "photo.remove" && row !== undefined) {
    laid.deleted.set(args.id, row);
    showPhoto(laid, one, row, -1);
  } else if (one.name === "photo.restore" && gone !== undefined) {
    laid.deleted.delete(args.id);
    showPhoto(laid, one, gone, 1);
  }
}

function addPhoto(laid: Laid, one: Work, args: Row): void {
  showPhoto(laid, one, {
    version: 0,
    author_id: laid.user,
    client: one.client ?? "",
    ...args, // a phone says all there is to say
    made_at: one.made_at,
    received_at: null,
    is_late: false,
    state: "waiting",
    stored_at: null,
    preview: "none",
  }, 1);
}

function showPhoto(laid: Laid, one: Work, row: Row, step: number): void {
  show(laid, "photos", row.id, step > 0 ? row : null);
  count(laid, one, row["item_id"], "photo_count", step);
}

function resolve(laid: Laid, one: Work, args: Row): void {
  const conflict = get(laid, "conflicts", args.id);
  if (conflict === undefined || conflict["state"] === "resolved") return;
  const choice = args["choice"];
  const seen_by = [...new Set([...conflict["seen_by"], laid.user])].sort();
  const authors = [conflict["current_by"], conflict["other_by"]];
  const is_settled = conflict["state"] === "open" || choice === "other" || authors.every((author) => seen_by.includes(author));
  const fields = is_settled && { state: "resolved", choice, resolved_by: laid.user, resolved_at: one.made_at };
  show(laid, "conflicts", conflict.id, { ...conflict, seen_by, ...fields });
  if (choice === "other") change(laid, one, itemIn(laid, conflict["item_id"]), { [conflict["field"]]: conflict["other"] });
}

function dismiss(laid: Laid, args: Row): void {
  const refusal = get(laid, "refusals", args.id);
  if (refusal !== undefined) show(laid, "refusals", refusal.id, { ...refusal, state: "dismissed" });
}

/** What a new item holds in a field that nobody filled in. */
export function emptyOf(name: string): unknown {
  const field = ITEM_FIELDS[name];
  return field?.kind === "refs" || field?.kind === "tags" ? [] : (field?.default ?? null);
}

/** The tags with the person's additions and removals, sorted by UTF-16 units. */
function tagsAfter(current: readonly string[], was: readonly string[], wanted: readonly string[]): string[] {
  const kept = current.filter((tag) => wanted.includes(tag) || !was.includes(tag));
  const added = wanted.filter((tag) => !was.includes(tag) && !kept.includes(tag));
  return [...kept, ...added].sort();
}
