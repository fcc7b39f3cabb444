/** Opens the databases of a device and makes them where they are missing. */
import type { Id } from "../sync/types.ts";
import { cacheName, SHELL_NAME, workName, type CacheDatabase, type ShellDatabase, type WorkDatabase } from "./databases.ts";
import { openDatabase } from "./strict.ts";

/** As long a tab may take to end its transactions and let go. */
const HELD_MS = 3_000;

/**
 * `entries` by id and number, `quarantined` by id, `drafts` by key; `meta` has `device` and `photo_policy`. Since version 2: `photos` by
 * id, `photo_parts` by photo, file and index.
 */
export function openWork(user: Id): Promise<WorkDatabase> {
  return openDatabase(workName(user), 2, (db, before) => {
    if (before < 1) {
      db.createObjectStore("entries", { keyPath: "id" }).createIndex("n", "n");
      db.createObjectStore("quarantined", { keyPath: "id" });
      db.createObjectStore("drafts", { keyPath: "key" });
      db.createObjectStore("meta");
    }
    db.createObjectStore("photos", { keyPath: "id" });
    db.createObjectStore("photo_parts");
  }, held);
}

/** `rows` by entity and id, and by the scopes that gave them; `meta` has `reach`. Since version 2: `thumbs` by photo. */
export function openCache(user: Id): Promise<CacheDatabase> {
  return openDatabase(cacheName(user), 2, (db, before) => {
    if (before < 1) {
      const rows = db.createObjectStore("rows", { keyPath: ["entity", "id"] });
      rows.createIndex("scopes", "scopes", { multiEntry: true });
      rows.createIndex("item_id", "item_id");
      db.createObjectStore("meta");
    }
    db.createObjectStore("thumbs");
  }, held);
}

/** `users` by id; `meta` has `current_user`, `device_label`, `pending_sign_out`. */
export function openShell(): Promise<ShellDatabase> {
  return openDatabase(SHELL_NAME, 1, (db) => {
    db.createObjectStore("users", { keyPath: "id" });
    db.createObjectStore("meta");
  });
}

/** Rejects once another tab has held an upgrade up for long; should it let go later, the database is open for nobody, which is harmless. */
function held(request: IDBOpenDBRequest): Promise<never> {
  return new Promise((_resolve, reject) => {
    request.onblocked = () => setTimeout(() => reject(new DOMException("another tab does not let go", "BlockedError")), HELD_MS);
  });
}
