/** The cache database: the server's rows. They, what leaves, the cookie and the end of the overlay change together (14). */
import { unwrap, type IDBPTransaction, type StoreNames } from "idb";
import type { AnswerBody } from "../sync/device.ts";
import type { Download, Id, Instant } from "../sync/types.ts";
import type { CacheDatabase, CachedRow, CacheSchema, Document, Reach, RowKey } from "./databases.ts";
import { storing, strictly } from "./strict.ts";

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

type RowTransaction = IDBPTransaction<CacheSchema, StoreNames<CacheSchema>[], "readwrite">;
type Pending = Map<string, { readonly key: [string, Id]; before: CachedRow | undefined; after: CachedRow | undefined }>;

const NOWHERE: Reach = { cookie: null, covered: [], downloads: {} };

export function readReach(cache: CacheDatabase): Promise<Reach> {
  return storing(async () => (await cache.get("meta", "reach")) ?? NOWHERE);
}

/** Applies an answer; null when the cookie is no longer the one it was asked with, and then nothing changes (13). */
export function applyRows(cache: CacheDatabase, asked: Asked, body: Rows): Promise<RowChanges | null> {
  return strictly(cache, ["rows", "meta"], async (tx) => {
    const reach = (await tx.objectStore("meta").get("reach")) ?? NOWHERE;
    if (reach.cookie !== asked.cookie) return null;
    if (body.reset) await tx.objectStore("rows").clear();
    const pending = await loadConcerned(tx, body);
    change(pending, body);
    const after = reachAfter(body.reset ? NOWHERE : reach, asked, body);
    unwrap(tx.objectStore("meta")).put(after, "reach");
    return { is_reset: body.reset, ...write(tx, pending), reach: after };
  });
}

/** The rows an answer speaks of and those of dropped scopes, as they are now; read at once, since each wait costs. */
async function loadConcerned(tx: RowTransaction, body: Rows): Promise<Pending> {
  const rows = tx.objectStore("rows");
  const pending: Pending = new Map();
  const keys = body.scopes.flatMap(({ rows: put, gone }): [string, Id][] => [
    ...put.map(({ entity, doc }): [string, Id] => [entity, doc.id]),
    ...gone.map(({ entity, id }): [string, Id] => [entity, id]),
  ]);
  const known = body.reset ? [] : await Promise.all(keys.map((key) => rows.get(key)));
  keys.forEach((key, index) => pending.set(nameOf(key), { key, before: known[index], after: known[index] }));
  for (const scope of body.drop) {
    for (const row of await rows.index("scopes").getAll(scope)) {
      const key: [string, Id] = [row.entity, row.id];
      pending.set(nameOf(key), { key, before: row, after: row });
    }
  }
  return pending;
}

function change(pending: Pending, body: Rows): void {
  const dropped = new Set(body.drop);
  for (const row of pending.values()) row.after = leaving(row.after, (scope) => dropped.has(scope));
  for (const { scope, rows, gone } of body.scopes) {
    for (const { entity, doc } of rows) {
      const row = pending.get(nameOf([entity, doc.id]))!;
      row.after = { entity, id: doc.id, item_id: itemOf(doc), scopes: joining(row.after?.scopes ?? [], scope), doc };
    }
    for (const { entity, id } of gone) {
      const row = pending.get(nameOf([entity, id]))!;
      row.after = leaving(row.after, (other) => other === scope);
    }
  }
}

function leaving(row: CachedRow | undefined, isLeft: (scope: string) => boolean): CachedRow | undefined {
  if (row === undefined || !row.scopes.some(isLeft)) return row;
  const scopes = row.scopes.filter((scope) => !isLeft(scope));
  return scopes.length === 0 ? undefined : { ...row, scopes };
}

function joining(scopes: readonly string[], scope: string): readonly string[] {
  return scopes.includes(scope) ? scopes : [...scopes, scope];
}

function write(tx: RowTransaction, pending: Pending): { put: CachedRow[]; gone: RowKey[] } {
  const rows = unwrap(tx.objectStore("rows"));
  const put: CachedRow[] = [];
  const gone: RowKey[] = [];
  for (const { key, before, after } of pending.values()) {
    if (after !== undefined && after !== before) {
      rows.put(after);
      put.push(after);
    } else if (after === undefined && before !== undefined) {
      rows.delete(key);
      gone.push(key);
    }
  }
  return { put, gone };
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
  if (!body.complete) return after;
  return Object.fromEntries(
    Object.entries(after).map(([scope, one]) => [scope, one.ready_at === null ? { ...one, ready_at: now } : one]),
  );
}

export function readRows(cache: CacheDatabase, entities: readonly string[]): Promise<CachedRow[][]> {
  return storing(() => {
    const rows = cache.transaction("rows").store;
    return Promise.all(entities.map((entity) => rows.getAll(IDBKeyRange.bound([entity], [entity, []]))));
  });
}

export function readSomeRows(cache: CacheDatabase, keys: readonly RowKey[]): Promise<(CachedRow | undefined)[]> {
  return storing(() => {
    const rows = cache.transaction("rows").store;
    return Promise.all(keys.map(([entity, id]) => rows.get([entity, id])));
  });
}

/** Comments, events and conflicts of one item. */
export function readChildren(cache: CacheDatabase, item_id: Id): Promise<CachedRow[]> {
  return storing(() => cache.getAllFromIndex("rows", "item_id", item_id));
}

function itemOf(doc: Document): Id {
  return typeof doc["item_id"] === "string" ? doc["item_id"] : "";
}

function nameOf([entity, id]: RowKey): string {
  return `${entity}/${id}`;
}
