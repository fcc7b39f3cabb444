/** Puts together what the screens show from the read model and the state of the outbox. */
import type { Document } from "../store/databases.ts";
import type { Entry } from "./device.ts";
import { marksOf } from "./marks.ts";
import type { Model } from "./model.ts";
import { countNeeds } from "./needs.ts";
import { itemPhoto, keptPhoto, photosByItem, totalsOf, type Standing as PhotoStanding } from "./places.ts";
import { stripOf, type Situation } from "./strip.ts";
import { itemOf } from "./subjects.ts";
import type { Find } from "./overlay.ts";
import type { Actor, Comment, Conflict, Download, Id, Item, ItemEvent, ItemPhoto, Membership, Named, OutboxRow, Photo, Quarantined, Refusal, Sector, Snapshot } from "./types.ts";

export interface Standing {
  readonly user: Id;
  readonly model: Model;
  readonly downloads: Readonly<Record<string, Download>>;
  readonly situation: Pick<Situation, "sending" | "retry_at" | "is_storage_failed" | "run">;
  readonly photos: PhotoStanding;
  readonly thumbs: Snapshot["thumbs"];
  /** Asks for the comments and events of an item; a new snapshot follows when they are here. */
  readonly wantChildren: (item_id: Id) => void;
}

export function snapshotOf({ user, model, downloads, situation, photos, thumbs, wantChildren }: Standing): Snapshot {
  const { quarantined, durable } = model.outbox;
  const { entries, find } = model;
  const table = <T>(entity: string): ReadonlyMap<Id, T> => model.table(entity) as ReadonlyMap<Id, unknown> as ReadonlyMap<Id, T>;
  const items = table<Item>("punch_items");
  const conflicts = table<Conflict>("conflicts");
  const refusals = table<Refusal>("refusals");
  const memberships = listOf<Membership>(model.table("memberships"));
  const { by_item, waiting } = photosByItem(model.table("photos"));
  const own = new Map(photos.photos.map((photo) => [photo.id, photo]));
  const shownPhoto = (row: Photo): ItemPhoto => itemPhoto(row, own.get(row.id), photos, durable.client);
  const photosOf = (item_id: Id): ItemPhoto[] => (by_item.get(item_id) ?? []).map(shownPhoto);
  const left = waiting.map(shownPhoto).filter(({ place }) => place !== "stored");
  const totals = totalsOf(photos);
  const marks = marksOf({ entries, quarantined, find, sending: situation.sending, photos: left.map(({ item_id }) => item_id), conflicts: conflicts.values(), refusals: refusals.values() });
  const needs_you = quarantined.length + totals.stuck + countNeeds(user, conflicts, refusals, items, memberships);
  const childrenOf = <T>(item_id: Id, entity: string): T[] => {
    const rows = model.children(item_id);
    if (rows === undefined) wantChildren(item_id);
    const given = (rows ?? []).filter((row) => row.entity === entity).map((row) => row.doc);
    const laid = model.laidChildren(item_id, entity).filter((doc) => !given.some((other) => other.id === doc.id));
    return [...given, ...laid] as unknown[] as T[];
  };
  return {
    client: durable.client,
    strip: stripOf({
      ...durable,
      ...situation,
      entries,
      quarantined: quarantined.length,
      needs_you,
      photos: totals,
      photo_trouble: photos.sender.trouble,
      is_photo_sending: photos.sender.flight !== null,
    }),
    items,
    sectors: table<Sector>("sectors"),
    trades: table<Named>("trades"),
    companies: table<Named>("companies"),
    actors: table<Actor>("actors"),
    memberships,
    conflicts,
    refusals,
    outbox: entries.map((entry) => outboxRow(entry, find)),
    quarantined: quarantined.map((entry): Quarantined => ({ ...outboxRow(entry, find), error: entry.error })),
    downloads: new Map(Object.entries(downloads)),
    photos: photos.photos.filter((photo) => !photo.picture.is_stored && !photo.is_removed).map((photo) => keptPhoto(photo, photos)),
    photo_policy: photos.policy,
    thumbs,
    photosOf,
    photosLeft(item_id) {
      const all = photosOf(item_id);
      return { waiting: all.filter(({ place }) => place !== "stored").length, of: all.length };
    },
    markOf: (item_id) => marks.get(item_id) ?? "on_server",
    commentsOf: (item_id) => childrenOf<Comment>(item_id, "comments").sort(byArrival),
    eventsOf: (item_id) => childrenOf<ItemEvent>(item_id, "item_events").sort((a, b) => a.item_version - b.item_version || byArrival(a, b)),
  };
}

/** In the server's order; what it does not have yet comes last. */
function byArrival(a: { received_at: number | null; made_at: number; id: Id }, b: typeof a): number {
  const late = (one: typeof a): number => one.received_at ?? Number.MAX_SAFE_INTEGER;
  return late(a) - late(b) || a.made_at - b.made_at || (a.id < b.id ? -1 : 1);
}

const lists = new WeakMap<object, readonly unknown[]>();

/** The rows of a table as a list, the same list while the table is the same. */
function listOf<T>(table: ReadonlyMap<Id, Document>): readonly T[] {
  const list = lists.get(table) ?? [...table.values()];
  lists.set(table, list);
  return list as readonly T[];
}

const outbox_rows = new WeakMap<Entry, OutboxRow>();
const encoder = new TextEncoder();

function outboxRow(entry: Entry, find: Find): OutboxRow {
  const known = outbox_rows.get(entry);
  if (known !== undefined) return known;
  const { id, n, name, args, base, made_at, state, tries } = entry;
  const bytes = encoder.encode(JSON.stringify(args)).length;
  const row: OutboxRow = { id, n, name, args, base, made_at, state, tries, item_id: itemOf(entry, find), bytes };
  outbox_rows.set(entry, row);
  return row;
}
