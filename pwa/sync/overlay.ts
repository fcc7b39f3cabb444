/**
 * What this device shows: the rows it was given with the user's own pending work laid over them (invariant 11).
 *
 * Pure; the twin of `sync/overlay.py`, line by line, held to it by golden steps. It guesses what the server will do and never
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
}

/**
 * The documents that differ from the server's rows on this user's device.
 *
 * `entries` is the outbox by number, whatever the state. Of `refusals` (any order) only the parked ones count, as the older
 * work; one whose entry is still in the outbox is left to the entry.
 */
export function overlay(find: Find, entries: readonly Work[], refusals: Iterable<Document>, user: Id): Shown {
  const laid = new Laid(find, user);
  const ids = new Set(entries.map((entry) => entry.id));
  const parked = ([...refusals] as Row[])
    .filter((row) => row["state"] === "parked" && row["user_id"] === user && !ids.has(row.id))
    .sort((a, b) => a["received_at"] - b["received_at"] || (a.id < b.id ? -1 : 1));
  for (const one of [...(parked as unknown as Work[]), ...entries]) laid.lay(one);
  return laid.shown;
}

/** The overlay while it is built: each mutation sees what the ones before it did. */
class Laid {
  readonly shown: Shown = new Map();
  readonly #find: Find;
  readonly #user: Id;
  readonly #deleted = new Map<Id, Row>();

  constructor(find: Find, user: Id) {
    this.#find = find;
    this.#user = user;
  }

  /** Lay one mutation over what is shown so far; an unknown name shows nothing. */
  lay(one: Work): void {
    const args = one.args as Row;
    if (Object.hasOwn(TRANSITIONS, one.name)) this.#command(one, args);
    else if (LAYERS.has(one.name)) this[LAYERS.get(one.name)!](one, args);
  }

  #get(entity: string, id: Id): Row | undefined {
    const rows = this.shown.get(entity);
    return ((rows?.has(id) ? rows.get(id) : this.#find(entity, id)) ?? undefined) as Row | undefined;
  }

  #show(entity: string, id: Id, doc: Document | null): void {
    const rows = this.shown.get(entity) ?? new Map<Id, Document | null>();
    this.shown.set(entity, rows.set(id, doc));
  }

  #change(one: Work, item: Row, fields: object): void {
    const stamps = { updated_by: this.#user, updated_at: one.made_at };
    this.#show("punch_items", item.id, { ...item, ...fields, ...stamps });
  }

  create(one: Work, args: Row): void {
    if (this.#get("punch_items", args.id) !== undefined || this.#deleted.has(args.id)) return;
    const sector = this.#get("sectors", args["sector_id"]);
    const item: Row = {
      id: args.id,
      version: 0,
      project_id: sector === undefined ? "" : sector["project_id"],
      sector_id: args["sector_id"],
      number: null,
      provisional_number: args["provisional_number"] ?? "",
      status: "open",
      status_reason: null,
      disputed_from: null,
      bounces: 0,
      comment_count: 0,
      raised_by: this.#user,
      raised_at: one.made_at,
      submitted_by: null,
      submitted_at: null,
      closed_by: null,
      closed_at: null,
    };
    for (const name in ITEM_FIELDS) item[name] = Object.hasOwn(args, name) ? args[name] : emptyOf(name);
    this.#change(one, item, {});
  }

  edit(one: Work, args: Row): void {
    const item = this.#get("punch_items", args.id);
    if (item === undefined) return;
    const fields: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(args["set"] as Args)) {
      fields[name] = name === "tags" ? tagsAfter(item["tags"], args["was"].tags, value as string[]) : value;
    }
    this.#change(one, item, fields);
  }

  move(one: Work, args: Row): void {
    const item = this.#get("punch_items", args.id);
    if (item !== undefined) this.#change(one, item, { sector_id: args["sector_id"] });
  }

  #command(one: Work, args: Row): void {
    const item = this.#get("punch_items", args.id);
    if (item !== undefined && TRANSITIONS[one.name]!.sources.includes(item["status"])) {
      this.#change(one, item, this.#moved(one, args, item));
    }
  }

  #moved({ name, made_at }: Work, args: Row, item: Row): object {
    return {
      status: TRANSITIONS[name]!.target ?? (item["disputed_from"] || "open"),
      status_reason: args["reason"] || null,
      disputed_from: name === "item.dispute" ? item["status"] : null,
      ...(name === "item.submit" && { submitted_by: this.#user, submitted_at: made_at }),
      ...(name === "item.send_back" && { bounces: item["bounces"] + 1 }),
      ...(name === "item.accept" && { closed_by: this.#user, closed_at: made_at }),
      ...(name === "item.reopen" && { closed_by: null, closed_at: null }),
    };
  }

  delete(_one: Work, args: Row): void {
    const item = this.#get("punch_items", args.id);
    if (item === undefined) return;
    this.#deleted.set(item.id, item);
    this.#show("punch_items", item.id, null);
  }

  restore(one: Work, args: Row): void {
    const item = this.#deleted.get(args.id);
    if (item === undefined) return;
    this.#deleted.delete(args.id);
    this.#change(one, item, {});
  }

  comment(one: Work, args: Row): void {
    // When the row came before the end of the overlay, it is counted already.
    if (this.#get("comments", args.id) !== undefined) return;
    this.#show("comments", args.id, {
      id: args.id,
      version: 0,
      item_id: args["item_id"],
      text: args["text"],
      author_id: this.#user,
      made_at: one.made_at,
      received_at: null,
      is_late: false,
    });
    const item = this.#get("punch_items", args["item_id"]);
    if (item !== undefined) this.#change(one, item, { comment_count: item["comment_count"] + 1 });
  }

  resolve(one: Work, args: Row): void {
    const conflict = this.#get("conflicts", args.id);
    if (conflict === undefined || conflict["state"] === "resolved") return;
    const choice = args["choice"];
    const seen_by = [...new Set([...conflict["seen_by"], this.#user])].sort();
    const authors = [conflict["current_by"], conflict["other_by"]];
    const is_settled = conflict["state"] === "open" || choice === "other" || authors.every((author) => seen_by.includes(author));
    const fields = is_settled && { state: "resolved", choice, resolved_by: this.#user, resolved_at: one.made_at };
    this.#show("conflicts", conflict.id, { ...conflict, seen_by, ...fields });
    const item = this.#get("punch_items", conflict["item_id"]);
    if (item !== undefined && choice === "other") this.#change(one, item, { [conflict["field"]]: conflict["other"] });
  }

  dismiss(_one: Work, args: Row): void {
    const refusal = this.#get("refusals", args.id);
    if (refusal !== undefined) this.#show("refusals", refusal.id, { ...refusal, state: "dismissed" });
  }
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

const LAYERS = new Map([
  ["item.create", "create"],
  ["item.edit", "edit"],
  ["item.move", "move"],
  ["item.delete", "delete"],
  ["item.restore", "restore"],
  ["comment.add", "comment"],
  ["conflict.resolve", "resolve"],
  ["refusal.dismiss", "dismiss"],
] as const) as ReadonlyMap<string, "create" | "edit" | "move" | "delete" | "restore" | "comment" | "resolve" | "dismiss">;
