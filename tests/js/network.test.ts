import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { SyncRequest } from "../../pwa/sync/device.ts";
import { postSync, retryAfterMs, sendUpload, TIMEOUT_MS } from "../../pwa/sync/network.ts";

const real = globalThis.fetch;
afterEach(() => void (globalThis.fetch = real));

const OURS = { Holdfast: "1", "Content-Type": "application/json" };
const ANSWER = JSON.stringify({ receipts: [], scopes: [], drop: [], cookie: "c", complete: true });
const request = { device: { pending: 0, oldest_unsent_at: null } } as unknown as SyncRequest;

const examples: readonly [string, () => Response | Promise<Response>, object][] = [
  ["an answer of ours", () => new Response(ANSWER, { headers: OURS }), { kind: "answer" }],
  ["a captive portal's page", () => new Response("<html>", { headers: { "Content-Type": "text/html" } }), { kind: "not_ours" }],
  ["JSON of somebody else", () => new Response(ANSWER), { kind: "not_ours" }],
  ["our header over no JSON", () => new Response("<html>", { headers: OURS }), { kind: "not_ours" }],
  ["our header over half an answer", () => new Response(ANSWER.slice(0, 20), { headers: OURS }), { kind: "not_ours" }],
  ["our header over another JSON", () => new Response("[]", { headers: OURS }), { kind: "not_ours" }],
  ["a redirect", () => new Response(null, { status: 302, headers: { Location: "http://portal" } }), { kind: "not_ours" }],
  ["a proxy's 502", () => new Response("<html>", { status: 502 }), { kind: "not_ours" }],
  ["no network", () => Promise.reject(new TypeError("Failed to fetch")), { kind: "unreachable" }],
  ["an answer cut off", () => new Response(new ReadableStream({ start: (into) => into.error(new TypeError("cut")) }), { headers: OURS }), { kind: "unreachable" }],
  ["a refusal", () => new Response('{"error":"sign_in_required","reason":"…"}', { status: 401, headers: OURS }), { kind: "refused", status: 401, error: "sign_in_required" }],
  ["a gap", () => new Response('{"error":"gap","next_n":7}', { status: 409, headers: OURS }), { kind: "refused", error: "gap", next_n: 7 }],
  ["an overloaded server", () => new Response('{"error":"slow_down"}', { status: 429, headers: { ...OURS, "Retry-After": "3" } }), { kind: "refused", retry_after_ms: 3_000 }],
];

test("an answer that is not whole in time has stalled", async (context) => {
  let now = Date.now();
  context.mock.method(Date, "now", () => now);
  globalThis.fetch = () => {
    now += TIMEOUT_MS;
    return Promise.reject(new DOMException("", "TimeoutError"));
  };
  assert.deepEqual(await postSync(request), { kind: "stalled" });
});

for (const [what, answer, expected] of examples) {
  test(`${what} is ${JSON.stringify(expected)}`, async () => {
    globalThis.fetch = async () => answer();
    const landed = await postSync(request);
    assert.deepEqual({ ...landed, ...expected }, landed);
  });
}

test("why a HEAD is refused is read from a header, for it has no body", async () => {
  globalThis.fetch = async () => new Response(null, { status: 503, headers: { ...OURS, "Holdfast-Error": "storage_unavailable", "Retry-After": "10" } });
  const landed = await sendUpload({ type: "send", request: 1, photo_id: "p", file: "picture", method: "ask", upload: "u", offset_bytes: 5, size_bytes: 5 });
  assert.deepEqual([landed.status, landed.error, landed.retry_after_ms], [503, "storage_unavailable", 10_000]);
});

test("Retry-After is read as seconds and as a date", () => {
  const now = Date.parse("2026-11-23T18:00:00Z");
  assert.equal(retryAfterMs("12", now), 12_000);
  assert.equal(retryAfterMs("Mon, 23 Nov 2026 18:00:30 GMT", now), 30_000);
  assert.equal(retryAfterMs("Mon, 23 Nov 2026 17:00:30 GMT", now), 0);
  assert.equal(retryAfterMs("soon", now), 0);
  assert.equal(retryAfterMs(null, now), 0);
});
