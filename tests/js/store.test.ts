import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { actInStore, deleteDraft, forgetQuarantined, readDraft, writeDraft } from "../../pwa/store/acts.ts";
import { applyRows, readChildren, readRows, type Rows } from "../../pwa/store/cache.ts";
import { readReach } from "../../pwa/store/reach.ts";
import { lockUser, prepareShell, readDeviceLabel, waitingOnThisPhone, writeCurrentUser } from "../../pwa/store/shell.ts";
import { forgetPendingSignOut, readCurrentUser, readPendingSignOut } from "../../pwa/store/people.ts";
import { openCache } from "../../pwa/store/opening.ts";
import { openDatabase, strictly } from "../../pwa/store/strict.ts";
import { StorageError } from "../../pwa/sync/types.ts";
import { FakeServer } from "./fake_server.ts";
import { newDisk, Phone, USER } from "./phone.ts";

beforeEach(newDisk);

const NOTHING: Rows = { receipts: [], cookie: "c1", complete: true, reset: false, drop: [], scopes: [] };
const asked = (cookie: string | null, prune: string[] = [], held: string[] = []) => ({ cookie, now: 9, prune, held: new Set(held) });
const rows = (scope: string, ...ids: string[]): Rows["scopes"][number] => ({
  scope, total: ids.length, gone: [], rows: ids.map((id) => ({ entity: "comments", doc: { id, item_id: "i" } })),
});
const idsOf = async (cache: IDBDatabase): Promise<string[]> => (await readRows(cache, ["comments"]))[0]!.map((row) => row.id);

test("what cannot be stored leaves nothing behind and is a StorageError", async () => {
  const phone = await Phone.open(new FakeServer());
  const bad = { type: "mutate", id: "m", name: "noop", args: { bad: () => 0 }, base: null, made_at: 1 } as const;
  await assert.rejects(actInStore(phone.work, bad), StorageError);
  const { durable, entries } = await phone.outbox();
  assert.deepEqual([durable.next_n, entries], [1, []]);
  await phone.create("next");
  assert.deepEqual((await phone.outbox()).entries.map((entry) => entry.n), [1]);
});

test("a transaction that the browser gives up is a StorageError, after which the next one works", async () => {
  const db = await openDatabase("full", 1, (made) => made.createObjectStore("s"));
  const quota = strictly(db, ["s"], (tx) => {
    tx.objectStore("s").put(1, "a");
    tx.abort();
  });
  await assert.rejects(quota, StorageError);
  await strictly(db, ["s"], (tx) => void tx.objectStore("s").put(2, "b"));
  assert.deepEqual(await strictly(db, ["s"], (tx) => new Promise((resolve) => {
    const keys = tx.objectStore("s").getAllKeys();
    keys.onsuccess = () => resolve(keys.result);
  })), ["b"]);
});

test("writes that a person depends on ask for strict durability", async () => {
  const phone = await Phone.open(new FakeServer());
  const asked_for: unknown[] = [];
  const transaction = phone.work.transaction.bind(phone.work);
  phone.work.transaction = (stores, mode, options) => {
    if (mode === "readwrite") asked_for.push(options?.durability);
    return transaction(stores, mode, options);
  };
  await phone.create("Cracked tile");
  await writeDraft(phone.work, { key: "new", value: "text", saved_at: 1 });
  await deleteDraft(phone.work, "new");
  await forgetQuarantined(phone.work, "none");
  await phone.sender().run(false);
  assert.deepEqual(new Set(asked_for), new Set(["strict"]));
});

test("an answer is applied only to the cookie it was asked with", async () => {
  const cache = await openCache(USER);
  assert.notEqual(await applyRows(cache, asked(null), { ...NOTHING, scopes: [rows("a", "1")] }), null);
  assert.equal(await applyRows(cache, asked(null), { ...NOTHING, scopes: [rows("a", "2")] }), null);
  assert.deepEqual(await idsOf(cache), ["1"]);
  assert.equal((await readReach(cache)).cookie, "c1");
});

test("no row, and the cookie last of all, is asked to be written before the one before is", async () => {
  const cache = await openCache(USER);
  const transaction = cache.transaction.bind(cache);
  const asked_for: string[] = [];
  const watched = new WeakSet<object>();
  let open = 0;
  cache.transaction = (stores, mode, options) => {
    const tx = transaction(stores, mode, options);
    const objectStore = tx.objectStore.bind(tx);
    tx.objectStore = (name) => {
      const store = objectStore(name);
      if (watched.has(store)) return store;
      watched.add(store);
      for (const method of ["put", "delete"] as const) {
        const write = store[method].bind(store) as (...given: unknown[]) => IDBRequest;
        Object.assign(store, {
          [method]: (...given: unknown[]) => {
            asked_for.push(`${method} ${name}`);
            assert.equal(open++, 0, "Firefox would keep it, whatever becomes of the one before");
            const request = write(...given);
            request.addEventListener("success", () => open--);
            return request;
          },
        });
      }
      return store;
    };
    return tx;
  };
  await applyRows(cache, asked(null), { ...NOTHING, scopes: [rows("a", "1", "2")] });
  await applyRows(cache, asked("c1"), { ...NOTHING, scopes: [{ ...rows("a", "3"), gone: [{ entity: "comments", id: "1" }] }] });
  assert.deepEqual(asked_for, ["put rows", "put rows", "put meta", "put rows", "delete rows", "put meta"]);
});

test("a row stays while one scope is left that gave it", async () => {
  const cache = await openCache(USER);
  await applyRows(cache, asked(null), { ...NOTHING, scopes: [rows("a", "1", "2"), rows("b", "2", "3")] });
  await applyRows(cache, asked("c1"), { ...NOTHING, drop: ["b"] });
  assert.deepEqual(await idsOf(cache), ["1", "2"]);
  await applyRows(cache, asked("c1"), { ...NOTHING, scopes: [rows("b", "2", "3"), { ...rows("a"), gone: [{ entity: "comments", id: "2" }] }] });
  assert.deepEqual(await idsOf(cache), ["1", "2", "3"]);
  await applyRows(cache, asked("c1"), { ...NOTHING, drop: ["a", "b"] });
  assert.deepEqual(await idsOf(cache), []);
});

test("a row that moves between two scopes of one answer stays, whichever comes first", async () => {
  for (const is_reversed of [false, true]) {
    newDisk();
    const cache = await openCache(USER);
    await applyRows(cache, asked(null), { ...NOTHING, scopes: [rows("a", "1")] });
    const scopes = [{ ...rows("a"), gone: [{ entity: "comments", id: "1" }] }, rows("b", "1")];
    const changes = await applyRows(cache, asked("c1"), { ...NOTHING, scopes: is_reversed ? scopes.reverse() : scopes });
    assert.deepEqual(await idsOf(cache), ["1"]);
    assert.deepEqual([changes?.put.map((row) => row.scopes), changes?.gone], [[["b"]], []]);
  }
});

test("a reset forgets rows and covered entries before it takes the new ones", async () => {
  const cache = await openCache(USER);
  await applyRows(cache, asked(null, ["m1"], ["m1"]), { ...NOTHING, scopes: [rows("a", "1")] });
  assert.deepEqual((await readReach(cache)).covered, ["m1"]);
  await applyRows(cache, asked("c1", [], ["m1"]), { ...NOTHING, reset: true, scopes: [rows("a", "2")] });
  assert.deepEqual(await idsOf(cache), ["2"]);
  assert.deepEqual((await readReach(cache)).covered, []);
});

test("a covered entry is remembered for as long as it is in the outbox", async () => {
  const cache = await openCache(USER);
  await applyRows(cache, asked(null, ["m1", "m2"], ["m1", "m2"]), NOTHING);
  await applyRows(cache, asked("c1", ["m3"], ["m2", "m3"]), NOTHING);
  assert.deepEqual((await readReach(cache)).covered, ["m2", "m3"]);
});

test("5,000 rows are applied in one go and read back by item", async () => {
  const cache = await openCache(USER);
  const ids = Array.from({ length: 5_000 }, (_one, count) => String(count).padStart(5, "0"));
  await applyRows(cache, asked(null), { ...NOTHING, scopes: [rows("a", ...ids)] });
  assert.equal((await readChildren(cache, "i")).length, 5_000);
});

test("a draft is what was typed last", async () => {
  const { work } = await Phone.open(new FakeServer());
  await writeDraft(work, { key: "new", value: { title: "Cra" }, saved_at: 1 });
  await writeDraft(work, { key: "new", value: { title: "Crack" }, saved_at: 2 });
  assert.deepEqual((await readDraft(work, "new"))?.value, { title: "Crack" });
  await deleteDraft(work, "new");
  assert.equal(await readDraft(work, "new"), undefined);
});

test("signing out locks at once, keeps the work and tells only names and counts", async () => {
  const ana = { id: USER, name: "Ana", login: "ana", company_id: null, project_id: "p", is_locked: false };
  await prepareShell();
  await writeCurrentUser(ana);
  const phone = await Phone.open(new FakeServer());
  await phone.create("secret");
  assert.equal((await readCurrentUser())?.name, "Ana");
  await lockUser(USER);
  assert.equal(await readCurrentUser(), null);
  assert.equal(await readPendingSignOut(), USER);
  assert.deepEqual(await waitingOnThisPhone(), [{ user_id: USER, name: "Ana", waiting: 1 }]);
  await writeCurrentUser({ ...ana, id: "bo", name: "Bo" });
  assert.equal(await readPendingSignOut(), undefined, "the new session settles the old sign-out");
  await forgetPendingSignOut();
  assert.equal((await readCurrentUser())?.name, "Bo");
  assert.equal((await phone.outbox()).entries.length, 1);
});

test("a phone keeps its label", async () => {
  await prepareShell();
  const label = await readDeviceLabel();
  assert.match(label, /^[A-HJ-NP-Z][0-9]$/);
  assert.equal(await readDeviceLabel(), label);
});

test("the worker opens what a page has made and makes nothing", async () => {
  await assert.rejects(openDatabase("missing"), StorageError);
  assert.deepEqual(await indexedDB.databases(), []);
});
