/** What a person's "send now" changes of a photo: the input `urge` of `sync/uploading.py`, which no worker needs. */
import type { Id } from "./types.ts";
import { isOwed, UNTRIED, type Uploaded } from "./uploading.ts";

const URGENT = { is_urgent: true, is_stuck: false, is_reread: false, ...UNTRIED };

/** Null where the photo is not meant; `ids` null: all that are owed. */
export function urged(photo: Uploaded, ids: readonly Id[] | null): typeof URGENT | null {
  return (ids ? ids.includes(photo.id) && !photo.picture.is_stored : isOwed(photo)) ? URGENT : null;
}
