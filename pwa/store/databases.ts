/**
 * The three databases of a device: work (what a person made), cache (what the server gave), shell (who is signed in).
 *
 * They are apart so that no reset of the cache can touch work. Work and cache exist once per user: nobody's session reads,
 * sends or deletes another's entries (invariant 21).
 */
import type { Device, Entry } from "../sync/device.ts";
import type { Download, Id, Instant, PhotoFacts, PhotoFields } from "../sync/types.ts";
import type { Uploaded } from "../sync/uploading.ts";

/** What of the device's state survives the process; the rest is the sender's own, and the cookie lives with the rows. */
export type Durable = Pick<Device, "client" | "user" | "next_n" | "trouble" | "trouble_since" | "synced_at">;

export interface QuarantinedEntry extends Entry {
  readonly error: string;
}

export interface Draft {
  readonly key: string;
  readonly value: unknown;
  readonly saved_at: Instant;
}

/** A photo whose bytes this phone holds, and how far they have got. */
export interface PhotoRecord extends Uploaded, PhotoFacts, PhotoFields {
  /** Of the draft that it belongs to, until it is added to an item. */
  readonly draft_key: string | null;
  readonly item_id: Id | null;
  readonly kept_at: Instant;
  /** A person gave up its bytes; they go once its removal is through. */
  readonly is_given_up?: boolean;
}

export type Document = { readonly id: Id } & Readonly<Record<string, unknown>>;

/** A row as the server gave it, with the scopes that gave it; it leaves when none is left. */
export interface CachedRow {
  readonly entity: string;
  readonly id: Id;
  /** Of what hangs on a punch item; null is not indexed. */
  readonly item_id: Id | null;
  readonly scopes: readonly string[];
  readonly doc: Document;
}

export type RowKey = readonly [entity: string, id: Id];

/** How far the rows reach. `covered` names acknowledged entries that the rows include: they are not overlaid any more. */
export interface Reach {
  readonly cookie: string | null;
  readonly covered: readonly Id[];
  readonly downloads: Readonly<Record<string, Download>>;
}

/** Somebody who has signed in on this phone. */
export interface KnownUser {
  readonly id: Id;
  readonly name: string;
  readonly login: string;
  readonly company_id: Id | null;
  readonly project_id: Id;
  /** Signed out, perhaps offline: nothing of theirs is shown or sent until they sign in again. */
  readonly is_locked: boolean;
}

export type WorkDatabase = IDBDatabase;
export type CacheDatabase = IDBDatabase;
export type ShellDatabase = IDBDatabase;

/** What the page makes, the worker only opens: so only pages upgrade. */
export const workName = (user: Id): string => `holdfast-work-${user}`;
export const cacheName = (user: Id): string => `holdfast-cache-${user}`;
export const SHELL_NAME = "holdfast-shell";
