/** The work database: the outbox, one row per mutation, and the state of its client. Every change of both is one transaction (16). */
import { unwrap, type IDBPTransaction, type StoreNames } from "idb";
import { freshDevice, step, type Action, type Device, type Entry, type Input, type Mutate, type Step } from "../sync/device.ts";
import { newId } from "../sync/ids.ts";
import type { Id } from "../sync/types.ts";
import type { Draft, Durable, QuarantinedEntry, WorkDatabase, WorkSchema } from "./databases.ts";
import { storing, strictly } from "./strict.ts";

type WorkTransaction = IDBPTransaction<WorkSchema, StoreNames<WorkSchema>[], "readwrite">;

/** What belongs to one sender alone and lives in its memory. */
export type Own = Pick<Device, "requests" | "flight" | "batch" | "failures" | "retry_at">;

export interface Stepped {
  readonly own: Own;
  readonly durable: Durable;
  readonly actions: readonly Action[];
}

/** The outbox as it stands, by number. */
export interface Outbox {
  readonly durable: Durable;
  readonly entries: readonly Entry[];
  readonly quarantined: readonly QuarantinedEntry[];
}

export const NOTHING_OWN: Own = ownOf(freshDevice("", ""));

/** Makes the client of this user on this phone, once. */
export function prepareWork(work: WorkDatabase, user: Id): Promise<void> {
  return strictly(work, ["meta"], async (tx) => {
    const store = tx.objectStore("meta");
    if ((await store.get("device")) === undefined) await store.put(durableOf(freshDevice(newId(), user)), "device");
  });
}

/**
 * One step of the reducer on what is stored now, with its effects, in one strict transaction; so tabs and the worker number
 * their entries without holes whoever comes first.
 */
export function stepInStore(work: WorkDatabase, own: Own, cookie: string | null, given: Input): Promise<Stepped> {
  return strictly(work, ["entries", "quarantined", "meta"], async (tx) => {
    const state = await load(tx, own, cookie, given);
    const stepped = step(state, given);
    perform(tx, state, stepped);
    const [after, actions] = stepped;
    return { own: ownOf(after), durable: durableOf(after), actions };
  });
}

/** Puts a quarantined entry back as a new mutation, in one transaction: it is never in both places or in none (3). */
export function requeueInStore(work: WorkDatabase, quarantined_id: Id, given: Mutate): Promise<void> {
  return strictly(work, ["entries", "quarantined", "meta"], async (tx) => {
    const quarantined = tx.objectStore("quarantined");
    if ((await quarantined.get(quarantined_id)) === undefined) return;
    perform(tx, null, step(await load(tx, NOTHING_OWN, null, given), given));
    unwrap(quarantined).delete(quarantined_id);
  });
}

export function forgetQuarantined(work: WorkDatabase, id: Id): Promise<void> {
  return strictly(work, ["quarantined"], (tx) => tx.objectStore("quarantined").delete(id));
}

export function readOutbox(work: WorkDatabase): Promise<Outbox> {
  return storing(async () => {
    const tx = work.transaction(["entries", "quarantined", "meta"]);
    const [durable, entries, quarantined] = await Promise.all([
      tx.objectStore("meta").get("device"),
      tx.objectStore("entries").index("n").getAll(),
      tx.objectStore("quarantined").getAll(),
    ]);
    return { durable: present(durable), entries, quarantined };
  });
}

export function readDraft(work: WorkDatabase, key: string): Promise<Draft | undefined> {
  return storing(() => work.get("drafts", key));
}

export function writeDraft(work: WorkDatabase, draft: Draft): Promise<void> {
  return strictly(work, ["drafts"], async (tx) => void (await tx.objectStore("drafts").put(draft)));
}

export function deleteDraft(work: WorkDatabase, key: string): Promise<void> {
  return strictly(work, ["drafts"], (tx) => tx.objectStore("drafts").delete(key));
}

async function load(tx: WorkTransaction, own: Own, cookie: string | null, given: Input): Promise<Device> {
  const [durable, entries] = await Promise.all([tx.objectStore("meta").get("device"), entriesFor(tx, given)]);
  return { ...present(durable), ...own, cookie, entries };
}

/** A person's act concerns one entry at most, so it costs the same whatever waits. */
async function entriesFor(tx: WorkTransaction, given: Input): Promise<Entry[]> {
  const store = tx.objectStore("entries");
  if (given.type === "mutate") return [];
  if (given.type !== "amend" && given.type !== "discard") return store.index("n").getAll();
  const entry = await store.get(given.id);
  return entry === undefined ? [] : [entry];
}

/** Writes without waiting for each: one that fails aborts the transaction, which everybody waits for. */
function perform(tx: WorkTransaction, before: Durable | null, [after, actions]: Step): void {
  const entries = unwrap(tx.objectStore("entries"));
  for (const action of actions) {
    if (action.type === "put") entries.put(action.entry);
    else if (action.type === "remove") entries.delete(action.id);
    else if (action.type === "quarantine") unwrap(tx.objectStore("quarantined")).put({ ...action.entry, error: action.error });
    else if (action.type === "apply") for (const id of action.prune) entries.delete(id);
  }
  if (before === null || isChanged(before, after)) unwrap(tx.objectStore("meta")).put(durableOf(after), "device");
}

function isChanged(before: Durable, after: Durable): boolean {
  return JSON.stringify(durableOf(before)) !== JSON.stringify(durableOf(after));
}

function durableOf({ client, user, next_n, trouble, trouble_since, synced_at }: Durable): Durable {
  return { client, user, next_n, trouble, trouble_since, synced_at };
}

function ownOf({ requests, flight, batch, failures, retry_at }: Own): Own {
  return { requests, flight, batch, failures, retry_at };
}

function present(durable: Durable | undefined): Durable {
  if (durable === undefined) throw new Error("the work database has no client");
  return durable;
}
