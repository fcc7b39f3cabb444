/** Tells the other tabs and the worker of this user what has changed; losing a word costs delay only. */
import type { RowKey } from "../store/databases.ts";
import type { Id, Instant } from "./types.ts";

/** What a sender is doing now, for the strips of the others. */
export interface Sending {
  readonly ids: readonly Id[];
  readonly retry_at: Instant | null;
}

export type Word =
  /** The outbox changed: read it again. */
  | { readonly type: "outbox"; readonly sending: Sending | null }
  /** These rows changed; null: so much that everything is read again. */
  | { readonly type: "rows"; readonly keys: readonly RowKey[] | null; readonly sending: Sending | null };

/** What the page says to a waiting worker, and what the worker asks each tab. */
export type WorkerWord = "SKIP_WAITING" | "is_dirty";

/** More keys than this are cheaper to read all at once. */
const MANY = 1_000;

export interface Bell {
  ring(word: Word): void;
  close(): void;
}

export function openBell(user: Id, heard: (word: Word) => void): Bell {
  if (typeof BroadcastChannel === "undefined") return { ring: () => undefined, close: () => undefined };
  const channel = new BroadcastChannel(`holdfast-${user}`);
  channel.onmessage = (event: MessageEvent<Word>) => heard(event.data);
  return { ring: (word) => channel.postMessage(word), close: () => channel.close() };
}

export function keysOrAll(keys: readonly RowKey[]): readonly RowKey[] | null {
  return keys.length > MANY ? null : keys;
}
