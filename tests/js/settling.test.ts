/** What rows say of this phone's photos: green comes back when nothing is owed, and never before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PhotoRecord } from "../../pwa/store/databases.ts";
import { settled } from "../../pwa/sync/settling.ts";
import type { Photo, Refusal } from "../../pwa/sync/types.ts";

const FILE = { size_bytes: 1, upload: null, offset_bytes: 0, is_stored: false };
const RECORD = { id: "p", item_id: "i", outcome: "applied", picture: FILE, tries: 3, reason: null, is_stuck: false, is_removed: false } as unknown as PhotoRecord;
const ROW = { id: "p", version: 2, state: "waiting" } as Photo;
const refusal = (state: Refusal["state"], id = "p", name = "photo.add"): Refusal => ({ id: state, name, state, args: { id } }) as unknown as Refusal;

const BACK = { is_removed: false, is_stuck: false, is_given_up: false, tries: 0, setbacks: 0, retry_at: null, reason: null };
const NOT_FOUND = { is_stuck: true, reason: "not_found" };

const examples: readonly [string, Partial<PhotoRecord>, Photo | undefined, readonly Refusal[], unknown][] = [
  ["nothing is amiss", {}, ROW, [], null],
  ["its row was restored", { is_removed: true }, ROW, [], BACK],
  ["its row is gone", { is_removed: true }, undefined, [], null],
  ["the server found no row, and now there is one", NOT_FOUND, ROW, [], BACK],
  ["the row is this phone's own parked work", NOT_FOUND, { ...ROW, version: 0 }, [], null],
  ["another phone has brought the bytes", NOT_FOUND, { ...ROW, state: "stored" }, [], null],
  ["it is stuck for another reason", { is_stuck: true, reason: "hash_mismatch" }, ROW, [], null],
  ["given up, and its removal is through", { is_removed: true, is_given_up: true }, undefined, [], "drop"],
  ["given up, and its removal was refused", { is_removed: true, is_given_up: true }, ROW, [], BACK],
  ["parked, and nothing more is heard", { outcome: "parked" }, undefined, [], null],
  ["parked, as its refusal says", { outcome: "parked" }, undefined, [refusal("parked")], null],
  ["parked, and refused in the end", { outcome: "parked" }, undefined, [refusal("refused")], { outcome: "refused" }],
  ["parked, and dismissed by its author", { outcome: "parked" }, undefined, [refusal("dismissed")], { outcome: "refused" }],
  ["parked, and another photo was refused", { outcome: "parked" }, undefined, [refusal("refused", "q")], null],
  ["parked, and an edit of it was refused", { outcome: "parked" }, undefined, [refusal("refused", "p", "photo.edit")], null],
  ["refused once, added anew and parked", { outcome: "parked" }, undefined, [refusal("refused"), refusal("parked")], null],
  ["taken for refused while the dismissal was under way, and parked still", { outcome: "refused" }, undefined, [refusal("parked")], { outcome: "parked" }],
  ["parked, and applied in the end", { outcome: "parked" }, undefined, [refusal("refused"), refusal("applied")], { outcome: "applied" }],
  ["parked, and its row is there", { outcome: "parked" }, ROW, [refusal("parked")], { outcome: "applied" }],
  ["parked, and shown by its own work alone", { outcome: "parked" }, { ...ROW, version: 0 }, [refusal("parked")], null],
  ["its bytes are there", { outcome: "parked", picture: { ...FILE, is_stored: true } }, undefined, [refusal("refused")], null],
];

for (const [why, record, row, refusals, expected] of examples) {
  test(`${why}: ${JSON.stringify(expected)}`, () => assert.deepEqual(settled({ ...RECORD, ...record }, row, refusals, false), expected));
}

test("what its row said in vain is tried once", () => {
  assert.equal(settled({ ...RECORD, ...NOT_FOUND }, ROW, [], true), null);
});
