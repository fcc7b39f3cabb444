/** The work database: the outbox, one row per mutation, and the state of its client. Every change of both is one transaction (16). */
import type { Device, Entry, Event, Step } from "../sync/device.ts";
import { BATCH, sendingStep } from "../sync/sending.ts";
import type { Durable, QuarantinedEntry, WorkDatabase } from "./databases.ts";
import { all, get, of, put, reading, remove, storesOf, strictly } from "./strict.ts";

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
      all<QuarantinedEntry>(tx, "quarantined"),
    ]);
    return { durable, entries, quarantined };
  });
}

/** Writes without waiting for each: one that fails aborts the transaction, which everybody waits for. */
export function perform(tx: IDBTransaction, [after, actions]: Step): Stepped {
  for (const action of actions) {
    if (action.type === "put") putEntry(tx, action.entry);
    else if (action.type === "remove") remove(tx, "entries", action.id);
    else if (action.type === "quarantine") put(tx, "quarantined", { ...action.entry, error: action.error });
    else if (action.type === "apply") for (const id of action.prune) remove(tx, "entries", id);
  }
  const { requests, flight, batch, failures, retry_at, cookie, entries, ...durable } = after;
  put(tx, "meta", durable, "device");
  return { own: { requests, flight, batch, failures, retry_at }, durable, actions };
}

/** With the receipt of a `photo.add` its bytes may go: that is noted together with the end of the entry, or not at all. */
function putEntry(tx: IDBTransaction, entry: Entry): void {
  put(tx, "entries", entry);
  if (entry.name !== "photo.add" || entry.state !== "acked") return;
  void get<object>(tx, "photos", String(entry.args["id"])).then((photo) => photo && put(tx, "photos", { ...photo, outcome: entry.outcome }));
}

export function readDurable(tx: IDBTransaction): Promise<Durable> {
  return get(tx, "meta", "device") as Promise<Durable>;
}

function readEntries(tx: IDBTransaction): Promise<Entry[]> {
  return of(tx.objectStore("entries").index("n").getAll());
}
