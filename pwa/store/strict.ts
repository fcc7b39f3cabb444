/**
 * IndexedDB as promises, in the few words this app needs: a library for it would take a quarter of the service worker.
 *
 * A transaction a person depends on is resolved only when on the disk, and is all or nothing when it fails (invariant 23).
 */
import { StorageError } from "../sync/types.ts";

/** The result of one request. A failed one aborts its transaction, whose error is the one to read. */
export function of<R>(request: IDBRequest<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export function get<R>(tx: IDBTransaction, store: string, key: IDBValidKey): Promise<R | undefined> {
  return of(tx.objectStore(store).get(key));
}

export function all<R>(tx: IDBTransaction, store: string, range?: IDBKeyRange): Promise<R[]> {
  return of(tx.objectStore(store).getAll(range));
}

/** Written with the transaction, or not: no need to wait for it. */
export function put(tx: IDBTransaction, store: string, value: unknown, key?: IDBValidKey): void {
  inTurn(tx, () => tx.objectStore(store).put(value, key));
}

export function remove(tx: IDBTransaction, store: string, key: IDBValidKey | IDBKeyRange): void {
  inTurn(tx, () => tx.objectStore(store).delete(key));
}

const turns = new WeakMap<IDBTransaction, Promise<unknown>>();

/** A write is asked for once the one before has succeeded: Firefox keeps what is queued behind one that found no room. */
function inTurn(tx: IDBTransaction, write: () => IDBRequest): void {
  const turn = (turns.get(tx) ?? Promise.resolve()).then(() => of(write()));
  turn.catch(() => abort(tx));
  turns.set(tx, turn);
}

/**
 * Opens a database at its version; a tab with an older app lets go of it, so that a newer one can upgrade it. Without `upgrade` only
 * what exists is opened, whatever its version. An upgrade is one transaction: killed within it, the version before is still there.
 *
 * @throws StorageError, of a `VersionError` where a newer app has made the database; of what `held` rejects with.
 */
export function openDatabase(name: string, version?: number, upgrade?: (db: IDBDatabase, before: number) => void, held?: (request: IDBOpenDBRequest) => Promise<never>): Promise<IDBDatabase> {
  return storing(async () => {
    const request = indexedDB.open(name, version);
    request.onupgradeneeded = (event) => (upgrade ? upgrade(request.result, event.oldVersion) : request.transaction?.abort());
    request.addEventListener("success", () => (request.result.onversionchange = () => request.result.close()));
    return Promise.race([of(request), ...(held ? [held(request)] : [])]);
  });
}

/**
 * Runs `change` in one readwrite transaction with `durability: "strict"` and resolves to its result once that has completed. Puts and
 * deletes in it need no waiting for: one that fails aborts the transaction.
 *
 * @throws StorageError when the browser refused (quota, disk, database gone); then nothing of it was stored.
 * An error thrown by `change` itself aborts the transaction and is passed on.
 */
export function strictly<R>(db: IDBDatabase, stores: string[], change: (tx: IDBTransaction) => Promise<R> | R): Promise<R> {
  return storing(async () => {
    const tx = db.transaction(stores, "readwrite", { durability: "strict" });
    const done = completed(tx);
    try {
      const result = await change(tx);
      await turns.get(tx);
      await done;
      return result;
    } catch (error) {
      abort(tx);
      await done.catch(() => undefined); // only when it is over may anybody try again
      throw error;
    }
  });
}

/** Those of the stores that a database has: the worker may meet one that no page of this version has upgraded yet. */
export function storesOf(db: IDBDatabase, stores: string[]): string[] {
  return stores.filter((name) => db.objectStoreNames.contains(name));
}

/** One reading of several stores, all as of the same moment. */
export function reading<R>(db: IDBDatabase, stores: string[], read: (tx: IDBTransaction) => Promise<R>): Promise<R> {
  return storing(() => read(db.transaction(stores)));
}

function completed(tx: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error ?? new DOMException("given up", "AbortError"));
  });
}

function abort(tx: IDBTransaction): void {
  try {
    tx.abort();
  } catch {
    // It has aborted by itself: that is what was wanted.
  }
}

/** Translates what the browser's storage throws. */
async function storing<R>(work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DOMException) throw new StorageError(`${error.name}: ${error.message}`, { cause: error });
    throw error;
  }
}
