/** What a person does, kept in the work database: mutations, drafts, and what waits under "needs you". Never in the worker. */
import { freshDevice, step, type Act, type Action, type Entry, type Mutate } from "../sync/device.ts";
import { newId } from "../sync/ids.ts";
import type { Id } from "../sync/types.ts";
import type { Draft, Durable, WorkDatabase } from "./databases.ts";
import { of, strictly, reading } from "./strict.ts";
import { durableOf, NOTHING_OWN, perform, readDurable, STEPPED } from "./work.ts";

/** Makes the client of this user on this phone, once. */
export function prepareWork(work: WorkDatabase, user: Id): Promise<void> {
  return strictly(work, ["meta"], async (tx) => {
    const store = tx.objectStore("meta");
    if ((await of(store.get("device"))) === undefined) store.put(durableOf(freshDevice(newId(), user)), "device");
  });
}

export interface Acted {
  readonly durable: Durable;
  readonly actions: readonly Action[];
}

/** One act and its number, in one strict transaction: concurrent tabs cannot take the same number (16). */
export function actInStore(work: WorkDatabase, given: Act): Promise<Acted> {
  return strictly(work, STEPPED, (tx) => actIn(tx, given));
}

/** Puts a quarantined entry back as a new mutation, in one transaction: it is never in both places or in none (3). */
export function requeueInStore(work: WorkDatabase, quarantined_id: Id, given: Mutate): Promise<void> {
  return strictly(work, STEPPED, async (tx) => {
    const quarantined = tx.objectStore("quarantined");
    if ((await of(quarantined.get(quarantined_id))) === undefined) return;
    await actIn(tx, given);
    quarantined.delete(quarantined_id);
  });
}

export function forgetQuarantined(work: WorkDatabase, id: Id): Promise<void> {
  return strictly(work, ["quarantined"], (tx) => void tx.objectStore("quarantined").delete(id));
}

export function readDraft(work: WorkDatabase, key: string): Promise<Draft | undefined> {
  return reading(work, ["drafts"], (tx) => of<Draft | undefined>(tx.objectStore("drafts").get(key)));
}

export function writeDraft(work: WorkDatabase, draft: Draft): Promise<void> {
  return strictly(work, ["drafts"], (tx) => void tx.objectStore("drafts").put(draft));
}

export function deleteDraft(work: WorkDatabase, key: string): Promise<void> {
  return strictly(work, ["drafts"], (tx) => void tx.objectStore("drafts").delete(key));
}

async function actIn(tx: IDBTransaction, given: Act): Promise<Acted> {
  const [durable, entries] = await Promise.all([readDurable(tx), entriesFor(tx, given)]);
  return perform(tx, step({ ...durable, ...NOTHING_OWN, cookie: null, entries }, given));
}

/** An act concerns one entry at most, so it costs the same whatever waits. */
async function entriesFor(tx: IDBTransaction, given: Act): Promise<Entry[]> {
  if (given.type !== "amend" && given.type !== "discard") return [];
  const entry = await of<Entry | undefined>(tx.objectStore("entries").get(given.id));
  return entry === undefined ? [] : [entry];
}
