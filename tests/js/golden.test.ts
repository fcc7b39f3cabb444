/** The TypeScript reducer and overlay do what the Python ones do, step by step. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import type { Document } from "../../pwa/store/databases.ts";
import { step, type Device, type Input } from "../../pwa/sync/device.ts";
import { overlay, type Work } from "../../pwa/sync/overlay.ts";
import { urged } from "../../pwa/sync/urging.ts";
import { uploadingStep, type UploadInput, type Uploads } from "../../pwa/sync/uploading.ts";

interface DeviceStep { readonly kind: "device"; readonly state: Device; readonly input: Input; readonly state_after: Device; readonly actions: unknown }
interface Urge { readonly type: "urge"; readonly ids: readonly string[] | null }
interface UploadingStep { readonly kind: "uploading"; readonly state: Uploads; readonly input: UploadInput | Urge; readonly state_after: Uploads; readonly actions: unknown }
interface OverlayStep {
  readonly kind: "overlay";
  readonly user: string;
  readonly docs: Record<string, Record<string, Document>>;
  readonly entries: readonly Work[];
  readonly refusals: readonly Document[];
  readonly after: unknown;
}
type Golden = DeviceStep | OverlayStep | UploadingStep;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const STEPS = 2_000;

function parsed(lines: string): Golden[] {
  return lines.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Golden);
}

/** "Send now" is the page's alone; it changes records one by one. */
function upload(state: Uploads, given: UploadInput | Urge): readonly [Uploads, readonly unknown[]] {
  if (given.type !== "urge") return uploadingStep(state, given);
  const changed = state.photos.map((photo) => ({ photo, changes: urged(photo, given.ids) }));
  const photos = changed.map(({ photo, changes }) => ({ ...photo, ...changes }));
  return [{ ...state, photos }, photos.filter((_photo, at) => changed[at]!.changes).map((photo) => ({ type: "put", photo }))];
}

function replay(one: Golden): void {
  if (one.kind !== "overlay") {
    const before = JSON.stringify(one.state);
    const [state, actions] = one.kind === "device" ? step(one.state, one.input) : upload(one.state, one.input);
    assert.deepEqual({ state, actions }, { state: one.state_after, actions: one.actions });
    assert.equal(JSON.stringify(one.state), before, "the state passed in is not changed");
  } else {
    const shown = overlay((entity, id) => one.docs[entity]?.[id], one.entries, one.refusals, one.user);
    assert.deepEqual(Object.fromEntries([...shown].map(([entity, docs]) => [entity, Object.fromEntries(docs)])), one.after);
  }
}

function replayAll(steps: readonly Golden[], least: number): void {
  assert.ok(steps.length >= least, `${steps.length} steps`);
  steps.forEach((one, index) => {
    try {
      replay(one);
    } catch (error) {
      throw new Error(`${one.kind} step ${index + 1}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  });
}

for (const kind of ["device", "overlay", "uploading"]) {
  test(`the kept ${kind} steps replay`, () => replayAll(parsed(readFileSync(`${ROOT}tests/golden/${kind}.jsonl`, "utf8")), 100));
}

test(`${STEPS} fresh steps of each kind replay`, () => {
  const lines = execFileSync(`${ROOT}scripts/golden`, [String(STEPS)], { encoding: "utf8", maxBuffer: 256 * 1024 * 1024 });
  replayAll(parsed(lines), 3 * STEPS);
});
