/** The cache database: the server's rows. They, what leaves, the cookie and the end of the overlay change together (14). */
import type { AnswerBody } from "../sync/device.ts";
import type { Download, Id, Instant } from "../sync/types.ts";
import type { CacheDatabase, CachedRow, Document, Reach, RowKey } from "./databases.ts";
import { NOWHERE, reachIn } from "./reach.ts";
import { all, get, of, put, reading, remove, storesOf, strictly } from "./strict.ts";

/** What of an answer concerns the cache. */
export interface Rows extends AnswerBody {
  readonly reset: boolean;
  readonly drop: readonly string[];
  readonly scopes: readonly {
    readonly scope: string;
    readonly total: number;
    readonly rows: readonly { readonly entity: string; readonly doc: Document }[];
    readonly gone: readonly { readonly entity: string; readonly id: Id }[];
  }[];
}

/** What an answer changed, for the read model. */
export interface RowChanges {
  readonly is_reset: boolean;
  readonly put: readonly CachedRow[];
  readonly gone: readonly RowKey[];
  readonly reach: Reach;
}

export interface Asked {
  readonly cookie: string | null;
  readonly now: Instant;
  /** Entries that these rows include. */
  readonly prune: readonly Id[];
  /** Entries still in the outbox: a covered one that has left it need not be remembered. */
  readonly held: ReadonlySet<Id>;
}

/** A row an answer speaks of, as it was and as it will be. */
interface Slot {
  readonly key: [string, Id];
  readonly before: CachedRow | undefined;
  after: CachedRow | undefined;
}

/** From so many rows on an answer is taken for a download. */
const MANY = 100;

/** Applies an answer; null when the cookie is no longer the one it was asked with, and then nothing changes (13). */
export function applyRows(cache: CacheDatabase, asked: Asked, body: Rows): Promise<RowChanges | null> {
  return strictly(cache, storesOf(cache, ["rows", "meta", "thumbs"]), async (tx) => {
    const reach = await reachIn(tx);
    if (reach.cookie !== asked.cookie) return null;
    if (body.reset) for (const name of tx.objectStoreNames) if (name !== "meta") tx.objectStore(name).clear();
    const slots = await changed(tx, body);
    const after = reachAfter(body.reset ? NOWHERE : reach, asked, body);
    const changes = write(tx, slots);
    put(tx, "meta", after, "reach"); // last: it never passes a row that found no room
    return { is_reset: body.reset, ...changes, reach: after };
  });
}

/** The rows of dropped scopes and those the answer speaks of; read at once, since each wait costs. */
async function changed(tx: IDBTransaction, body: Rows): Promise<Iterable<Slot>> {
  const rows = tx.objectStore("rows");
  const slots = new Map<string, Slot>();
  const slotOf = (key: [string, Id], before: CachedRow | undefined): Slot => {
    const name = key.join("/");
    const slot = slots.get(name) ?? { key, before, after: before };
    slots.set(name, slot);
    return slot;
  };
  for (const scope of body.drop) {
    for (const row of await of<CachedRow[]>(rows.index("scopes").getAll(scope))) {
      const slot = slotOf([row.entity, row.id], row);
      slot.after = leaving(slot.after, scope);
    }
  }
  const words = body.scopes.flatMap(({ scope, rows: put, gone }) => [
    ...put.map(({ entity, doc }) => ({ scope, key: [entity, doc.id] as [string, Id], doc })),
    ...gone.map(({ entity, id }) => ({ scope, key: [entity, id] as [string, Id], doc: null })),
  ]);
  const known = await knownOf(rows, words.map(({ key }) => key));
  words.forEach(({ scope, key, doc }, index) => {
    const slot = slotOf(key, known[index]);
    slot.after = doc === null ? leaving(slot.after, scope) : joining(slot.after, scope, key, doc);
  });
  return slots.values();
}

/** In a download nearly every row is new: asking for all keys at once then costs a fraction of asking for each row. */
async function knownOf(rows: IDBObjectStore, keys: [string, Id][]): Promise<(CachedRow | undefined)[]> {
  const here = keys.length > MANY && new Set((await of(rows.getAllKeys())).map(String));
  return Promise.all(keys.map((key) => (here && !here.has(String(key)) ? undefined : of<CachedRow | undefined>(rows.get(key)))));
}

function leaving(row: CachedRow | undefined, scope: string): CachedRow | undefined {
  const scopes = row?.scopes.filter((other) => other !== scope);
  return scopes?.length ? { ...row!, scopes } : undefined;
}

function joining(row: CachedRow | undefined, scope: string, [entity, id]: RowKey, doc: Document): CachedRow {
  const scopes = [...new Set(row?.scopes).add(scope)];
  return { entity, id, item_id: (doc["item_id"] ?? null) as Id | null, scopes, doc };
}

function write(tx: IDBTransaction, slots: Iterable<Slot>): { put: CachedRow[]; gone: RowKey[] } {
  const kept: CachedRow[] = [];
  const gone: RowKey[] = [];
  for (const { key, before, after } of slots) {
    if (after) {
      put(tx, "rows", after);
      kept.push(after);
    } else if (before) {
      remove(tx, "rows", key);
      if (key[0] === "photos" && tx.objectStoreNames.contains("thumbs")) remove(tx, "thumbs", key[1]);
      gone.push(key);
    }
  }
  return { put: kept, gone };
}

function reachAfter(reach: Reach, asked: Asked, body: Rows): Reach {
  const covered = new Set([...reach.covered.filter((id) => asked.held.has(id)), ...asked.prune]);
  return { cookie: body.cookie, covered: [...covered], downloads: downloadsAfter(reach.downloads, asked.now, body) };
}

function downloadsAfter(downloads: Reach["downloads"], now: Instant, body: Rows): Reach["downloads"] {
  const after: Record<string, Download> = { ...downloads };
  for (const scope of body.drop) delete after[scope];
  for (const { scope, total, rows } of body.scopes) {
    const before = after[scope];
    if (total >= 0) after[scope] = { scope, got: rows.length, total, ready_at: null };
    else if (before?.ready_at === null) after[scope] = { ...before, got: before.got + rows.length };
  }
  if (body.complete) for (const [scope, one] of Object.entries(after)) after[scope] = { ...one, ready_at: one.ready_at ?? now };
  return after;
}

export function readRows(cache: CacheDatabase, entities: readonly string[]): Promise<CachedRow[][]> {
  return reading(cache, ["rows"], (tx) =>
    Promise.all(entities.map((entity) => all<CachedRow>(tx, "rows", IDBKeyRange.bound([entity], [entity, []])))),
  );
}

export function readSomeRows(cache: CacheDatabase, keys: readonly RowKey[]): Promise<(CachedRow | undefined)[]> {
  return reading(cache, ["rows"], (tx) =>
    Promise.all(keys.map(([entity, id]) => get<CachedRow>(tx, "rows", [entity, id]))),
  );
}

/** Comments, events and conflicts of one item. */
export function readChildren(cache: CacheDatabase, item_id: Id): Promise<CachedRow[]> {
  return reading(cache, ["rows"], (tx) => of<CachedRow[]>(tx.objectStore("rows").index("item_id").getAll(item_id)));
}
