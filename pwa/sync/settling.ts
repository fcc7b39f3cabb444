/** What the rows say of a photo of this phone that its own record does not know yet: pure, so that each word can be tested. */
import type { PhotoRecord } from "../store/databases.ts";
import type { Id, Photo, Refusal } from "./types.ts";
import { UNTRIED } from "./uploading.ts";

/**
 * What changes of the record; null: nothing; "drop": its bytes are given up, and nobody waits for them. `row` is what is shown: of one
 * that is not on the server, its parked work is laid over, in version 0. `refusals` are those of its user. `is_tried`: what its row says
 * in this version has been tried before.
 */
export function settled(record: PhotoRecord, row: Photo | undefined, refusals: Iterable<Refusal>, is_tried: boolean): Partial<PhotoRecord> | "drop" | null {
  if (record.picture.is_stored) return null;
  if (!row && record.is_given_up) return "drop";
  const is_found = record.is_stuck && record.reason === "not_found" && row !== undefined && row.version > 0 && !is_tried;
  // Restored, or its removal was refused: its bytes are owed after all.
  if (row?.state === "waiting" && (record.is_removed || is_found)) return { ...UNTRIED, is_removed: false, is_stuck: false, is_given_up: false };
  if (record.outcome !== "parked" && record.outcome !== "refused") return null;
  const outcome = row && row.version > 0 ? "applied" : outcomeOf(record.id, refusals);
  return outcome && outcome !== record.outcome ? { outcome } : null;
}

/** Of the photo's `photo.add`, as the refusals tell it; while one of them is parked it may still come to be. */
function outcomeOf(id: Id, refusals: Iterable<Refusal>): string | undefined {
  const states = new Set([...refusals].filter(({ name, args }) => name === "photo.add" && args["id"] === id).map(({ state }) => state));
  return states.has("parked") ? "parked" : states.has("applied") ? "applied" : states.size ? "refused" : undefined;
}
