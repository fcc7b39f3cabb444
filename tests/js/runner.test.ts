import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { actInStore, requeueInStore } from "../../pwa/store/acts.ts";
import { readReach } from "../../pwa/store/reach.ts";
import { newId } from "../../pwa/sync/ids.ts";
import { StorageError } from "../../pwa/sync/types.ts";
import { FakeServer, itemDoc } from "./fake_server.ts";
import { newDisk, Phone } from "./phone.ts";

beforeEach(newDisk);

test("an entry is on the server once and leaves the outbox when its rows are here", async () => {
  const phone = await Phone.open(new FakeServer());
  await phone.create("Cracked tile");
  assert.equal(await phone.sender().run(false), null);
  assert.deepEqual(await phone.titles(), ["Cracked tile"]);
  assert.equal((await phone.outbox()).entries.length, 0);
  assert.equal((await phone.outbox()).durable.synced_at, phone.now);
});

test("an entry whose answer was lost is sent again and takes effect once", async () => {
  const server = new FakeServer();
  server.fate.push("lost", "lost");
  const phone = await Phone.open(server);
  await phone.create("Cracked tile");
  const runner = phone.sender();
  for (let tries = 0; tries < 3; tries++) phone.now = (await runner.run(false)) ?? phone.now;
  assert.equal(server.applied.length, 1);
  assert.equal((await phone.outbox()).entries.length, 0);
});

test("a failure keeps every entry, says what is wrong and when it tries again", async () => {
  for (const [fate, trouble] of [["unreachable", "unreachable"], ["not_ours", "not_ours"], ["busy", "server"]] as const) {
    newDisk();
    const server = new FakeServer();
    server.fate.push(fate);
    const phone = await Phone.open(server);
    await phone.create("Cracked tile");
    const at = await phone.sender().run(false);
    const { durable, entries } = await phone.outbox();
    assert.equal(durable.trouble, trouble);
    assert.deepEqual(entries.map((entry) => [entry.state, entry.tries]), [["tried", 1]]);
    assert.ok(at !== null && at > phone.now && at <= phone.now + 1_000, `${fate} waits until ${at}`);
  }
});

test("an ended session pauses the outbox until somebody signs in", async () => {
  const server = new FakeServer();
  server.fate.push("sign_in");
  const phone = await Phone.open(server);
  await phone.create("Cracked tile");
  const runner = phone.sender();
  assert.equal(await runner.run(false), null);
  await runner.run(false);
  assert.equal(server.requests, 1);
  await actInStore(phone.work, { type: "signed_in", now: phone.now });
  await runner.run(false);
  assert.equal((await phone.outbox()).entries.length, 0);
});

test("one entry that the server cannot read is set aside while the rest flows", async () => {
  const server = new FakeServer();
  const phone = await Phone.open(server);
  for (const title of ["one", "poison", "three"]) await phone.create(title);
  const post: typeof server.post = async (request) =>
    JSON.stringify(request).includes("poison") ? { kind: "refused", status: 400, error: "invalid_request", next_n: 0, retry_after_ms: 0 } : server.post(request);
  await phone.sender({ post }).run(false);
  const { entries, quarantined } = await phone.outbox();
  assert.equal(entries.length, 0);
  assert.deepEqual(quarantined.map((entry) => [entry.args["title"], entry.error]), [["poison", "invalid_request"]]);
  assert.deepEqual(server.applied.map((one) => [one.n, one.name]), [[1, "item.create"], [2, "noop"], [3, "item.create"]]);
  await requeueInStore(phone.work, quarantined[0]!.id, { type: "mutate", id: newId(), name: "item.create", args: { ...quarantined[0]!.args, title: "two" }, base: null, made_at: 1 });
  assert.deepEqual((await phone.outbox()).entries.map((entry) => [entry.n, entry.args["title"]]), [[4, "two"]]);
  assert.equal((await phone.outbox()).quarantined.length, 0);
});

test("acts of several tabs at once are numbered without holes", async () => {
  const phone = await Phone.open(new FakeServer());
  const tabs = [phone, await Phone.open(phone.server), await Phone.open(phone.server)];
  await Promise.all(tabs.flatMap((tab, at) => [1, 2, 3, 4].map((count) => tab.create(`${at}.${count}`))));
  assert.deepEqual((await phone.outbox()).entries.map((entry) => entry.n), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test("two senders at once double nothing and lose nothing", async () => {
  for (let round = 0; round < 20; round++) {
    newDisk();
    const server = new FakeServer();
    server.page = 3;
    const phone = await Phone.open(server);
    const titles = await Promise.all(Array.from({ length: 12 }, async (_one, count) => (await phone.create(`${count}`), `${count}`)));
    const senders = [phone.sender(), phone.sender()];
    await Promise.all([...senders.map((sender) => sender.run(true)), phone.create("late")]);
    await senders[0]!.run(true);
    assert.equal(server.applied.length, 13);
    assert.deepEqual(server.applied.map((one) => one.n), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    assert.deepEqual(await phone.titles(), [...titles, "late"].sort());
    assert.equal((await phone.outbox()).entries.length, 0);
  }
});

test("killed between the rows and the outbox, the phone shows each row once and catches up", async () => {
  const server = new FakeServer();
  const phone = await Phone.open(server);
  const id = await phone.create("Cracked tile");
  await actInStore(phone.work, { type: "mutate", id: newId(), name: "comment.add", args: { id: newId(), item_id: id, text: "Red" }, base: null, made_at: 1 });
  const post: typeof server.post = async (request) => {
    const landed = await server.post(request);
    breakWork(phone); // from here on no step of the outbox is stored: the process is as good as dead
    return landed;
  };
  await assert.rejects(phone.sender({ post }).run(false), StorageError);
  const after = await Phone.open(server);
  assert.equal((await after.outbox()).entries.length, 2, "the outbox has not heard of the answer");
  assert.equal((await readReach(after.cache)).covered.length, 2);
  const model = await after.model();
  assert.equal(model.table("punch_items").get(id)?.["comment_count"], 0, "what the rows include is not laid over them again");
  assert.equal(model.entries.length, 2, "and is not called acknowledged either");
  await after.sender().run(false);
  assert.equal((await after.outbox()).entries.length, 0);
  assert.equal(server.applied.length, 2);
  assert.deepEqual(await after.titles(), ["Cracked tile"]);
});

test("rows that cannot be stored leave the cookie, and the receipt is asked for again", async () => {
  const server = new FakeServer();
  const phone = await Phone.open(server);
  await phone.create("Cracked tile");
  const failures: StorageError[] = [];
  const unstorable: typeof server.post = async (request) => {
    const landed = await server.post(request);
    if (landed.kind === "answer") (landed.body as { scopes: unknown[] }).scopes.push({ scope: "x", total: 1, rows: [{ entity: "punch_items", doc: { id: "x", bad: () => 0 } }], gone: [] });
    return landed;
  };
  const runner = phone.sender({ post: unstorable, failed: (error) => failures.push(error) });
  assert.notEqual(await runner.run(false), null);
  assert.equal(failures.length, 1);
  assert.equal((await readReach(phone.cache)).cookie, null);
  const { durable, entries } = await phone.outbox();
  assert.deepEqual([durable.trouble, entries[0]?.state], ["storage", "tried"]);
  await phone.sender().run(true);
  assert.equal((await phone.outbox()).entries.length, 0);
});

test("an answer that says nothing of an entry does not end it", async () => {
  const server = new FakeServer();
  const phone = await Phone.open(server);
  await phone.create("Cracked tile");
  const silent: typeof server.post = async (request) => {
    const landed = await server.post(request);
    return landed.kind === "answer" ? { kind: "answer", body: { ...(landed.body as object), receipts: [] } } : landed;
  };
  await phone.sender({ post: silent }).run(false);
  const { durable, entries } = await phone.outbox();
  assert.deepEqual([durable.trouble, entries.map((entry) => entry.state)], ["server", ["tried"]]);
});

test("a sender whose storage failed goes on once it works again", async () => {
  const server = new FakeServer();
  const phone = await Phone.open(server);
  await phone.create("Cracked tile");
  let mend = (): void => undefined;
  const runner = phone.sender({ post: async (request) => ((mend = breakWork(phone)), server.post(request)) });
  await assert.rejects(runner.run(false), StorageError);
  mend();
  const again = phone.sender({ post: server.post });
  assert.equal(await again.run(false), null);
  assert.equal((await phone.outbox()).entries.length, 0);
  await phone.create("Second");
  await assert.rejects(runner.run(false), StorageError);
  mend();
  assert.equal(server.applied.length, 2, "the sender that had failed sent again, though its first request was still open to it");
});

test("a large answer comes in pages, and its overlay stays until the last", async () => {
  const server = new FakeServer();
  for (let count = 0; count < 25; count++) server.add("punch_items", itemDoc(`old-${count}`, { title: "old" }));
  server.page = 10;
  const phone = await Phone.open(server);
  await phone.create("new");
  const seen: number[] = [];
  const runner = phone.sender({ changed: (_own, _durable, rows) => rows && seen.push(rows.reach.downloads["sector/b4"]?.got ?? 0) });
  await runner.run(false);
  assert.deepEqual(seen, [10, 20, 26]);
  assert.equal((await phone.titles()).length, 26);
  assert.equal((await readReach(phone.cache)).downloads["sector/b4"]?.ready_at, phone.now);
});

test("a phone restored from a copy takes a new client and keeps every id", async () => {
  const server = new FakeServer();
  const phone = await Phone.open(server);
  await phone.create("first");
  await phone.sender().run(false);
  const { durable } = await phone.outbox();
  const tx = phone.work.transaction("meta", "readwrite");
  tx.objectStore("meta").put({ ...durable, next_n: 1 }, "device");
  await new Promise((resolve) => (tx.oncomplete = resolve));
  await phone.create("second");
  const { id } = (await phone.outbox()).entries[0]!;
  await phone.sender().run(false);
  assert.notEqual((await phone.outbox()).durable.client, durable.client);
  assert.deepEqual(server.applied.map((one) => one.args["title"]), ["first", "second"]);
  assert.equal(server.applied[1]!.id, id);
});

/** Every later transaction on the outbox that writes fails. */
function breakWork(phone: Phone): () => void {
  const transaction = phone.work.transaction.bind(phone.work);
  phone.work.transaction = (stores, mode, options) => {
    if (mode === "readwrite") throw new DOMException("dead", "AbortError");
    return transaction(stores, mode, options);
  };
  return () => void (phone.work.transaction = transaction);
}
