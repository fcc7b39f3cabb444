/** What a person does with photos, kept in the work database: bytes as short ArrayBuffers, never as a Blob or File. Page only. */
import type { Entry } from "../sync/device.ts";
import { PART_BYTES } from "../sync/uploading.ts";
import type { Id, PhotoFields, PhotoFile, PhotoPolicy, PreparedPicture } from "../sync/types.ts";
import type { PhotoRecord, WorkDatabase } from "./databases.ts";
import { all, get, put, reading, remove, strictly } from "./strict.ts";
import { partKey } from "./uploads.ts";

const STORES = ["photos", "photo_parts"];
const NEW = { upload: null, offset_bytes: 0, is_stored: false };

/** Keeps record and bytes in one strict transaction: all of a photo, or nothing (23). */
export function keepInStore(
  work: WorkDatabase,
  own: Pick<PhotoRecord, "id" | "draft_key" | "kept_at">,
  { picture, thumb, ...facts }: PreparedPicture,
  fields: PhotoFields,
): Promise<PhotoRecord> {
  return strictly(work, STORES, (tx) => {
    const record: PhotoRecord = {
      ...facts,
      ...fields,
      ...own,
      item_id: null,
      outcome: null,
      thumb: thumb && { ...NEW, size_bytes: thumb.byteLength },
      picture: { ...NEW, size_bytes: picture.byteLength },
      tries: 0,
      retry_at: null,
      reason: null,
      is_stuck: false,
      is_urgent: false,
      is_removed: false,
      is_reread: false,
    };
    put(tx, "photos", record);
    putParts(tx, own.id, "picture", picture);
    if (thumb) putParts(tx, own.id, "thumb", thumb);
    return record;
  });
}

function putParts(tx: IDBTransaction, id: Id, file: PhotoFile, bytes: ArrayBuffer): void {
  for (let index = 0; index * PART_BYTES < bytes.byteLength; index++) {
    put(tx, "photo_parts", bytes.slice(index * PART_BYTES, (index + 1) * PART_BYTES), partKey(id, file, index));
  }
}

/** Every part of one photo, or of one of its files. */
function partsOf(id: Id, file?: PhotoFile): IDBKeyRange {
  return IDBKeyRange.bound(file ? [id, file] : [id], file ? [id, file, []] : [id, []]);
}

export async function readBytes(work: WorkDatabase, id: Id, file: PhotoFile): Promise<Blob | null> {
  const [record, parts] = await reading(work, STORES, (tx) =>
    Promise.all([
      get<PhotoRecord>(tx, "photos", id),
      all<ArrayBuffer>(tx, "photo_parts", partsOf(id, file)),
    ]),
  );
  return record && parts.length > 0 ? new Blob(parts, { type: file === "thumb" ? "image/jpeg" : record.media_type }) : null;
}

/** Changes those records that are there and that `change` gives something for, in one strict transaction. */
export function changePhotos(work: WorkDatabase, ids: readonly Id[], change: (record: PhotoRecord) => Partial<PhotoRecord> | null): Promise<void> {
  return strictly(work, ["photos"], (tx) => changeIn(tx, ids, change));
}

export async function changeIn(tx: IDBTransaction, ids: readonly Id[], change: (record: PhotoRecord) => Partial<PhotoRecord> | null): Promise<void> {
  for (const record of await Promise.all(ids.map((id) => get<PhotoRecord>(tx, "photos", id)))) {
    const changes = record && change(record);
    if (changes) put(tx, "photos", { ...record, ...changes });
  }
}

/**
 * Settles records by what the rows say now; `change` gives null for nothing, "drop" to forget record and bytes. A photo with work in the
 * outbox is left alone: its rows are still to come, and what they say of it is old. Resolves to the ids of those that changed.
 */
export function settlePhotos(work: WorkDatabase, change: (record: PhotoRecord) => Partial<PhotoRecord> | "drop" | null): Promise<Id[]> {
  return strictly(work, [...STORES, "entries"], async (tx) => {
    const [records, entries] = await Promise.all([all<PhotoRecord>(tx, "photos"), all<Entry>(tx, "entries")]);
    const busy = new Set(entries.map(({ args }) => args["id"]));
    const done: Id[] = [];
    for (const record of records) {
      const changes = busy.has(record.id) ? null : change(record);
      if (changes === "drop") dropIn(tx, record.id);
      else if (changes) put(tx, "photos", { ...record, ...changes });
      if (changes) done.push(record.id);
    }
    return done;
  });
}

/** Forgets record and bytes where `may` says so of the record as it is now; resolves to whether. */
export function dropPhoto(work: WorkDatabase, id: Id, may: (record: PhotoRecord) => boolean): Promise<boolean> {
  return strictly(work, STORES, async (tx) => {
    const record = await get<PhotoRecord>(tx, "photos", id);
    const is_done = record !== undefined && may(record);
    if (is_done) dropIn(tx, id);
    return is_done;
  });
}

export function dropIn(tx: IDBTransaction, id: Id): void {
  remove(tx, "photos", id);
  remove(tx, "photo_parts", partsOf(id));
}

export function writePolicy(work: WorkDatabase, policy: PhotoPolicy): Promise<void> {
  return strictly(work, ["meta"], (tx) => put(tx, "meta", policy, "photo_policy"));
}
