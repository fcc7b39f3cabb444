/** The work database: the outbox, one row per mutation, and the state of its client. Every change of both is one transaction (16). */
import type { Device, Entry, Event, Step } from "../sync/device.ts";
import { BATCH, sendingStep } from "../sync/sending.ts";
import type { Durable, QuarantinedEntry, WorkDatabase } from "./databases.ts";
import { of, reading, storesOf, strictly } from "./strict.ts";

/** What belongs to one sender alone and lives in its memory. */
export type Own = Pick<Device, "requests" | "flight" | "batch" | "failures" | "retry_at">;

export interface Stepped {
  readonly own: Own;
  readonly durable: Durable;
  readonly actions: Step[1];
}

/** The outbox as it stands, by number. */
export interface Outbox {
  readonly durable: Durable;
  readonly entries: readonly Entry[];
  readonly quarantined: readonly QuarantinedEntry[];
}

export const NOTHING_OWN: Own = { requests: 0, flight: null, batch: BATCH, failures: 0, retry_at: null };

const OUTBOX = ["entries", "quarantined", "meta"];
/** The stores a step may change. */
export const STEPPED = [...OUTBOX, "photos"];

/**
 * One step of a sender on what is stored now, with its effects, in one strict transaction; so tabs and the worker never work on an
 * outbox that another has changed meanwhile.
 */
export function stepInStore(work: WorkDatabase, own: Own, cookie: string | null, given: Event): Promise<Stepped> {
  return strictly(work, storesOf(work, STEPPED), async (tx) => {
    const [durable, entries] = await Promise.all([readDurable(tx), readEntries(tx)]);
    return perform(tx, sendingStep({ ...durable, ...own, cookie, entries }, given));
  });
}

export function readOutbox(work: WorkDatabase): Promise<Outbox> {
  return reading(work, OUTBOX, async (tx) => {
    const [durable, entries, quarantined] = await Promise.all([
      readDurable(tx),
      readEntries(tx),
      of<QuarantinedEntry[]>(tx.objectStore("quarantined").getAll()),
    ]);
    return { durable, entries, quarantined };
  });
}

/** Writes without waiting for each: one that fails aborts the transaction, which everybody waits for. */
export function perform(tx: IDBTransaction, [after, actions]: Step): Stepped {
  const entries = tx.objectStore("entries");
  for (const action of actions) {
    if (action.type === "put") putEntry(tx, action.entry);
    else if (action.type === "remove") entries.delete(action.id);
    else if (action.type === "quarantine") tx.objectStore("quarantined").put({ ...action.entry, error: action.error });
    else if (action.type === "apply") for (const id of action.prune) entries.delete(id);
  }
  const { requests, flight, batch, failures, retry_at } = after;
  const durable = durableOf(after);
  tx.objectStore("meta").put(durable, "device");
  return { own: { requests, flight, batch, failures, retry_at }, durable, actions };
}

/** With the receipt of a `photo.add` its bytes may go: that is noted together with the end of the entry, or not at all. */
function putEntry(tx: IDBTransaction, entry: Entry): void {
  tx.objectStore("entries").put(entry);
  if (entry.name !== "photo.add" || entry.state !== "acked") return;
  const photos = tx.objectStore("photos");
  const request = photos.get(String(entry.args["id"]));
  request.onsuccess = () => request.result && photos.put({ ...request.result, outcome: entry.outcome });
}

export function durableOf({ client, user, next_n, trouble, trouble_since, synced_at }: Durable): Durable {
  return { client, user, next_n, trouble, trouble_since, synced_at };
}

export function readDurable(tx: IDBTransaction): Promise<Durable> {
  return of(tx.objectStore("meta").get("device"));
}

function readEntries(tx: IDBTransaction): Promise<Entry[]> {
  return of(tx.objectStore("entries").index("n").getAll());
}
