/** Transactions a person depends on: resolved only when on the disk, and all or nothing when they fail (invariant 23). */
import type { DBSchema, IDBPDatabase, IDBPTransaction, StoreNames } from "idb";
import { StorageError } from "../sync/types.ts";

/**
 * Runs `change` in one readwrite transaction with `durability: "strict"` and resolves to its result once that has completed.
 *
 * @throws StorageError when the browser refused (quota, disk, database gone); then nothing of it was stored.
 * An error thrown by `change` itself aborts the transaction and is passed on.
 */
export function strictly<S extends DBSchema, N extends StoreNames<S>, R>(
  db: IDBPDatabase<S>,
  stores: N[],
  change: (tx: IDBPTransaction<S, N[], "readwrite">) => Promise<R>,
): Promise<R> {
  return storing(async () => {
    const tx = db.transaction(stores, "readwrite", { durability: "strict" });
    const [result] = await Promise.all([aborting(tx, change(tx)), tx.done]);
    return result;
  });
}

/** A failed change takes the whole transaction with it. */
async function aborting<R>(tx: { abort(): void; done: Promise<void> }, change: Promise<R>): Promise<R> {
  try {
    return await change;
  } catch (error) {
    tx.done.catch(() => undefined); // the reason is `error`, passed on below
    abortQuietly(tx);
    throw error;
  }
}

function abortQuietly(tx: { abort(): void }): void {
  try {
    tx.abort();
  } catch {
    // It has aborted by itself: that is what was wanted.
  }
}

/** Translates what the browser's storage throws. */
export async function storing<R>(work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DOMException) throw new StorageError(`${error.name}: ${error.message}`, { cause: error });
    throw error;
  }
}
