/** Opens the databases of a device and makes them where they are missing. */
import type { Id } from "../sync/types.ts";
import { cacheName, SHELL_NAME, workName, type CacheDatabase, type ShellDatabase, type WorkDatabase } from "./databases.ts";
import { openDatabase } from "./strict.ts";

/** `entries` by id and number, `quarantined` by id, `drafts` by key; `meta` has `device`. */
export function openWork(user: Id): Promise<WorkDatabase> {
  return openDatabase(workName(user), (db) => {
    db.createObjectStore("entries", { keyPath: "id" }).createIndex("n", "n");
    db.createObjectStore("quarantined", { keyPath: "id" });
    db.createObjectStore("drafts", { keyPath: "key" });
    db.createObjectStore("meta");
  });
}

/** `rows` by entity and id, and by the scopes that gave them; `meta` has `reach`. */
export function openCache(user: Id): Promise<CacheDatabase> {
  return openDatabase(cacheName(user), (db) => {
    const rows = db.createObjectStore("rows", { keyPath: ["entity", "id"] });
    rows.createIndex("scopes", "scopes", { multiEntry: true });
    rows.createIndex("item_id", "item_id");
    db.createObjectStore("meta");
  });
}

/** `users` by id; `meta` has `current_user`, `device_label`, `pending_sign_out`. */
export function openShell(): Promise<ShellDatabase> {
  return openDatabase(SHELL_NAME, (db) => {
    db.createObjectStore("users", { keyPath: "id" });
    db.createObjectStore("meta");
  });
}
