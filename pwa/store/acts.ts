/** What a person does, kept in the work database: mutations, drafts, and what waits under "needs you". Never in the worker. */
import { freshDevice, step, type Act, type Action, type Args, type Device, type Entry, type Mutate } from "../sync/device.ts";
import { newId } from "../sync/ids.ts";
import type { Id, Instant } from "../sync/types.ts";
import type { Draft, Durable, PhotoRecord, WorkDatabase } from "./databases.ts";
import { changeIn, dropIn } from "./photos.ts";
import { all, get, put, reading, remove, strictly } from "./strict.ts";
import { NOTHING_OWN, perform, readDurable, STEPPED } from "./work.ts";

/** Makes the client of this user on this phone, once. */
export function prepareWork(work: WorkDatabase, user: Id): Promise<void> {
  return strictly(work, ["meta"], async (tx) => {
    if ((await get(tx, "meta", "device")) === undefined) perform(tx, [freshDevice(newId(), user), []]);
  });
}

export interface Acted {
  readonly durable: Durable;
  readonly actions: readonly Action[];
}

const ALL = [...STEPPED, "photo_parts"];

/** One act and its number, in one strict transaction: concurrent tabs cannot take the same number (16). */
export function actInStore(work: WorkDatabase, given: Act): Promise<Acted> {
  return strictly(work, ALL, (tx) => actIn(tx, given));
}

/** An act, if any, and after it `photo.add` for each of these kept photos that has not been added yet; all or nothing. */
export function attachInStore(work: WorkDatabase, first: Mutate | null, item_id: Id, photo_ids: readonly Id[], base: number | null, made_at: Instant): Promise<Acted> {
  return strictly(work, ALL, async (tx) => {
    const acts: Act[] = first === null ? [] : [first];
    await changeIn(tx, photo_ids, (photo) => {
      // A refused one never came to be, so that its id may be used again.
      if (photo.item_id !== null && photo.outcome !== "refused") return null;
      acts.push({ type: "mutate", id: newId(), name: "photo.add", args: photoArgs(photo, item_id), base, made_at });
      return { item_id, draft_key: null, outcome: null };
    });
    return actIn(tx, ...acts);
  });
}

function photoArgs(photo: PhotoRecord, item_id: Id): Args {
  const { id, kind, caption, media_type, sha256, size_bytes, width, height, taken_at, position, thumb_sha256, thumb_bytes } = photo;
  return { id, item_id, kind, caption, media_type, sha256, size_bytes, width, height, taken_at, position, thumb_sha256, thumb_bytes };
}

/** Puts a quarantined entry back as a new mutation, in one transaction: it is never in both places or in none (3). */
export function requeueInStore(work: WorkDatabase, quarantined_id: Id, given: Mutate): Promise<void> {
  return strictly(work, ALL, async (tx) => {
    if ((await get(tx, "quarantined", quarantined_id)) === undefined) return;
    await actIn(tx, given);
    remove(tx, "quarantined", quarantined_id);
  });
}

export function forgetQuarantined(work: WorkDatabase, id: Id): Promise<void> {
  return strictly(work, ALL, async (tx) => {
    forgetBytes(tx, await get<Entry>(tx, "quarantined", id));
    remove(tx, "quarantined", id);
  });
}

/**
 * An entry may have left its photo without a receipt while an older app, which knows no photos, was the sender: what is neither in the
 * outbox nor set aside has been acknowledged.
 */
export function mendPhotos(work: WorkDatabase): Promise<void> {
  return strictly(work, STEPPED, async (tx) => {
    const [photos, entries, quarantined] = await Promise.all([
      all<PhotoRecord>(tx, "photos"),
      all<Entry>(tx, "entries"),
      all<Entry>(tx, "quarantined"),
    ]);
    const known = new Set([...entries, ...quarantined].map(({ name, args }) => name === "photo.add" && args["id"]));
    for (const photo of photos) {
      if (photo.item_id !== null && photo.outcome === null && !known.has(photo.id)) put(tx, "photos", { ...photo, outcome: "applied" });
    }
  });
}

export function readDraft(work: WorkDatabase, key: string): Promise<Draft | undefined> {
  return reading(work, ["drafts"], (tx) => get<Draft>(tx, "drafts", key));
}

export function writeDraft(work: WorkDatabase, draft: Draft): Promise<void> {
  return strictly(work, ["drafts"], (tx) => put(tx, "drafts", draft));
}

export function deleteDraft(work: WorkDatabase, key: string): Promise<void> {
  return strictly(work, ["drafts"], (tx) => remove(tx, "drafts", key));
}

/** Acts in a row, each on what the one before left. */
async function actIn(tx: IDBTransaction, ...acts: readonly Act[]): Promise<Acted> {
  const [durable, entries] = await Promise.all([readDurable(tx), entriesFor(tx, acts[0])]);
  let state: Device = { ...durable, ...NOTHING_OWN, cookie: null, entries };
  const actions: Action[] = [];
  for (const given of acts) {
    const [after, done] = step(state, given);
    if (given.type === "discard" && after !== state) forgetBytes(tx, entries[0]);
    if (given.type === "mutate" && /^photo\.re(move|store)$/.test(given.name)) {
      const is_removed = given.name === "photo.remove";
      await changeIn(tx, [String(given.args["id"])], () => ({ is_removed }));
    }
    state = after;
    actions.push(...done);
  }
  return perform(tx, [state, actions]);
}

/** Who gives up adding a photo, and was asked twice, gives up its bytes. */
function forgetBytes(tx: IDBTransaction, entry: Entry | undefined): void {
  if (entry?.name === "photo.add") dropIn(tx, String(entry.args["id"]));
}

/** An act concerns one entry at most, so it costs the same whatever waits. */
async function entriesFor(tx: IDBTransaction, given: Act | undefined): Promise<Entry[]> {
  if (given?.type !== "amend" && given?.type !== "discard") return [];
  const entry = await get<Entry>(tx, "entries", given.id);
  return entry === undefined ? [] : [entry];
}
