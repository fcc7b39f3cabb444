/** The engine as the screens use it, on stores in memory, with a page that is nothing but its events. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { IDBDatabase } from "fake-indexeddb";
import { openCache, openWork } from "../../pwa/store/opening.ts";
import { changePhotos } from "../../pwa/store/photos.ts";
import { prepareShell, writeCurrentUser } from "../../pwa/store/shell.ts";
import { openHoldfast } from "../../pwa/sync/client.ts";
import type { SyncRequest } from "../../pwa/sync/device.ts";
import { StorageError, type Holdfast, type Snapshot } from "../../pwa/sync/types.ts";
import { taken } from "./camera.ts";
import { FakeServer } from "./fake_server.ts";
import { FakeUploads } from "./fake_uploads.ts";
import { newDisk, USER } from "./phone.ts";
import { FIELDS } from "./photo_phone.ts";

const HEADERS = { Holdfast: "1" };
const real = { fetch: globalThis.fetch, setTimeout, setInterval, BroadcastChannel };
let server: FakeServer;
let uploads: FakeUploads;
let estimate: { usage: number; quota: number };
/** Channels keep a process alive. */
const channels: BroadcastChannel[] = [];

async function answer(path: string, init: RequestInit): Promise<Response> {
  if (path === "/sync") {
    const landed = await server.post(JSON.parse(String(init.body)) as SyncRequest);
    if (landed.kind === "unreachable") throw new TypeError("no network");
    return landed.kind === "answer" ? new Response(JSON.stringify(landed.body), { headers: HEADERS }) : new Response("<html>");
  }
  if (path.startsWith("/photos/")) return new Response(Uint8Array.of(9, 9), { headers: HEADERS });
  return uploads.respond(path, init);
}

beforeEach(async () => {
  newDisk();
  server = new FakeServer();
  uploads = new FakeUploads();
  estimate = { usage: 0, quota: 1e9 };
  class Channel extends real.BroadcastChannel {
    constructor(name: string) {
      super(name);
      channels.push(this);
      (this as unknown as { unref(): void }).unref();
    }
  }
  const timer = (start: typeof setTimeout) => (...given: Parameters<typeof setTimeout>) => start(...given).unref();
  Object.assign(globalThis, {
    addEventListener: () => undefined,
    document: { visibilityState: "visible", addEventListener: () => undefined },
    localStorage: { getItem: () => null, setItem: () => undefined },
    BroadcastChannel: Channel,
    setTimeout: timer(real.setTimeout),
    setInterval: timer(real.setInterval as typeof setTimeout),
    fetch: (path: string, init: RequestInit = {}) => answer(path, init),
  });
  Object.defineProperty(navigator, "storage", { configurable: true, value: { estimate: async () => estimate, persist: async () => true } });
  await prepareShell();
  await writeCurrentUser({ id: USER, name: "Ana", login: "ana", company_id: null, project_id: "p", is_locked: false });
});
afterEach(() => {
  for (const channel of channels.splice(0)) channel.close();
  Object.assign(globalThis, real);
});

/** Waits until the snapshot is as wanted. */
function shows(engine: Holdfast, what: string, is: (now: Snapshot) => boolean): Promise<Snapshot> {
  return new Promise((resolve, reject) => {
    const timer = real.setTimeout(() => reject(new Error(`never: ${what}; ${JSON.stringify(engine.snapshot().strip)}`)), 8_000);
    const look = (): void => {
      if (!is(engine.snapshot())) return;
      stop();
      clearTimeout(timer);
      resolve(engine.snapshot());
    };
    const stop = engine.subscribe(look);
    look();
  });
}

async function keep(engine: Holdfast, size: number, draft_key = "new"): Promise<string> {
  const prepared = taken(size);
  const id = await engine.keepPhoto(draft_key, prepared, FIELDS);
  uploads.rows.set(id, { picture: prepared.sha256, thumb: prepared.thumb_sha256 });
  return id;
}

const ITEM = { id: "i", sector_id: "b4", title: "Cracked tile", provisional_number: "K7-1" };

test("a photo is kept in a draft, added with its item, sent by itself, and green comes last", async () => {
  const engine = (await openHoldfast())!;
  await shows(engine, "the first contact", ({ strip }) => strip.kind === "all_on_server");
  const id = await keep(engine, 600_000);
  assert.deepEqual(engine.keptPhotos("new").map((photo) => [photo.id, photo.place]), [[id, "kept"]]);
  assert.equal(engine.snapshot().strip.kind, "all_on_server", "a draft is nobody's promise");
  await engine.changeKeptPhoto(id, { caption: "left corner", kind: "after" });
  const kinds: string[] = [];
  engine.subscribe(() => kinds.push(engine.snapshot().strip.kind));
  await engine.mutate("item.create", ITEM, null, [id]);
  const { strip, photos } = engine.snapshot();
  assert.deepEqual([strip.photos.waiting, photos.map((photo) => photo.caption)], [1, ["left corner"]]);
  assert.deepEqual(engine.snapshot().photosOf("i").map((photo) => [photo.id, photo.kind, photo.place]), [[id, "after", "waiting"]]);
  await shows(engine, "green", (now) => now.strip.kind === "all_on_server");
  assert.ok(uploads.stored.has(`${id}/picture`), "green only with the photo on the server");
  assert.ok(kinds.includes("photos_sending"), kinds.join(" "));
  assert.deepEqual(server.applied.map((one) => one.name), ["item.create", "photo.add"]);
  assert.equal(server.applied[1]!.args["caption"], "left corner");
});

test("records arrive while photos cannot, and the strip tells which photos wait for what", async () => {
  const engine = (await openHoldfast())!;
  await engine.setPhotoPolicy("wifi");
  const id = await keep(engine, 300_000);
  await engine.mutate("item.create", ITEM, null, [id]);
  await shows(engine, "held", ({ strip }) => strip.kind === "photos_held");
  const { strip } = engine.snapshot();
  assert.deepEqual([strip.waiting, strip.photos.held, strip.photos.bytes], [0, 1, 300_900]);
  assert.equal(engine.snapshot().markOf("i"), "on_server", "this server has sent no row of the photo");
  uploads.fate.push("store_away");
  await engine.sendPhotosNow([id]);
  await shows(engine, "the store is away", ({ strip: now }) => now.kind === "photos_storage");
  await engine.sendPhotosNow();
  await shows(engine, "green", (now) => now.strip.kind === "all_on_server");
});

test("other people's small pictures come by themselves, and this phone's own are here at once", async () => {
  const row = { id: "p", version: 1, item_id: "i", author_id: "bo", client: "other", state: "waiting", preview: "thumb", made_at: 1, size_bytes: 5, thumb_bytes: 0 };
  server.add("photos", row);
  server.add("photos", { ...row, id: "q", preview: "none" });
  const engine = (await openHoldfast())!;
  const { thumbs } = await shows(engine, "the small picture", (now) => now.thumbs.here === 1);
  assert.deepEqual(thumbs, { here: 1, of: 1 });
  assert.equal((await engine.thumbOf("p"))?.size, 2);
  assert.deepEqual(engine.snapshot().photosOf("i").map((photo) => photo.place), ["elsewhere", "elsewhere"]);
  assert.equal(engine.snapshot().markOf("i"), "photos");
  assert.deepEqual(engine.snapshot().photosLeft("i"), { waiting: 2, of: 2 });
  const own = await keep(engine, 1_000);
  assert.equal((await engine.thumbOf(own))?.size, 900);
});

test("space is told in photos; a full phone takes no photo, and text always", async () => {
  const engine = (await openHoldfast())!;
  const id = await keep(engine, 400_000);
  estimate = { usage: 700e6, quota: 1e9 };
  assert.deepEqual(await engine.storage(), { used_bytes: 700e6, quota_bytes: 1e9, level: "some", photos_left: 623, freeable_bytes: 0 });
  estimate = { usage: 960e6, quota: 1e9 };
  assert.equal((await engine.storage()).level, "full");
  await assert.rejects(keep(engine, 10), (error) => error instanceof StorageError && error.is_full);
  await engine.mutate("item.create", ITEM, null, [id]);
  await shows(engine, "green", (now) => now.strip.kind === "all_on_server");
  assert.equal(await engine.freeStored(), 400_900);
  assert.equal(await engine.photoBytes(id, "picture"), null);
});

test("text that finds no room takes that of photos which are on the server", async () => {
  const engine = (await openHoldfast())!;
  const [stored, waiting] = [await keep(engine, 1_000), await keep(engine, 1_000)];
  await engine.mutate("item.create", ITEM, null, [stored]);
  await shows(engine, "green", (now) => now.strip.kind === "all_on_server");
  const { transaction } = IDBDatabase.prototype;
  let is_full = true;
  IDBDatabase.prototype.transaction = function (this: IDBDatabase, stores, mode, options) {
    if ([stores].flat().includes("photo_parts") && [stores].flat().length === 2) is_full = false; // room is made
    else if (mode === "readwrite" && is_full) throw new DOMException("no room", "QuotaExceededError");
    return transaction.call(this, stores, mode, options);
  };
  try {
    await engine.mutate("comment.add", { id: "k", item_id: "i", text: "Red" }, 1);
  } finally {
    IDBDatabase.prototype.transaction = transaction;
  }
  assert.deepEqual([await engine.photoBytes(stored, "picture"), (await engine.photoBytes(waiting, "picture"))?.size], [null, 1_000]);
  assert.notEqual(engine.snapshot().strip.kind, "storage_failed");
});

test("a removed photo that comes back is sent after all", async () => {
  const engine = (await openHoldfast())!;
  uploads.fate.push("cut");
  const id = await keep(engine, 1_000);
  await engine.mutate("item.create", ITEM, null, [id]);
  await shows(engine, "on its way", ({ strip }) => strip.kind === "photos_waiting");
  await engine.mutate("photo.remove", { id, item_id: "i" }, 1);
  await shows(engine, "nothing owed", ({ strip }) => strip.kind === "all_on_server");
  server.add("photos", { id, version: 2, item_id: "i", author_id: USER, client: "c", state: "waiting", preview: "none", made_at: 1 });
  engine.sendNow();
  await shows(engine, "sent", () => uploads.stored.has(`${id}/picture`));
});

const PHOTO = { version: 2, item_id: "i", author_id: USER, client: "c", state: "waiting", preview: "none", made_at: 1, size_bytes: 1_000, thumb_bytes: 900 };

/** A photo whose row is there and that needs a person. */
async function stuck(engine: Holdfast, reason: string): Promise<string> {
  await engine.setPhotoPolicy("wifi");
  const id = await keep(engine, 1_000);
  await engine.mutate("item.create", ITEM, null, [id]);
  await shows(engine, "held", ({ strip }) => strip.kind === "photos_held");
  await changePhotos(await openWork(USER), [id], () => ({ is_stuck: true, reason, tries: 8 }));
  await engine.setPhotoPolicy("any");
  await shows(engine, "stuck", ({ strip }) => strip.kind === "photos_stuck");
  return id;
}

test("a photo whose row the server could not find is sent once the row is there", async () => {
  const engine = (await openHoldfast())!;
  const id = await stuck(engine, "not_found");
  server.add("photos", { ...PHOTO, id });
  engine.sendNow();
  await shows(engine, "green", ({ strip }) => strip.kind === "all_on_server");
  assert.ok(uploads.stored.has(`${id}/picture`));
});

test("a parked photo keeps the strip from being green until its end is known, and no longer", async () => {
  const engine = (await openHoldfast())!;
  server.outcomes.set("photo.add", "parked");
  const id = await keep(engine, 1_000);
  uploads.rows.delete(id);
  await engine.mutate("item.create", ITEM, null, [id]);
  await shows(engine, "parked", ({ strip, outbox }) => outbox.length === 0 && strip.photos.waiting === 1);
  const row = { version: 1, id: "m", user_id: USER, name: "photo.add", args: { id, item_id: "i" }, made_at: 1, received_at: 2, item_id: "i", waiting_for: "punch_items/i" };
  server.add("refusals", { ...row, state: "parked", reason: "waiting", text: "" });
  engine.sendNow();
  const { strip } = await shows(engine, "its refusal", ({ refusals }) => refusals.size === 1);
  assert.deepEqual([strip.photos.waiting, strip.kind === "all_on_server"], [1, false]);
  server.add("refusals", { ...row, version: 2, state: "refused", reason: "depends_on", text: "" });
  engine.sendNow();
  await shows(engine, "green", (now) => now.strip.kind === "all_on_server");
  assert.equal(engine.snapshot().strip.needs_you, 1, "and the person is told");
  assert.equal((await engine.photoBytes(id, "picture"))?.size, 1_000, "nothing is dropped unasked");
  await engine.dropKeptPhoto(id);
  assert.equal(await engine.photoBytes(id, "picture"), null);
});

test("a parked photo of whose item nothing is known can be discarded", async () => {
  const engine = (await openHoldfast())!;
  server.outcomes.set("photo.add", "parked");
  const id = await keep(engine, 1_000);
  uploads.rows.delete(id);
  await engine.mutate("item.create", ITEM, null, [id]);
  await shows(engine, "parked", ({ strip, outbox }) => outbox.length === 0 && strip.photos.waiting === 1);
  await engine.dropKeptPhoto(id);
  await shows(engine, "green", ({ strip }) => strip.kind === "all_on_server");
});

test("who discards a stuck photo takes its row from everybody first, and its bytes when that is through", async () => {
  const engine = (await openHoldfast())!;
  const id = await stuck(engine, "hash_mismatch");
  server.add("photos", { ...PHOTO, id });
  engine.sendNow();
  await shows(engine, "its row", ({ photosOf }) => photosOf("i").some(({ version }) => version === 2));
  server.fate.push("unreachable");
  await engine.dropKeptPhoto(id);
  assert.deepEqual(engine.snapshot().outbox.map(({ name, args }) => [name, args["id"]]), [["photo.remove", id]]);
  assert.equal((await engine.photoBytes(id, "picture"))?.size, 1_000, "the row may stay yet");
  server.remove("photos", id);
  engine.sendNow();
  await shows(engine, "green", ({ strip }) => strip.kind === "all_on_server");
  for (let looks = 0; looks < 200 && (await engine.photoBytes(id, "picture")); looks++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await engine.photoBytes(id, "picture"), null);
  assert.equal(server.applied.at(-1)!.name, "photo.remove");
});

test("a removal that was refused leaves the photo as it was, with its bytes", async () => {
  const engine = (await openHoldfast())!;
  const id = await stuck(engine, "hash_mismatch");
  server.add("photos", { ...PHOTO, id });
  engine.sendNow();
  await shows(engine, "its row", ({ photosOf }) => photosOf("i").some(({ version }) => version === 2));
  server.outcomes.set("photo.remove", "refused");
  await engine.dropKeptPhoto(id);
  await shows(engine, "sent after all", ({ strip }) => strip.kind === "all_on_server" && uploads.stored.has(`${id}/picture`));
});

test("small pictures that a reset of the rows took along are fetched again", async () => {
  const row = { ...PHOTO, id: "p", author_id: "bo", preview: "thumb" };
  server.add("photos", row);
  const engine = (await openHoldfast())!;
  await shows(engine, "the small picture", (now) => now.thumbs.here === 1);
  const cache = await openCache(USER);
  const tx = cache.transaction("thumbs", "readwrite");
  tx.objectStore("thumbs").clear();
  await new Promise((resolve) => (tx.oncomplete = resolve));
  server.add("photos", { ...row, version: 3 });
  engine.sendNow();
  await shows(engine, "its new row", ({ photosOf }) => photosOf("i").some(({ version }) => version === 3));
  let is_here = false;
  for (let looks = 0; looks < 100 && !is_here; looks++) {
    engine.sendNow();
    await new Promise((resolve) => real.setTimeout(resolve, 20));
    const keys = cache.transaction("thumbs").objectStore("thumbs").getAllKeys();
    await new Promise((resolve) => (keys.onsuccess = resolve));
    is_here = keys.result.length === 1;
  }
  assert.ok(is_here);
});
