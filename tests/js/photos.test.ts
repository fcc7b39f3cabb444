/** What is kept of a photo is kept whole, belongs to one place, and leaves only when it may. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { actInStore, attachInStore, forgetQuarantined, mendPhotos } from "../../pwa/store/acts.ts";
import { applyRows, type Rows } from "../../pwa/store/cache.ts";
import { cacheName, workName } from "../../pwa/store/databases.ts";
import { openCache, openWork } from "../../pwa/store/opening.ts";
import { dropPhoto, keepInStore, readBytes, settlePhotos } from "../../pwa/store/photos.ts";
import { prepareShell, waitingOnThisPhone, writeCurrentUser } from "../../pwa/store/shell.ts";
import { openDatabase, strictly } from "../../pwa/store/strict.ts";
import { readThumb, readThumbIds, writeThumb } from "../../pwa/store/thumbs.ts";
import { newId } from "../../pwa/sync/ids.ts";
import { StorageError } from "../../pwa/sync/types.ts";
import { PART_BYTES } from "../../pwa/sync/uploading.ts";
import { bytesOf, hashOf, taken } from "./camera.ts";
import { newDisk, Phone, USER } from "./phone.ts";
import { FakeServer } from "./fake_server.ts";
import { FIELDS, PhotoPhone } from "./photo_phone.ts";

beforeEach(newDisk);

const SIZE = 2 * PART_BYTES + 5;

async function countOf(db: IDBDatabase, store: string): Promise<number> {
  const request = db.transaction(store).objectStore(store).count();
  return new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
}

test("a kept photo comes back byte for byte, in parts that any browser stores", async () => {
  const phone = await PhotoPhone.open();
  const id = newId();
  const prepared = taken(SIZE);
  await keepInStore(phone.phone.work, { id, draft_key: "new", kept_at: 1 }, prepared, FIELDS);
  const picture = await readBytes(phone.phone.work, id, "picture");
  assert.equal(hashOf(await picture!.arrayBuffer()), prepared.sha256);
  assert.equal(picture!.type, "image/jpeg");
  assert.equal(hashOf(await (await readBytes(phone.phone.work, id, "thumb"))!.arrayBuffer()), prepared.thumb_sha256);
  assert.equal(await readBytes(phone.phone.work, "other", "picture"), null);
  const parts = phone.phone.work.transaction("photo_parts").objectStore("photo_parts").getAll();
  await new Promise((resolve) => (parts.onsuccess = resolve));
  assert.deepEqual(parts.result.map((part: ArrayBuffer) => [part instanceof ArrayBuffer, part.byteLength <= PART_BYTES]), Array(4).fill([true, true]));
});

test("a phone that is full keeps nothing of the photo, and says so", async () => {
  const { work } = (await PhotoPhone.open()).phone;
  const transaction = work.transaction.bind(work);
  for (let room = 0; room < 5; room++) {
    work.transaction = (stores, mode, options) => {
      const tx = transaction(stores, mode, options);
      let left = room;
      if (!tx.objectStoreNames.contains("photo_parts")) return tx;
      const parts = tx.objectStore("photo_parts");
      const put = parts.put.bind(parts);
      parts.put = (...given) => {
        if (left-- <= 0) throw new DOMException("no room", "QuotaExceededError");
        return put(...given);
      };
      return tx;
    };
    const kept = keepInStore(work, { id: newId(), draft_key: "new", kept_at: 1 }, taken(SIZE), FIELDS);
    if (room < 4) await assert.rejects(kept, (error) => error instanceof StorageError && error.is_full);
    else await kept;
    work.transaction = transaction;
    assert.deepEqual([await countOf(work, "photos"), await countOf(work, "photo_parts")], room < 4 ? [0, 0] : [1, 4], `room for ${room} parts`);
  }
});

test("an item and its photos are written together, and a second tap adds nothing", async () => {
  const phone = await PhotoPhone.open();
  const { work } = phone.phone;
  const ids = [await phone.keep(10), await phone.keep(10)];
  const create = { type: "mutate", id: newId(), name: "item.create", args: { id: "i", title: "Crack" }, base: null, made_at: 1 } as const;
  await attachInStore(work, create, "i", ids, null, 1);
  await attachInStore(work, null, "i", ids, null, 2);
  const { entries } = await phone.phone.outbox();
  assert.deepEqual(entries.map(({ n, name }) => [n, name]), [[1, "item.create"], [2, "photo.add"], [3, "photo.add"]]);
  const [args] = entries.slice(1).map((entry) => entry.args);
  assert.deepEqual([args!["id"], args!["item_id"], args!["size_bytes"], args!["kind"]], [ids[0], "i", 10, "before"]);
  assert.deepEqual(Object.keys(args!).sort(), "caption height id item_id kind media_type position sha256 size_bytes taken_at thumb_bytes thumb_sha256 width".split(" "));
  assert.deepEqual((await phone.photos()).map(({ item_id, draft_key }) => [item_id, draft_key]), [["i", null], ["i", null]]);
  const bad = { ...create, id: newId(), args: { bad: () => 0 } };
  const third = await phone.keep(10);
  await assert.rejects(attachInStore(work, bad, "i", [third], null, 3), StorageError);
  assert.equal((await phone.photo(third)).item_id, null, "with its item it stays in the draft");
});

test("who gives up adding a photo gives up its bytes, and nobody else's", async () => {
  const phone = await PhotoPhone.open();
  const [first, other] = [await phone.keep(10), await phone.keep(10)];
  await phone.attach(first, other);
  const [entry] = (await phone.phone.outbox()).entries;
  await actInStore(phone.phone.work, { type: "discard", id: entry!.id, noop_id: newId(), made_at: 1 });
  assert.deepEqual((await phone.photos()).map(({ id }) => id), [other]);
  const tried = (await phone.phone.outbox()).entries[1]!;
  await strictly(phone.phone.work, ["entries"], (tx) => void tx.objectStore("entries").put({ ...tried, state: "tried" }));
  await actInStore(phone.phone.work, { type: "discard", id: tried.id, noop_id: newId(), made_at: 1 });
  assert.equal((await phone.photos()).length, 1, "what may be on the server is not discarded here");
  await strictly(phone.phone.work, ["entries", "quarantined"], (tx) => {
    tx.objectStore("entries").delete(tried.id);
    tx.objectStore("quarantined").put({ ...tried, error: "unstorable_value" });
  });
  await mendPhotos(phone.phone.work);
  assert.equal((await phone.photo(other)).outcome, null, "set aside is not acknowledged");
  await forgetQuarantined(phone.phone.work, tried.id);
  assert.equal(await countOf(phone.phone.work, "photo_parts"), 0);
});

test("a refused photo keeps its bytes, is never sent, and may be added to another item", async () => {
  const phone = await PhotoPhone.open();
  const id = await phone.keep(SIZE);
  await phone.attach(id);
  const { post } = phone.phone.server;
  const refusing: typeof post = async (request) => {
    const landed = await post(request);
    const body = (landed as { body: { receipts: { outcome: string }[] } }).body;
    return { kind: "answer", body: { ...body, receipts: body.receipts.map((receipt) => ({ ...receipt, outcome: "refused" })) } };
  };
  await phone.phone.sender({ post: refusing }).run(true);
  assert.equal((await phone.photo(id)).outcome, "refused");
  await phone.drain();
  assert.deepEqual(phone.uploads.log, []);
  await attachInStore(phone.phone.work, null, "j", [id], null, 1);
  assert.equal((await phone.photo(id)).outcome, null);
  await phone.phone.sender().run(true);
  await phone.drain();
  assert.ok(phone.uploads.stored.has(`${id}/picture`));
});

test("a receipt that an older app took is made up for", async () => {
  const phone = await PhotoPhone.open();
  const [lost, waiting, draft] = [await phone.keep(10), await phone.keep(10), await phone.keep(10)];
  await phone.attach(lost, waiting);
  const [entry] = (await phone.phone.outbox()).entries;
  await strictly(phone.phone.work, ["entries"], (tx) => void tx.objectStore("entries").delete(entry!.id));
  await mendPhotos(phone.phone.work);
  assert.deepEqual(await Promise.all([lost, waiting, draft].map(async (id) => (await phone.photo(id)).outcome)), ["applied", null, null]);
});

test("a photo is dropped only where that is allowed", async () => {
  const phone = await PhotoPhone.open();
  const id = await phone.keep(SIZE);
  assert.equal(await dropPhoto(phone.phone.work, id, () => false), false);
  assert.equal(await countOf(phone.phone.work, "photo_parts"), 4);
  assert.equal(await dropPhoto(phone.phone.work, id, () => true), true);
  assert.deepEqual([await countOf(phone.phone.work, "photos"), await countOf(phone.phone.work, "photo_parts")], [0, 0]);
});

test("rows that are older than work in the outbox bring nothing back", async () => {
  const phone = await PhotoPhone.open();
  const { work } = phone.phone;
  const id = await phone.add(10);
  await phone.phone.sender().run(true);
  const settle = (): Promise<string[]> => settlePhotos(work, ({ is_removed }) => (is_removed ? { is_removed: false } : null)); // its row is shown
  await phone.act("photo.remove", { id, item_id: "i" });
  assert.deepEqual([await settle(), (await phone.photo(id)).is_removed], [[], true], "it was read before the removal");
  await strictly(work, ["entries"], (tx) => void tx.objectStore("entries").clear());
  assert.deepEqual([await settle(), (await phone.photo(id)).is_removed], [[id], false], "the removal was refused");
  assert.deepEqual(await settlePhotos(work, () => "drop"), [id]);
  assert.deepEqual([await countOf(work, "photos"), await countOf(work, "photo_parts")], [0, 0]);
});

test("a photo that is still owed counts as waiting on this phone, once its record does not", async () => {
  const phone = await PhotoPhone.open();
  await prepareShell();
  await writeCurrentUser({ id: USER, name: "Ana", login: "ana", company_id: null, project_id: "p", is_locked: false });
  await phone.keep(10);
  await phone.attach(await phone.keep(10));
  assert.deepEqual((await waitingOnThisPhone()).map((user) => user.waiting), [1], "its record");
  await phone.phone.sender().run(true);
  assert.deepEqual((await waitingOnThisPhone()).map((user) => user.waiting), [1], "its bytes");
  await phone.drain();
  assert.deepEqual(await waitingOnThisPhone(), []);
});

/** As the version before made them. */
async function oldDatabases(): Promise<[IDBDatabase, IDBDatabase]> {
  const work = await openDatabase(workName(USER), 1, (db) => {
    db.createObjectStore("entries", { keyPath: "id" }).createIndex("n", "n");
    db.createObjectStore("quarantined", { keyPath: "id" });
    db.createObjectStore("drafts", { keyPath: "key" });
    db.createObjectStore("meta");
  });
  const cache = await openDatabase(cacheName(USER), 1, (db) => {
    const made = db.createObjectStore("rows", { keyPath: ["entity", "id"] });
    made.createIndex("scopes", "scopes", { multiEntry: true });
    made.createIndex("item_id", "item_id");
    db.createObjectStore("meta");
  });
  await strictly(work, ["entries", "drafts"], (tx) => {
    tx.objectStore("entries").put({ id: "m", n: 1, name: "noop", args: {}, state: "waiting" });
    tx.objectStore("drafts").put({ key: "new", value: "Cra", saved_at: 1 });
  });
  await strictly(cache, ["rows"], (tx) => void tx.objectStore("rows").put({ entity: "punch_items", id: "i", item_id: null, scopes: ["s"], doc: { id: "i" } }));
  return [work, cache];
}

test("an upgrade keeps everything, and closes the databases of a tab with the version before", async () => {
  const old = await oldDatabases();
  const [work, cache] = [await openWork(USER), await openCache(USER)];
  assert.deepEqual([work.version, cache.version], [2, 2]);
  assert.deepEqual([await countOf(work, "entries"), await countOf(work, "drafts"), await countOf(cache, "rows")], [1, 1, 1]);
  assert.deepEqual([await countOf(work, "photos"), await countOf(work, "photo_parts"), await countOf(cache, "thumbs")], [0, 0, 0]);
  for (const db of old) assert.throws(() => db.transaction("meta"), "the old tab has let go, and says that it cannot store");
});

test("an older app on a newer database says so and touches nothing", async () => {
  const newer = await openDatabase(workName(USER), 99, (db) => void db.createObjectStore("entries", { keyPath: "id" }));
  await strictly(newer, ["entries"], (tx) => void tx.objectStore("entries").put({ id: "m" }));
  await assert.rejects(openWork(USER), (error) => error instanceof StorageError && error.message.startsWith("VersionError"));
  assert.deepEqual([newer.version, await countOf(newer, "entries")], [99, 1]);
});

test("a tab that does not let go of the version before is told, and keeps nobody from it later", async () => {
  const [old] = await oldDatabases();
  old.onversionchange = null;
  await assert.rejects(openWork(USER), (error) => error instanceof StorageError && error.message.startsWith("BlockedError"));
  assert.equal(await countOf(old, "entries"), 1);
  old.close();
  const work = await openWork(USER);
  assert.deepEqual([work.version, await countOf(work, "entries")], [2, 1]);
  const newer = openDatabase(workName(USER), 3, () => undefined);
  assert.equal((await newer).version, 3, "the late one has let go, too");
});

test("an upgrade killed midway leaves the version before, whole", async () => {
  const old = await oldDatabases();
  for (const db of old) db.close();
  await assert.rejects(
    openDatabase(workName(USER), 2, (db) => {
      db.createObjectStore("photos", { keyPath: "id" });
      throw new DOMException("killed", "AbortError");
    }),
    StorageError,
  );
  const before = await openDatabase(workName(USER));
  assert.deepEqual([before.version, before.objectStoreNames.contains("photos"), await countOf(before, "entries")], [1, false, 1]);
  before.close();
  assert.equal(await countOf(await openWork(USER), "entries"), 1);
});

test("a sender of this version works on databases that no page has upgraded yet", async () => {
  await oldDatabases().then((old) => old.forEach((db) => db.close()));
  const phone = await Phone.open(new FakeServer());
  phone.work.close();
  phone.cache.close();
  newDisk();
  const [work, cache] = await oldDatabases();
  await strictly(work, ["entries", "meta"], (tx) => {
    tx.objectStore("entries").clear();
    tx.objectStore("meta").put({ client: "c", user: USER, next_n: 1, trouble: null, trouble_since: null, synced_at: null }, "device");
  });
  const old = Object.assign(Object.create(Phone.prototype) as Phone, { work, cache, server: phone.server, now: 5 });
  await strictly(work, ["entries"], (tx) => void tx.objectStore("entries").put({ id: "m", n: 1, name: "noop", args: {}, base: null, schema: 1, made_at: 1, state: "waiting", tries: 0, outcome: null }));
  await old.sender().run(true);
  assert.equal(phone.server.applied.length, 1);
});

const NOTHING: Rows = { receipts: [], cookie: "c1", complete: true, reset: false, drop: [], scopes: [] };
const asked = (cookie: string | null) => ({ cookie, now: 9, prune: [], held: new Set<string>() });
const photoRows = (...ids: string[]): Rows["scopes"][number] => ({ scope: "s", total: ids.length, gone: [], rows: ids.map((id) => ({ entity: "photos", doc: { id, item_id: "i" } })) });

const leavings: readonly [string, Partial<Rows>][] = [
  ["its row", { scopes: [{ ...photoRows(), gone: [{ entity: "photos", id: "p" }] }] }],
  ["its scope", { drop: ["s"] }],
  ["everything", { reset: true }],
];

for (const [what, changes] of leavings) {
  test(`a small picture leaves with ${what}, and cannot come back late`, async () => {
    const cache = await openCache(USER);
    await applyRows(cache, asked(null), { ...NOTHING, scopes: [photoRows("p", "q")] });
    assert.equal(await writeThumb(cache, "p", bytesOf(10, 1)), true);
    assert.deepEqual([...(await readThumbIds(cache))], ["p"]);
    await applyRows(cache, asked("c1"), { ...NOTHING, ...changes });
    assert.equal(await readThumb(cache, "p"), undefined);
    assert.equal(await writeThumb(cache, "p", bytesOf(10, 1)), false, "what was on its way is not kept");
    assert.equal(await readThumb(cache, "p"), undefined);
  });
}
