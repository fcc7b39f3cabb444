/** Fields of an item: their names, how a value reads, and how two values compare. */

import { emptyOf } from "../sync/overlay.ts";
import { ITEM_FIELDS } from "../sync/rules.ts";
import type { Id, Item, KeptPhoto, OutboxRow, Snapshot } from "../sync/types.ts";
import { formatDay } from "./format.ts";
import { wordOf, words } from "./words.ts";

/** Values of editable fields by name, as they travel. */
export type Values = Readonly<Record<string, unknown>>;

export const FIELD_NAMES: readonly string[] = Object.keys(ITEM_FIELDS);

export const fieldWord = (field: string): string => wordOf(words.field, field);

export function valuesOf(item: Item): Values {
  const row = item as unknown as Values;
  return Object.fromEntries(FIELD_NAMES.map((field) => [field, row[field] ?? emptyOf(field)]));
}

export const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The fields whose values differ. */
export function changedFields(before: Values, after: Values): string[] {
  return Object.keys(after).filter((field) => !isSame(before[field], after[field]));
}

export const pick = (values: Values, fields: readonly string[]): Values =>
  Object.fromEntries(fields.map((field) => [field, values[field]]));

const nameIn = (rows: ReadonlyMap<Id, { readonly name: string }>, id: unknown): string =>
  (typeof id === "string" ? rows.get(id)?.name : undefined) ?? words.somebody;

export const personName = (snapshot: Snapshot, id: Id): string => nameIn(snapshot.actors, id);

export function sectorName(snapshot: Snapshot, id: unknown): string {
  const sector = typeof id === "string" ? snapshot.sectors.get(id) : undefined;
  return sector === undefined ? "?" : `${sector.code} ${sector.name}`;
}

/** Photos that are somebody's to send, not those of a draft. */
export const unsentPhotos = ({ photos }: Snapshot): KeptPhoto[] => photos.filter((one) => one.item_id !== null || one.place === "stuck");

/** Unacknowledged records of photos whose pictures wait as well: counted and shown with these, once. */
export function recordsOf(snapshot: Snapshot): Set<OutboxRow> {
  const ids = new Set<unknown>(unsentPhotos(snapshot).map((one) => one.id));
  return new Set(snapshot.outbox.filter((row) => row.state !== "acked" && row.name === "photo.add" && ids.has(row.args["id"])));
}

/** What the server has not acknowledged, as people count: a photo and its record are one. */
export const countWaiting = (snapshot: Snapshot): number => snapshot.strip.waiting + snapshot.strip.photos.waiting - recordsOf(snapshot).size;

export const sectorCode = (snapshot: Snapshot, id: Id): string => snapshot.sectors.get(id)?.code ?? "?";

/** A field's value in words; never empty. */
export function valueWords(snapshot: Snapshot, field: string, value: unknown): string {
  if (value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) return words.conflict.empty;
  if (field === "sector_id") return sectorName(snapshot, value);
  if (field === "kind") return wordOf(words.photo.kind, String(value));
  if (field === "status") return wordOf(words.status, String(value));
  const kind = ITEM_FIELDS[field]?.kind;
  if (kind === "choice") return wordOf(field === "priority" ? words.priority : words.type, String(value));
  if (kind === "date") return formatDay(String(value));
  if (kind === "ref") return nameIn(field === "trade_id" ? snapshot.trades : snapshot.companies, value);
  if (kind === "refs" && Array.isArray(value)) return value.map((id) => nameIn(snapshot.actors, id)).join(", ");
  return Array.isArray(value) ? value.join(", ") : String(value);
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** A mutation in words: what it does, its own content, and the item it is about. */
export function entryWords(
  snapshot: Snapshot,
  entry: { readonly name: string; readonly args: Values; readonly item_id: Id | null },
): { what: string; content: string; item: Item | undefined } {
  const item = entry.item_id === null ? undefined : snapshot.items.get(entry.item_id);
  const what = wordOf(words.command, entry.name);
  const set = entry.args["set"];
  if (entry.name === "item.edit" && typeof set === "object" && set !== null) {
    const lines = Object.entries(set).map(([field, value]) => `${fieldWord(field)}: ${valueWords(snapshot, field, value)}`);
    return { what: `${what}: ${Object.keys(set).map(fieldWord).join(", ")}`, content: lines.join("\n"), item };
  }
  if (entry.name === "item.move") return { what, content: sectorName(snapshot, entry.args["sector_id"]), item };
  return { what, content: text(entry.args["title"]) || text(entry.args["text"]) || text(entry.args["caption"]) || text(entry.args["reason"]), item };
}
