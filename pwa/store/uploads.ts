/** The photos of the work database as a sender needs them; page and worker share these. */
import { NO_UPLOADS, PART_BYTES, uploadingStep, type OwnUploads, type SendUpload, type UploadAction, type UploadInput } from "../sync/uploading.ts";
import type { Id, PhotoFile, PhotoPolicy } from "../sync/types.ts";
import type { PhotoRecord, WorkDatabase } from "./databases.ts";
import { all, get, put, reading, strictly } from "./strict.ts";

export interface StoredPhotos {
  /** Oldest first: ids rise with the time. */
  readonly photos: readonly PhotoRecord[];
  readonly policy: PhotoPolicy;
}

export interface SteppedUploads extends StoredPhotos {
  readonly own: OwnUploads;
  readonly actions: readonly UploadAction<PhotoRecord>[];
}

/** One step of a sender on the records as they are now, in one strict transaction. */
export function stepUploads(work: WorkDatabase, own: OwnUploads, given: UploadInput): Promise<SteppedUploads> {
  return strictly(work, ["photos", "meta"], async (tx) => {
    const [after, actions] = uploadingStep({ ...own, ...(await photosIn(tx)) }, given);
    for (const action of actions) if (action.type === "put") put(tx, "photos", action.photo);
    const { photos, policy, ...rest } = after;
    return { own: rest, photos, policy, actions };
  });
}

export function readPhotos(work: WorkDatabase): Promise<StoredPhotos> {
  return reading(work, ["photos", "meta"], photosIn);
}

async function photosIn(tx: IDBTransaction): Promise<StoredPhotos> {
  const [photos, policy] = await Promise.all([
    all<PhotoRecord>(tx, "photos"),
    get<PhotoPolicy>(tx, "meta", "photo_policy"),
  ]);
  return { photos, policy: policy ?? "any" };
}

/** The bytes a request carries; undefined where they are not here. */
export async function readPart(work: WorkDatabase, { photo_id, file, offset_bytes, size_bytes }: SendUpload): Promise<ArrayBuffer | undefined> {
  const from = offset_bytes % PART_BYTES;
  const key = partKey(photo_id, file, Math.floor(offset_bytes / PART_BYTES));
  const part = await reading(work, ["photo_parts"], (tx) => get<ArrayBuffer>(tx, "photo_parts", key));
  const bytes = part?.slice(from, from + size_bytes);
  return bytes?.byteLength === size_bytes ? bytes : undefined;
}

export function partKey(photo_id: Id, file: PhotoFile, index: number): [Id, PhotoFile, number] {
  return [photo_id, file, index];
}

export { NO_UPLOADS };
