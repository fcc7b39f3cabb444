/** What the service worker reaches never touches a page; stores know nothing of screens, and the engine nothing of views. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Paths of modules that a module brings along; types alone bring nothing. */
function importsOf(path: string): string[] {
  const source = readFileSync(path, "utf8");
  const found = [...source.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^"';]*?\sfrom\s+)?"(\.[^"]+)"/gms)];
  return found.filter(([statement]) => !/^import \{(\s*type [^,}]+,?)+\s*\}/.test(statement)).map(([, name]) => join(dirname(path), name!));
}

function reachedFrom(path: string, reached = new Set<string>()): Set<string> {
  if (reached.has(path)) return reached;
  reached.add(path);
  for (const next of importsOf(path)) reachedFrom(next, reached);
  return reached;
}

function withoutComments(path: string): string {
  return readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
}

const worker = [...reachedFrom(join(ROOT, "service-worker/main.ts"))].map((path) => relative(ROOT, path)).sort();

test("the worker reaches the stores and the sender", () => {
  for (const path of ["pwa/store/work.ts", "pwa/sync/runner.ts", "pwa/sync/sending.ts", "service-worker/shell.ts"]) assert.ok(worker.includes(path), path);
});

for (const path of worker) {
  test(`${path}, which the worker reaches, never touches a page`, () => {
    assert.doesNotMatch(withoutComments(join(ROOT, path)), /\b(document|window|localStorage|sessionStorage|alert)\b\s*[.[(]/);
  });
}

test("the worker carries no overlay, no read model and no screen", () => {
  for (const path of worker) assert.doesNotMatch(path, /overlay|model|snapshot|client\.ts|views|acts\.ts|opening\.ts/);
});

test("only GET requests are ever answered by the worker", () => {
  const source = worker.map((path) => withoutComments(join(ROOT, path))).join("\n");
  const answers = source.split("\n").filter((line) => line.includes("respondWith"));
  assert.deepEqual(answers.map((line) => /method === "GET"/.test(line)), [true]);
});

test("stores import nothing of the network and no screen, and the engine no view", () => {
  for (const [folder, forbidden] of [["pwa/store", /network|runner|client|views/], ["pwa/sync", /views/]] as const) {
    for (const name of readdirSync(join(ROOT, folder))) {
      for (const path of importsOf(join(ROOT, folder, name))) assert.doesNotMatch(relative(ROOT, path), forbidden, name);
    }
  }
});
