/** Tells the other tabs and the worker of this user what has changed; losing a word costs delay only. */
import type { RowChanges } from "../store/cache.ts";
import type { RowKey } from "../store/databases.ts";
import type { Device } from "./device.ts";
import type { Id, Instant } from "./types.ts";
import type { OwnUploads } from "./uploading.ts";

/** What a sender is doing now, for the strips of the others. */
export interface Sending {
  readonly ids: readonly Id[];
  readonly retry_at: Instant | null;
}

export type Word =
  /** The outbox changed: read it again. */
  | { readonly type: "outbox"; readonly sending: Sending }
  /** These rows changed; null: so much that everything is read again. */
  | { readonly type: "rows"; readonly keys: readonly RowKey[] | null; readonly sending: Sending };

/** What a sender of photos is doing now; the records are in the store. */
export type PhotoWord = Pick<OwnUploads, "flight" | "retry_at" | "trouble">;

/** A channel of its own: who knows no photos hears nothing of them. */
export function openPhotoBell(user: Id): BroadcastChannel {
  return new BroadcastChannel(`holdfast-photos-${user}`);
}

/** What a page says to a waiting worker. */
export type WorkerWord = "SKIP_WAITING";

/** More keys than this are cheaper to read all at once. */
const MANY = 1_000;

export function openBell(user: Id): BroadcastChannel {
  return new BroadcastChannel(`holdfast-${user}`);
}

/** What to tell of a sender's step that brought no rows. */
export function outboxWord({ flight, retry_at }: Pick<Device, "flight" | "retry_at">): Word {
  return { type: "outbox", sending: { ids: flight?.ids ?? [], retry_at } };
}

/** What to tell of a sender's step. */
export function wordFor(own: Pick<Device, "flight" | "retry_at">, rows: RowChanges | null): Word {
  const { sending } = outboxWord(own);
  if (rows === null) return { type: "outbox", sending };
  const keys = [...rows.put.map(({ entity, id }): RowKey => [entity, id]), ...rows.gone];
  return { type: "rows", keys: rows.is_reset || keys.length > MANY ? null : keys, sending };
}
