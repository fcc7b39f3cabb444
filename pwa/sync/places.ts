/** Where the bytes of each photo are, in the words of the screens: pure, so that each can be tested. */
import type { Document, PhotoRecord } from "../store/databases.ts";
import type { PhotoWord } from "./bell.ts";
import type { Id, ItemPhoto, KeptPhoto, Photo, PhotoPlace, PhotoPolicy, PhotoProgress, PhotoTotals } from "./types.ts";
import { isHeld, type Network } from "./uploading.ts";

/** What this phone knows of its photos. */
export interface Standing {
  /** Oldest first. */
  readonly photos: readonly PhotoRecord[];
  readonly policy: PhotoPolicy;
  readonly network: Network;
  readonly sender: PhotoWord;
  readonly run: PhotoRun;
}

/** The present run: from the first photo that waits until none does. */
export interface PhotoRun {
  readonly sent: number;
  readonly of: number;
}

/** Added to an item by a person, and not on the server: what must not be called green. */
export function isWaiting({ item_id, outcome, picture, is_removed }: PhotoRecord): boolean {
  return item_id !== null && outcome !== "refused" && !picture.is_stored && !is_removed;
}

function placeOf(photo: PhotoRecord, { policy, network, sender }: Standing): PhotoPlace {
  if (photo.is_stuck || photo.outcome === "refused") return "stuck";
  if (photo.picture.is_stored) return "stored";
  if (photo.item_id === null) return "kept";
  if (sender.flight?.photo_id === photo.id) return "sending";
  if (isHeld(photo, policy, network)) return "held";
  return sender.trouble === "store_away" ? "storage" : "waiting";
}

export function progressOf(photo: PhotoRecord, standing: Standing): PhotoProgress {
  const { sender } = standing;
  const { picture, thumb, tries, outcome, retry_at, reason } = photo;
  return {
    place: placeOf(photo, standing),
    sent_bytes: picture.offset_bytes + (thumb?.offset_bytes ?? 0),
    all_bytes: picture.size_bytes + (thumb?.size_bytes ?? 0),
    tries,
    reason: outcome === "refused" ? outcome : (reason ?? sender.trouble),
    retry_at: Math.max(retry_at ?? 0, sender.retry_at ?? 0) || null,
    is_here: true,
  };
}

export function keptPhoto(photo: PhotoRecord, standing: Standing): KeptPhoto {
  return { ...photo, ...progressOf(photo, standing) };
}

const AWAY = { sent_bytes: 0, tries: 0, retry_at: null, is_here: false };

/** A row with what this phone knows of its bytes. */
export function itemPhoto(row: Photo, record: PhotoRecord | undefined, standing: Standing, client: Id): ItemPhoto {
  const { size_bytes, thumb_bytes, state } = row;
  const progress: PhotoProgress = record
    ? progressOf(record, standing)
    : row.client === client && state !== "stored"
      ? { ...AWAY, place: "stuck", all_bytes: size_bytes + thumb_bytes, reason: "lost" }
      : { ...AWAY, place: "elsewhere", all_bytes: size_bytes + thumb_bytes, reason: null };
  return { ...row, ...progress, ...(state === "stored" && { place: "stored", sent_bytes: progress.all_bytes }) };
}

export function totalsOf(standing: Standing): PhotoTotals {
  const waiting = standing.photos.filter(isWaiting).map((photo) => progressOf(photo, standing));
  const count = (place: PhotoPlace): number => waiting.filter((photo) => photo.place === place).length;
  const sending = waiting.find((photo) => photo.place === "sending");
  return {
    waiting: waiting.length,
    held: count("held"),
    stuck: count("stuck"),
    bytes: waiting.reduce((sum, { all_bytes, sent_bytes }) => sum + all_bytes - sent_bytes, 0),
    ...standing.run,
    percent: sending ? Math.floor((sending.sent_bytes * 100) / sending.all_bytes) : 0,
  };
}

/** The run after records changed. */
export function photoRunAfter({ sent, of }: PhotoRun, before: readonly PhotoRecord[], after: readonly PhotoRecord[]): PhotoRun {
  const open = new Set(after.filter(isWaiting).map(({ id }) => id));
  if (open.size === 0) return { sent: 0, of: 0 };
  const done = of && sent + before.filter((photo) => isWaiting(photo) && !open.has(photo.id)).length;
  return { sent: done, of: done + open.size };
}

interface Grouped {
  readonly by_item: ReadonlyMap<Id, readonly Photo[]>;
  /** Those the server has no bytes of. */
  readonly waiting: readonly Photo[];
}

const grouped = new WeakMap<object, Grouped>();

/** The rows of a table by item, oldest first; worked out once while the table is the same. */
export function photosByItem(table: ReadonlyMap<Id, Document>): Grouped {
  const known = grouped.get(table);
  if (known) return known;
  const rows = ([...table.values()] as unknown as Photo[]).sort((a, b) => a.made_at - b.made_at || (a.id < b.id ? -1 : 1));
  const by_item = new Map<Id, Photo[]>();
  for (const row of rows) by_item.set(row.item_id, [...(by_item.get(row.item_id) ?? []), row]);
  const made = { by_item, waiting: rows.filter((row) => row.state !== "stored") };
  grouped.set(table, made);
  return made;
}
