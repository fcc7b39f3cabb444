/** The service worker's two duties, on stores in memory and a network that may be a captive portal's. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { prepareShell, writeCurrentUser, lockUser } from "../../pwa/store/shell.ts";
import { readPendingSignOut } from "../../pwa/store/people.ts";
import type { SyncRequest } from "../../pwa/sync/device.ts";
import { writePolicy } from "../../pwa/store/photos.ts";
import { FakeServer } from "./fake_server.ts";
import type { FakeUploads } from "./fake_uploads.ts";
import { PhotoPhone } from "./photo_phone.ts";
import { newDisk, Phone, USER } from "./phone.ts";

const FILES = ["/assets/main-A.js", "/icons/icon.svg"];
const HEADERS = { Holdfast: "1", "Content-Security-Policy": "default-src 'none'" };
type Asked = { url: string; mode: string };

interface Shell {
  installShell(): Promise<void>;
  isShellRequest(request: Asked): boolean;
  answerFromShell(request: Asked): Promise<Response>;
  removeOldShells(): Promise<void>;
}

/** The browser's cache storage, as far as the shell uses it. */
class FakeCaches {
  readonly kept = new Map<string, Map<string, Response>>();

  open = async (name: string) => {
    const cache = this.kept.get(name) ?? new Map<string, Response>();
    this.kept.set(name, cache);
    return { put: async (path: string, response: Response) => void cache.set(path, response) };
  };
  match = async (path: string, { cacheName }: { cacheName: string }) => this.kept.get(cacheName)?.get(path)?.clone();
  keys = async () => [...this.kept.keys()];
  delete = async (name: string) => this.kept.delete(name);
}

let caches: FakeCaches;
const real_fetch = globalThis.fetch;

function answering(answer: (path: string, init: RequestInit) => Response | Promise<Response>): void {
  globalThis.fetch = async (input, init) => answer(typeof input === "string" ? input : (input as unknown as Asked).url, init ?? {});
}

beforeEach(() => {
  newDisk();
  caches = new FakeCaches();
  Object.assign(globalThis, { caches, self: { location: { origin: "http://phone" } }, __VERSION__: "v1", __PRECACHE__: FILES });
});
afterEach(() => void (globalThis.fetch = real_fetch));

// The worker's modules are checked with the worker's own library, so they are no part of this project for the compiler.
const load = <T>(name: string): Promise<T> => import(String(new URL(`../../service-worker/${name}`, import.meta.url))) as Promise<T>;
const shell = (): Promise<Shell> => load("shell.ts");

test("the whole shell is kept with its headers, and pages come from it", async () => {
  answering((path) => new Response(path, { headers: HEADERS }));
  const { installShell, answerFromShell } = await shell();
  await installShell();
  globalThis.fetch = () => Promise.reject(new TypeError("no network"));
  for (const [path, expected] of [["/", "/"], ["/items/1?x=1", "/"], ["/new", "/"], ["/signin", "/signin"]] as const) {
    const answer = await answerFromShell({ url: `http://phone${path}`, mode: "navigate" });
    assert.equal(await answer.text(), expected);
    assert.equal(answer.headers.get("Content-Security-Policy"), "default-src 'none'");
  }
  assert.equal(await (await answerFromShell({ url: "http://phone/icons/icon.svg", mode: "no-cors" })).text(), "/icons/icon.svg");
});

const foreign: readonly [string, () => Response][] = [
  ["a captive portal's page", () => new Response("<html>pay here", { status: 200 })],
  ["an error", () => new Response("{}", { status: 503, headers: HEADERS })],
  ["a redirected answer", () => Object.defineProperty(new Response("x", { headers: HEADERS }), "redirected", { value: true })],
];

for (const [what, answer] of foreign) {
  for (const at of ["/", "/signin", ...FILES]) {
    test(`${what} at ${at} never becomes the shell, nor a part of it`, async () => {
      answering((path) => (path === at ? answer() : new Response(path, { headers: HEADERS })));
      await assert.rejects((await shell()).installShell());
      assert.deepEqual([...caches.kept.values()].flatMap((cache) => [...cache.keys()]), []);
    });
  }
}

test("a new version removes the shells before it", async () => {
  caches.kept.set("holdfast-shell-v0", new Map());
  answering((path) => new Response(path, { headers: HEADERS }));
  const { installShell, removeOldShells } = await shell();
  await installShell();
  await removeOldShells();
  assert.deepEqual(await caches.keys(), ["holdfast-shell-v1"]);
});

const requests: readonly [string, string, boolean][] = [
  ["/", "navigate", true],
  ["/items/0192", "navigate", true],
  ["/sessions", "navigate", true],
  ["/signin", "navigate", true],
  ["/healthz", "navigate", false],
  ["/session", "navigate", false],
  ["/office/board", "navigate", false],
  ["/sw.js", "navigate", false],
  ["/assets/main-A.js", "cors", true],
  ["/assets/other.js", "cors", false],
  ["/sessions", "cors", false],
  ["/healthz", "cors", false],
];

for (const [path, mode, expected] of requests) {
  test(`a ${mode} request of ${path} ${expected ? "is" : "is not"} answered by the shell`, async () => {
    assert.equal((await shell()).isShellRequest({ url: `http://phone${path}`, mode }), expected);
  });
}

test("another origin is never answered by the shell", async () => {
  assert.equal((await shell()).isShellRequest({ url: "http://elsewhere/", mode: "navigate" }), false);
});

/** Puts the fake server behind fetch; `calls` sees each request first. */
function serving(server: FakeServer, calls: (path: string, init: RequestInit) => void = () => undefined, uploads?: FakeUploads): void {
  answering(async (path, init) => {
    calls(path, init);
    if (uploads && path.startsWith("/uploads")) return uploads.respond(path, init);
    if (path === "/session") return new Response(null, { status: 204, headers: HEADERS });
    const landed = await server.post(JSON.parse(String(init.body)) as SyncRequest);
    if (landed.kind === "unreachable") throw new TypeError("no network");
    if (landed.kind === "answer") return new Response(JSON.stringify(landed.body), { headers: HEADERS });
    if (landed.kind !== "refused") return new Response("<html>");
    return new Response(JSON.stringify({ error: landed.error }), { status: landed.status, headers: HEADERS });
  });
}

const replay = async (): Promise<void> => (await load<{ replay(): Promise<void> }>("replay.ts")).replay();
const ana = { id: USER, name: "Ana", login: "ana", company_id: null, project_id: "p", is_locked: false };

test("without a page the worker sends the outbox, after a server that was away for a while", async () => {
  const server = new FakeServer();
  server.fate.push("busy", "unreachable", "not_ours");
  serving(server);
  await prepareShell();
  await writeCurrentUser(ana);
  const phone = await Phone.open(server);
  phone.now = Date.now();
  await phone.create("Cracked tile");
  await replay();
  assert.equal(server.applied.length, 1);
  assert.deepEqual((await phone.outbox()).entries.map((entry) => entry.state), ["acked"], "its row is for the next page to fetch");
  assert.deepEqual(await phone.titles(), ["Cracked tile"]);
  assert.equal(await phone.sender().run(false), null);
  assert.equal((await phone.outbox()).entries.length, 0);
});

test("without a page the worker sends records, and then the photos that may go", async () => {
  const photos = await PhotoPhone.open();
  serving(photos.phone.server, undefined, photos.uploads);
  await prepareShell();
  await writeCurrentUser(ana);
  photos.uploads.fate.push(null, "store_away");
  const ids = [await photos.keep(300_000), await photos.keep(1_000)];
  photos.phone.now = Date.now();
  await photos.attach(...ids);
  await photos.keep(1_000);
  await replay();
  assert.equal(photos.phone.server.applied.length, 2);
  assert.deepEqual((await photos.phone.outbox()).entries.map((entry) => entry.state), ["acked", "acked"], "until a page has their rows");
  assert.deepEqual([...photos.uploads.stored.keys()].filter((key) => key.endsWith("picture")).sort(), ids.map((id) => `${id}/picture`));
  const before = photos.uploads.log.length;
  await replay();
  assert.equal(photos.uploads.log.length, before, "nothing is left to send");
});

test("photos that wait for Wi-Fi are no reason to wake the worker again", async () => {
  const photos = await PhotoPhone.open();
  serving(photos.phone.server, undefined, photos.uploads);
  await prepareShell();
  await writeCurrentUser(ana);
  await writePolicy(photos.phone.work, "wifi");
  await photos.attach(await photos.keep(1_000));
  await replay();
  assert.deepEqual([photos.phone.server.applied.length, photos.uploads.log], [1, []]);
});

test("the worker waits for a person where only a person helps", async () => {
  const server = new FakeServer();
  server.fate.push("sign_in");
  serving(server);
  await prepareShell();
  await writeCurrentUser(ana);
  const phone = await Phone.open(server);
  await phone.create("Cracked tile");
  await replay();
  assert.deepEqual([server.requests, (await phone.outbox()).entries.length], [1, 1]);
});

test("the worker sends nothing for somebody who has signed out, and tells the server of it", async () => {
  const server = new FakeServer();
  const calls: string[] = [];
  serving(server, (path, init) => calls.push(`${init.method} ${path}`));
  await prepareShell();
  await writeCurrentUser(ana);
  const phone = await Phone.open(server);
  await phone.create("Cracked tile");
  await lockUser(USER);
  await replay();
  assert.deepEqual(calls, ["DELETE /session"]);
  assert.equal(await readPendingSignOut(), undefined);
  assert.equal((await phone.outbox()).entries.length, 1);
});

test("who signs out while the worker waits for the server keeps the rest on this phone", async () => {
  const server = new FakeServer();
  server.fate.push("unreachable");
  let requests = 0;
  serving(server, () => {
    requests += 1;
    setTimeout(() => void lockUser(USER), 100); // in the wait that follows: it is of half a second at least
  });
  await prepareShell();
  await writeCurrentUser(ana);
  const phone = await Phone.open(server);
  phone.now = Date.now();
  await phone.create("Cracked tile");
  await assert.rejects(replay(), /work remains/);
  assert.equal(requests, 1);
  assert.equal(server.applied.length, 0);
});

test("a sign-out that cannot be told yet is tried again by the browser", async () => {
  answering(() => Promise.reject(new TypeError("no network")));
  await prepareShell();
  await writeCurrentUser(ana);
  await lockUser(USER);
  await assert.rejects(replay());
  assert.equal(await readPendingSignOut(), USER);
});
