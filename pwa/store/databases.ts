/**
 * The three databases of a device: work (what a person made), cache (what the server gave), shell (who is signed in).
 *
 * They are apart so that no reset of the cache can touch work. Work and cache exist once per user: nobody's session reads,
 * sends or deletes another's entries (invariant 21).
 */
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { Device, Entry } from "../sync/device.ts";
import type { Download, Id, Instant } from "../sync/types.ts";
import { storing } from "./strict.ts";

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

export interface WorkSchema extends DBSchema {
  entries: { key: Id; value: Entry; indexes: { n: number } };
  quarantined: { key: Id; value: QuarantinedEntry };
  drafts: { key: string; value: Draft };
  meta: { key: "device"; value: Durable };
}

export type Document = { readonly id: Id } & Readonly<Record<string, unknown>>;

/** A row as the server gave it, with the scopes that gave it; it leaves when none is left. */
export interface CachedRow {
  readonly entity: string;
  readonly id: Id;
  readonly item_id: Id;
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

export interface CacheSchema extends DBSchema {
  rows: { key: [string, Id]; value: CachedRow; indexes: { scopes: string; item_id: Id } };
  meta: { key: "reach"; value: Reach };
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

export interface ShellSchema extends DBSchema {
  users: { key: Id; value: KnownUser };
  meta: { key: "current_user" | "device_label" | "pending_sign_out"; value: string };
}

export type WorkDatabase = IDBPDatabase<WorkSchema>;
export type CacheDatabase = IDBPDatabase<CacheSchema>;
export type ShellDatabase = IDBPDatabase<ShellSchema>;

export function openWork(user: Id): Promise<WorkDatabase> {
  return opened<WorkSchema>(`holdfast-work-${user}`, (db) => {
    db.createObjectStore("entries", { keyPath: "id" }).createIndex("n", "n");
    db.createObjectStore("quarantined", { keyPath: "id" });
    db.createObjectStore("drafts", { keyPath: "key" });
    db.createObjectStore("meta");
  });
}

export function openCache(user: Id): Promise<CacheDatabase> {
  return opened<CacheSchema>(`holdfast-cache-${user}`, (db) => {
    const rows = db.createObjectStore("rows", { keyPath: ["entity", "id"] });
    rows.createIndex("scopes", "scopes", { multiEntry: true });
    rows.createIndex("item_id", "item_id");
    db.createObjectStore("meta");
  });
}

export function openShell(): Promise<ShellDatabase> {
  return opened<ShellSchema>("holdfast-shell", (db) => {
    db.createObjectStore("users", { keyPath: "id" });
    db.createObjectStore("meta");
  });
}

/** A tab with an older app lets go of the database, so that a newer one can upgrade it; its next step opens it anew or fails in words. */
function opened<S extends DBSchema>(name: string, create: (db: IDBPDatabase<S>) => void): Promise<IDBPDatabase<S>> {
  return storing(() => openDB<S>(name, 1, { upgrade: create, blocking: (_from, _to, event) => (event.target as IDBDatabase).close() }));
}
