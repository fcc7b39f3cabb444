import assert from "node:assert/strict";
import { test } from "node:test";
import type { CachedRow, Document } from "../../pwa/store/databases.ts";
import type { Outbox } from "../../pwa/store/work.ts";
import { freshDevice, type Entry } from "../../pwa/sync/device.ts";
import { Model, WHOLE } from "../../pwa/sync/model.ts";
import type { Standing } from "../../pwa/sync/places.ts";
import { snapshotOf } from "../../pwa/sync/snapshot.ts";
import type { Snapshot } from "../../pwa/sync/types.ts";
import { NO_UPLOADS } from "../../pwa/sync/uploading.ts";
import { itemDoc } from "./fake_server.ts";
import { USER } from "./phone.ts";

const row = (entity: string, doc: object & { id: string }): CachedRow => ({
  entity, id: doc.id, item_id: (doc as { item_id?: string }).item_id ?? null, scopes: ["s"], doc: doc as Document,
});
const tables = (...rows: CachedRow[]): CachedRow[][] => WHOLE.map((entity) => rows.filter((one) => one.entity === entity));
const outbox = (...entries: Entry[]): Outbox => ({ durable: freshDevice("c", USER), entries, quarantined: [] });
const entry = (n: number, name: string, args: Record<string, unknown>, state: Entry["state"] = "waiting"): Entry => ({
  id: `m${n}`, n, name, args, base: 1, schema: 1, made_at: n, state, tries: 0, outcome: null,
});
const edit = (n: number, id: string, title: string): Entry => entry(n, "item.edit", { id, set: { title }, was: { title: "" } });

function loaded(rows: CachedRow[], ...entries: Entry[]): Model {
  const model = new Model(USER, outbox(...entries));
  model.load(tables(...rows), outbox(...entries), []);
  return model;
}

const NO_PHOTOS: Standing = { photos: [], policy: "any", network: "unknown", sender: NO_UPLOADS, run: { sent: 0, of: 0 } };

function shot(model: Model, sending: string[] = [], wantChildren: (id: string) => void = () => undefined, photos = NO_PHOTOS): Snapshot {
  model.share();
  const situation = { sending, retry_at: null, is_storage_failed: false, run: { sent: 0, of: 0 } };
  return snapshotOf({ user: USER, model, downloads: {}, situation, photos, thumbs: { here: 0, of: 0 }, wantChildren });
}

test("what was made here is shown until a version that includes it has come", () => {
  const model = loaded([row("punch_items", itemDoc("i"))], edit(1, "i", "mine"));
  assert.equal(shot(model).items.get("i")?.title, "mine");
  model.takeRows({ is_reset: false, put: [row("punch_items", itemDoc("i", { title: "theirs", version: 2 }))], gone: [] });
  assert.equal(shot(model).items.get("i")?.title, "mine", "rows alone do not end the overlay");
  model.takeOutbox(outbox(), []);
  assert.equal(shot(model).items.get("i")?.title, "theirs");
});

test("a covered entry is not laid over the rows that include it, and still counts until its receipt", () => {
  const model = loaded([row("punch_items", itemDoc("i", { comment_count: 1 }))]);
  const comment = entry(1, "comment.add", { id: "k", item_id: "i", text: "Red" }, "tried");
  model.takeOutbox(outbox(comment), ["m1"]);
  assert.equal(shot(model).items.get("i")?.comment_count, 1);
  assert.notEqual(shot(model).strip.kind, "all_on_server");
  assert.equal(shot(model).strip.waiting, 1);
});

test("a snapshot never changes, and its untouched parts are shared with the next", () => {
  const model = loaded([row("punch_items", itemDoc("i")), row("punch_items", itemDoc("j")), row("sectors", { id: "b4" })]);
  const before = shot(model);
  model.takeOutbox(outbox(edit(1, "i", "new")), null);
  const after = shot(model);
  assert.equal(before.items.get("i")?.title, "Cracked tile");
  assert.equal(after.items.get("i")?.title, "new");
  assert.equal(after.items.get("j"), before.items.get("j"));
  assert.equal(after.sectors, before.sectors);
  model.takeOutbox(outbox({ ...edit(1, "i", "new"), state: "tried" }), null);
  assert.equal(shot(model).items, after.items, "that an entry was sent does not change what is shown");
});

test("an own item that the server has forgotten goes when its row goes", () => {
  const model = loaded([row("punch_items", itemDoc("i"))]);
  model.takeRows({ is_reset: false, put: [], gone: [["punch_items", "i"]] });
  assert.equal(shot(model).items.size, 0);
});

test("comments are read when an item is looked at, own pending ones at once", () => {
  const wanted: string[] = [];
  const model = loaded([row("punch_items", itemDoc("i"))], entry(1, "comment.add", { id: "k2", item_id: "i", text: "mine" }));
  assert.deepEqual(shot(model, [], (id) => wanted.push(id)).commentsOf("i").map((one) => one.text), ["mine"]);
  assert.deepEqual(wanted, ["i"]);
  model.takeChildren("i", [row("comments", { id: "k1", item_id: "i", text: "theirs", received_at: 5, made_at: 4 } as never)]);
  assert.deepEqual(shot(model).commentsOf("i").map((one) => one.text), ["theirs", "mine"]);
  model.takeRows({ is_reset: false, put: [row("comments", { id: "k3", item_id: "i", text: "later", received_at: 6, made_at: 1 } as never)], gone: [] });
  assert.deepEqual(shot(model).commentsOf("i").map((one) => one.text), ["theirs", "later", "mine"]);
});

const CONFLICT = { id: "c", item_id: "i", field: "due_on", kind: "ask", state: "open", base: null, current: "2026-12-01", other: "2026-12-02", current_by: "bo", other_by: USER, seen_by: [] };

const marks: readonly [string, CachedRow[], Entry[], string[], string][] = [
  ["on_server", [], [], [], "nothing waits"],
  ["on_phone", [], [edit(1, "i", "x")], [], "an entry waits"],
  ["sending", [], [edit(1, "i", "x")], ["m1"], "its entry is under way"],
  ["sending", [], [{ ...edit(1, "i", "x"), state: "acked" }], [], "its rows are still coming"],
  ["two_versions", [row("conflicts", CONFLICT)], [edit(1, "i", "x")], [], "two people said different things"],
  ["on_server", [row("conflicts", { ...CONFLICT, state: "noted" } as never)], [], [], "a settled one needs nobody"],
  ["on_server", [row("conflicts", { ...CONFLICT, kind: "suggestion" } as never)], [], [], "a suggestion only waits for a supervisor"],
  ["refused", [row("refusals", { id: "r", item_id: "i", state: "refused", user_id: USER } as never)], [], [], "its work was refused"],
  ["parked", [row("refusals", { id: "r", item_id: "i", state: "parked", user_id: USER, name: "comment.add", args: { item_id: "i", id: "k" }, received_at: 1 } as never)], [], [], "its work waits on the server"],
];

for (const [mark, rows, entries, sending, why] of marks) {
  test(`the mark of an item is ${mark}: ${why}`, () => {
    const model = loaded([row("punch_items", itemDoc("i")), ...rows], ...entries);
    assert.equal(shot(model, sending).markOf("i"), mark);
  });
}

test("needs_you counts what waits for this person and nobody else", () => {
  const suggestion = { ...CONFLICT, id: "s", kind: "suggestion" };
  const others = { ...CONFLICT, id: "o", other_by: "cy" };
  const rows = [row("punch_items", itemDoc("i")), row("conflicts", CONFLICT), row("conflicts", suggestion), row("conflicts", others)];
  assert.equal(shot(loaded(rows)).strip.needs_you, 1);
  const lead = row("memberships", { id: "m", user_id: USER, role: "supervisor", sector_id: "b4" } as never);
  assert.equal(shot(loaded([...rows, lead])).strip.needs_you, 2);
  const answer = entry(1, "conflict.resolve", { id: "c", choice: "other" });
  const answered = loaded(rows, answer);
  assert.equal(shot(answered).strip.needs_you, 0, "an answer counts at once");
  assert.equal(shot(answered).items.get("i")?.due_on, "2026-12-02");
});

test("needs_you counts a replaced value until this author has seen it", () => {
  const noted = { ...CONFLICT, kind: "latest", state: "noted" };
  const counted = (changes: object): number => shot(loaded([row("punch_items", itemDoc("i")), row("conflicts", { ...noted, ...changes })])).strip.needs_you;
  assert.equal(counted({}), 1);
  assert.equal(counted({ seen_by: ["bo"] }), 1, "the other has seen it, this one has not");
  assert.equal(counted({ seen_by: [USER] }), 0);
  assert.equal(counted({ other_by: "cy" }), 0, "between others");
});

test("5,000 items are loaded, and one edit costs little", () => {
  const rows = Array.from({ length: 5_000 }, (_one, count) => row("punch_items", itemDoc(`i${count}`)));
  const start = performance.now();
  const model = loaded(rows);
  shot(model);
  const ready = performance.now();
  for (let n = 1; n <= 20; n++) {
    model.takeOutbox(outbox(...Array.from({ length: n }, (_one, at) => edit(at + 1, `i${at}`, "x"))), null);
    shot(model);
  }
  const each_ms = (performance.now() - ready) / 20;
  assert.ok(ready - start < 500, `${ready - start} ms to load`);
  assert.ok(each_ms < 25, `${each_ms} ms for each edit`);
});
