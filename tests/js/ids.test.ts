import assert from "node:assert/strict";
import { test } from "node:test";
import { newId, newJitter } from "../../pwa/sync/ids.ts";

const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("ids are UUIDs of version 7 and carry their time", () => {
  const now = Date.now() + 1_000_000;
  const id = newId(now);
  assert.match(id, UUID_7);
  assert.equal(parseInt(id.replaceAll("-", "").slice(0, 12), 16), now);
});

test("ids rise strictly, within a millisecond and when the clock is set back", () => {
  const start = Date.now() + 2_000_000;
  const ids = Array.from({ length: 20_000 }, (_one, count) => newId(count % 3 === 0 ? start : start - count));
  for (let at = 1; at < ids.length; at++) assert.ok(ids[at - 1]! < ids[at]!, `${ids[at - 1]} comes before ${ids[at]}`);
  assert.ok(ids.every((id) => UUID_7.test(id)));
});

test("jitter lies between 0 and 999", () => {
  for (let count = 0; count < 1_000; count++) assert.ok(newJitter() >= 0 && newJitter() <= 999);
});
