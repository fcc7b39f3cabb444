/** Small pictures of others, for looking at without network; they leave with their rows (7). Page only. */
import type { Id } from "../sync/types.ts";
import type { CacheDatabase } from "./databases.ts";
import { get, of, put, reading, strictly } from "./strict.ts";

export function readThumb(cache: CacheDatabase, id: Id): Promise<ArrayBuffer | undefined> {
  return reading(cache, ["thumbs"], (tx) => get<ArrayBuffer>(tx, "thumbs", id));
}

export async function readThumbIds(cache: CacheDatabase): Promise<Set<Id>> {
  return new Set(await reading(cache, ["thumbs"], (tx) => of(tx.objectStore("thumbs").getAllKeys() as IDBRequest<Id[]>)));
}

/** Kept only while its row is here: what was revoked during the download stays revoked. Resolves to whether it was kept. */
export function writeThumb(cache: CacheDatabase, id: Id, bytes: ArrayBuffer): Promise<boolean> {
  return strictly(cache, ["rows", "thumbs"], async (tx) => {
    const is_visible = (await of(tx.objectStore("rows").getKey(["photos", id]))) !== undefined;
    if (is_visible) put(tx, "thumbs", bytes, id);
    return is_visible;
  });
}

export function clearThumbs(cache: CacheDatabase): Promise<void> {
  return strictly(cache, ["thumbs"], (tx) => void tx.objectStore("thumbs").clear());
}
