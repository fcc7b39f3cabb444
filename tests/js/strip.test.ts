import assert from "node:assert/strict";
import { test } from "node:test";
import { freshDevice, type Entry } from "../../pwa/sync/device.ts";
import { runAfter, stripOf, type Situation } from "../../pwa/sync/strip.ts";
import type { PhotoTotals, StripKind } from "../../pwa/sync/types.ts";

const entry = (id: string, state: Entry["state"]): Entry => ({
  id, n: 1, name: "noop", args: {}, base: null, schema: 1, made_at: 1, state, tries: 0, outcome: null,
});

const NO_PHOTOS: PhotoTotals = { waiting: 0, held: 0, stuck: 0, bytes: 0, sent: 0, of: 0, percent: 0 };
const photos = (waiting: number, held = 0, stuck = 0): PhotoTotals => ({ ...NO_PHOTOS, waiting, held, stuck });

const SYNCED: Situation = {
  ...freshDevice("c", "u"), synced_at: 5, quarantined: 0, sending: [], is_storage_failed: false, needs_you: 0, run: { sent: 0, of: 0 },
  photos: NO_PHOTOS, photo_trouble: null, is_photo_sending: false,
};

const examples: readonly [StripKind, Partial<Situation>, string][] = [
  ["all_on_server", {}, "nothing is left and the last contact worked"],
  ["all_on_server", { needs_you: 2 }, "what a person must answer is on the server already"],
  ["never_synced", { synced_at: null }, "the server has never answered"],
  ["waiting", { entries: [entry("a", "waiting")] }, "an entry was never sent"],
  ["waiting", { entries: [entry("a", "tried")] }, "an entry was sent and nobody said that it arrived"],
  ["sending", { entries: [entry("a", "tried")], sending: ["a"] }, "an entry is under way"],
  ["sending", { sending: ["a"] }, "something under way is never green, whatever the outbox says"],
  ["sending", { entries: [entry("a", "acked")] }, "acknowledged, and its rows are not here yet"],
  ["photos_waiting", { photos: photos(1) }, "every record is on the server, and one photo is not"],
  ["photos_sending", { photos: photos(3, 2), is_photo_sending: true }, "one is under way, whatever the others wait for"],
  ["photos_held", { photos: photos(3, 3) }, "they wait for Wi-Fi or a person's word"],
  ["photos_held", { photos: photos(3, 2, 1) }, "what is stuck is counted under needs you"],
  ["photos_waiting", { photos: photos(3, 2) }, "one of them may go"],
  ["photos_storage", { photos: photos(2), photo_trouble: "store_away" }, "the server keeps records, and cannot keep photos just now"],
  ["photos_stuck", { photos: photos(2, 0, 2) }, "nothing goes on without a person"],
  ["sign_in", { photos: photos(2), photo_trouble: "sign_in" }, "the session has ended between record and photo"],
  ["waiting", { photos: photos(2), entries: [entry("a", "waiting")] }, "records come before photos"],
  ["offline", { photos: photos(2), trouble: "unreachable" }, "nothing goes at all"],
  ["set_aside", { quarantined: 1 }, "the server never had what is set aside"],
  ["waiting", { synced_at: null, entries: [entry("a", "waiting")] }, "waiting work comes before the first contact"],
  ["offline", { trouble: "unreachable" }, "the last attempt found nobody, though nothing waits"],
  ["offline", { trouble: "unreachable", entries: [entry("a", "tried")], sending: ["a"] }, "a new attempt alone does not make it online"],
  ["not_our_server", { trouble: "not_ours" }, "a captive portal answered"],
  ["server_away", { trouble: "server" }, "the server said that it cannot"],
  ["sign_in", { trouble: "sign_in", entries: [entry("a", "tried")] }, "the session has ended"],
  ["other_user", { trouble: "other_user" }, "somebody else is signed in"],
  ["revoked", { trouble: "revoked" }, "this phone was shut out"],
  ["upgrade", { trouble: "upgrade" }, "the app is too old"],
  ["storage_failed", { trouble: "storage" }, "an answer could not be kept"],
  ["storage_failed", { is_storage_failed: true, trouble: "unreachable" }, "nothing is worse than a phone that keeps nothing"],
];

for (const [kind, changes, why] of examples) {
  test(`the strip says ${kind}: ${why}`, () => assert.equal(stripOf({ ...SYNCED, ...changes }).kind, kind));
}

test("waiting counts what has no receipt, set aside or not", () => {
  const entries = [entry("a", "acked"), entry("b", "tried"), entry("c", "waiting")];
  assert.equal(stripOf({ ...SYNCED, entries, quarantined: 2 }).waiting, 4);
});

test("a run of sending counts from its first entry until none is left", () => {
  const [a, b, c] = [entry("a", "tried"), entry("b", "waiting"), entry("c", "waiting")];
  let run = runAfter({ sent: 0, of: 0 }, [], [a, b]);
  assert.deepEqual(run, { sent: 0, of: 2 });
  run = runAfter(run, [a, b], [{ ...a, state: "acked" }, b]);
  assert.deepEqual(run, { sent: 1, of: 2 });
  run = runAfter(run, [b], [b, c]);
  assert.deepEqual(run, { sent: 1, of: 3 });
  run = runAfter(run, [b, c], []);
  assert.deepEqual(run, { sent: 0, of: 0 });
});
