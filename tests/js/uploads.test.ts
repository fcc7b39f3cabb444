/** Photos reach the server whole, once, by themselves, whatever is cut, killed or away. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { writePolicy } from "../../pwa/store/photos.ts";
import { StorageError } from "../../pwa/sync/types.ts";
import { PART_BYTES } from "../../pwa/sync/uploading.ts";
import type { Fate } from "./fake_uploads.ts";
import { newDisk } from "./phone.ts";
import { PhotoPhone } from "./photo_phone.ts";

beforeEach(newDisk);

const PICTURE = 3 * PART_BYTES + 1_000;

async function assertStored(phone: PhotoPhone, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    assert.ok(phone.uploads.stored.has(`${id}/picture`), `${id} is on the server`);
    assert.ok((await phone.photo(id)).picture.is_stored, `${id} is known to be`);
  }
  assert.deepEqual([...phone.uploads.stored.keys()].filter((key) => key.endsWith("picture")).length, ids.length);
}

test("no byte goes before the receipt of photo.add, and then all do", async () => {
  const phone = await PhotoPhone.open();
  const [kept, added] = [await phone.keep(PICTURE), await phone.keep(PICTURE)];
  await phone.attach(added);
  await phone.drain();
  assert.deepEqual(phone.uploads.log, []);
  await phone.phone.sender().run(true);
  assert.equal((await phone.photo(added)).outcome, "applied");
  await phone.drain();
  await assertStored(phone, added);
  assert.equal((await phone.photo(kept)).item_id, null);
});

test("small ones of all go first, then pictures, oldest first", async () => {
  const phone = await PhotoPhone.open();
  const ids = [await phone.add(PICTURE), await phone.add(1_000, 0), await phone.add(1_000)];
  const [a, b, c] = ids;
  await phone.drain();
  const first = phone.uploads.log.filter((line) => line.startsWith("create"));
  assert.deepEqual(first, [`create ${a} thumb`, `create ${c} thumb`, `create ${a} picture`, `create ${b} picture`, `create ${c} picture`]);
  await assertStored(phone, ...ids);
});

test("what a person wants now goes before everything else", async () => {
  const phone = await PhotoPhone.open();
  const ids = [await phone.add(PICTURE), await phone.add(PICTURE), await phone.add(PICTURE)];
  await phone.urge(ids[2]!);
  await phone.drain();
  assert.deepEqual(phone.uploads.log.filter((line) => line.startsWith("create")).slice(0, 3), [`create ${ids[2]} thumb`, `create ${ids[2]} picture`, `create ${ids[0]} thumb`]);
});

test("cut three times, a photo costs at most three parts more than its size", async () => {
  for (const fate of ["cut", "lost", "stalled", "damaged"] as const) {
    for (let at = 0; at < 5; at++) {
      newDisk();
      const phone = await PhotoPhone.open();
      const id = await phone.add(PICTURE, 0);
      phone.uploads.fate.push(...Array<null>(at + 1).fill(null), fate, null, fate, fate);
      await phone.drain();
      await assertStored(phone, id);
      assert.ok(phone.uploads.sent_bytes <= PICTURE + 3 * PART_BYTES, `${fate} at ${at}: ${phone.uploads.sent_bytes} of ${PICTURE}`);
    }
  }
});

test("killed between any two of its steps, the phone sends the rest and doubles nothing", async () => {
  for (let steps = 0; steps < 40; steps++) {
    newDisk();
    const phone = await PhotoPhone.open();
    const ids = [await phone.add(PICTURE), await phone.add(PART_BYTES)];
    let left = steps;
    const dying = async <R>(work: () => Promise<R>): Promise<R> => {
      if (left-- <= 0) throw new Error("killed");
      const result = await work();
      if (left-- <= 0) throw new Error("killed");
      return result;
    };
    const send = phone.sender({
      send: (sent, bytes) => dying(() => phone.uploads.send(sent, bytes)),
      changed: () => {
        if (left-- <= 0) throw new Error("killed");
      },
    });
    const was_killed = await send(false).then(() => false, () => true);
    await phone.drain(phone.sender());
    await assertStored(phone, ...ids);
    const size = PICTURE + PART_BYTES + 1_800;
    assert.ok(phone.uploads.sent_bytes <= size + PART_BYTES, `${steps}: ${phone.uploads.sent_bytes} of ${size}`);
    if (!was_killed) return assert.ok(steps > 20, "it was killed at every step");
  }
  assert.fail("it never came to an end");
});

test("while the server's store is away for hours nothing is lost, little is sent and nobody has to press anything", async () => {
  const phone = await PhotoPhone.open();
  const ids = [await phone.add(PICTURE, 0), await phone.add(PICTURE)];
  await phone.urge(ids[0]!);
  phone.uploads.fate.push(null, null, ...Array<Fate>(120).fill("store_away"));
  const seen = new Set<unknown>();
  const send = phone.sender({ changed: ({ own }) => seen.add(own.trouble) });
  const started = phone.now;
  for (let tries = 0; tries < 120; tries++) phone.now = (await send(false)) ?? phone.now;
  assert.equal(phone.uploads.fate.length, 0);
  assert.ok(phone.now - started > 50 * 60_000, "it waited longer each time");
  assert.ok(seen.has("store_away"));
  assert.ok(phone.uploads.sent_bytes <= 2 * PART_BYTES + 120 * 16 * 1024, `${phone.uploads.sent_bytes} bytes in vain`);
  assert.deepEqual((await phone.photos()).map(({ tries, is_stuck }) => [tries, is_stuck]), [[60, false], [60, false]], "they took turns, and no person is asked");
  phone.uploads.log.length = 0;
  await phone.drain(send);
  await assertStored(phone, ...ids);
  assert.match(phone.uploads.log[0]!, RegExp(`part ${ids[0]}`), "back in the old order");
  assert.deepEqual((await phone.photos()).map(({ tries }) => tries), [0, 0]);
});

test("the policy is judged when sending, and may change in the middle", async () => {
  const phone = await PhotoPhone.open();
  const { work } = phone.phone;
  const ids = [await phone.add(PICTURE), await phone.add(PICTURE), await phone.add(PICTURE)];
  await writePolicy(work, "wifi");
  for (const network of ["metered", "unknown"] as const) {
    phone.network = network;
    await phone.drain();
    assert.deepEqual(phone.uploads.log, [], `nothing over a ${network} network`);
  }
  phone.network = "wifi";
  let left = 6;
  await phone.drain(phone.sender({ changed: () => void (--left === 0 && (phone.network = "metered")) }));
  const before = phone.uploads.log.length;
  assert.ok(before > 0 && before < 8, "it stopped when the Wi-Fi went");
  await phone.urge(ids[1]!);
  await phone.drain();
  await assertStored(phone, ids[1]!);
  await writePolicy(work, "any");
  await phone.drain();
  await assertStored(phone, ...ids);
});

const bad: readonly [string, object, string | null, string][] = [
  ["hash_mismatch", { status: 422, error: "hash_mismatch" }, "hash_mismatch", "its bytes are not what the row says"],
  ["body_too_large", { status: 413, error: "body_too_large" }, "body_too_large", "the server takes none so large"],
  ["size_mismatch", { status: 400, error: "size_mismatch" }, "size_mismatch", "the row says another size"],
  ["not_found", { status: 404, error: "not_found" }, "not_found", "its row is gone for good"],
  ["internal", { status: 500, error: "internal" }, null, "the server breaks over it, and may be mended"],
  ["storage_unavailable", { status: 503, error: "storage_unavailable" }, null, "its object is damaged, and may be restored"],
  ["slow_down", { status: 429, error: "slow_down", retry_after_ms: 30_000 }, null, "others of its user's uploads are open"],
  ["not_ours", { kind: "not_ours", status: 0 }, null, "a filter on the way takes offence at its bytes"],
  ["unreachable", { kind: "unreachable", status: 0 }, null, "or cuts the line over them"],
];

for (const [name, answer, reason, why] of bad) {
  test(`one bad photo (${name}) holds up no other: ${why}`, async () => {
    const phone = await PhotoPhone.open();
    const [first, ...others] = [await phone.add(PICTURE), await phone.add(PICTURE), await phone.add(1_000)];
    phone.uploads.always.set(first!, answer);
    const send = phone.sender();
    for (let tries = 0; tries < 60; tries++) phone.now = (await send(false)) ?? phone.now;
    await assertStored(phone, ...others);
    const { is_stuck, reason: said } = await phone.photo(first!);
    assert.deepEqual([is_stuck, is_stuck ? said : null], [reason !== null, reason]);
    phone.uploads.always.clear();
    await phone.urge(first!);
    phone.now += 3_600_000;
    await phone.drain();
    await assertStored(phone, first!, ...others);
  });
}

test("a photo whose row waits on the server is tried for days and never given up", async () => {
  const phone = await PhotoPhone.open();
  const id = await phone.add(PICTURE);
  await phone.change(id, { outcome: "parked" });
  phone.uploads.always.set(id, { status: 404, error: "not_found" });
  const send = phone.sender();
  const started = phone.now;
  for (let tries = 0; tries < 100; tries++) phone.now = (await send(false)) ?? phone.now;
  assert.equal((await phone.photo(id)).is_stuck, false);
  assert.ok(phone.now - started > 10 * 3_600_000, "it is asked ever more rarely");
  phone.uploads.always.clear();
  await phone.drain(send);
  await assertStored(phone, id);
});

test("an upload that has expired is made anew, and one that is stored already counts as stored", async () => {
  const phone = await PhotoPhone.open();
  const id = await phone.add(PICTURE, 0);
  phone.uploads.fate.push(null, null, "gone");
  await phone.drain();
  await assertStored(phone, id);
  await phone.change(id, { picture: { ...(await phone.photo(id)).picture, is_stored: false, upload: null, offset_bytes: 0 } });
  const before = phone.uploads.sent_bytes;
  await phone.drain();
  assert.ok((await phone.photo(id)).picture.is_stored);
  assert.equal(phone.uploads.sent_bytes, before, "not a byte of it again");
});

test("a server that speaks another tus waits for a new app, and no photo is given up", async () => {
  for (const status of [412, 415]) {
    newDisk();
    const phone = await PhotoPhone.open();
    const id = await phone.add(PICTURE);
    phone.uploads.always.set(id, { status, error: "" });
    const seen: unknown[] = [];
    assert.equal(await phone.sender({ changed: ({ own }) => seen.push(own.trouble) })(false), null);
    assert.deepEqual([seen.at(-1), phone.uploads.log.length, (await phone.photo(id)).is_stuck], ["upgrade", 1, false]);
    phone.uploads.always.clear();
    await phone.drain();
    await assertStored(phone, id);
  }
});

test("two phones that hold the same photo do not send it to and fro for ever", async () => {
  const phone = await PhotoPhone.open();
  const [id, other] = [await phone.add(PICTURE), await phone.add(PICTURE)];
  const thief: typeof phone.uploads.send = async (sent, bytes) => {
    const landed = await phone.uploads.send(sent, bytes);
    if (sent.photo_id === id && sent.method === "part") phone.uploads.uploads.delete(sent.upload!); // its place was taken
    return landed;
  };
  const send = phone.sender({ send: thief });
  const started = phone.now;
  for (let tries = 0; tries < 20; tries++) phone.now = (await send(false)) ?? phone.now;
  await assertStored(phone, other);
  assert.ok(phone.uploads.log.length < 80 && phone.now - started > 600_000, `${phone.uploads.log.length} requests`);
});

test("an ended session stops the photos until somebody signs in", async () => {
  const phone = await PhotoPhone.open();
  const id = await phone.add(PICTURE);
  phone.uploads.fate.push("sign_in");
  const send = phone.sender();
  assert.equal(await send(false), null);
  assert.equal(await send(false), null);
  assert.equal(phone.uploads.log.length, 1);
  await send(true);
  await assertStored(phone, id);
});

test("a captive portal's page is no answer", async () => {
  const phone = await PhotoPhone.open();
  const id = await phone.add(PICTURE);
  phone.uploads.fate.push("not_ours", null, "not_ours");
  await phone.drain();
  await assertStored(phone, id);
});

test("a line on which large parts stall gets shorter ones", async () => {
  const phone = await PhotoPhone.open();
  const id = await phone.add(PICTURE, 0);
  const { send } = phone.uploads;
  const longest = 40_000;
  await phone.drain(phone.sender({ send: (sent, bytes) => ((bytes?.byteLength ?? 0) > longest ? Promise.resolve({ kind: "stalled", status: 0, error: "", upload: null, offset_bytes: null, retry_after_ms: 0 } as const) : send(sent, bytes)) }));
  await assertStored(phone, id);
});

test("two senders at once send each photo once", async () => {
  for (let round = 0; round < 10; round++) {
    newDisk();
    const phone = await PhotoPhone.open();
    const ids = [await phone.add(PICTURE), await phone.add(PART_BYTES, 0), await phone.add(100)];
    const senders = [phone.sender(), phone.sender()];
    await Promise.all(senders.map((send) => send(true)));
    for (const send of senders) await phone.drain(send);
    await assertStored(phone, ...ids);
  }
});

test("a photo whose bytes are gone from this phone says so and holds up no other", async () => {
  const phone = await PhotoPhone.open();
  const ids = [await phone.add(PICTURE), await phone.add(PICTURE)];
  const tx = phone.phone.work.transaction("photo_parts", "readwrite");
  tx.objectStore("photo_parts").delete([ids[0]!, "picture", 2]);
  await new Promise((resolve) => (tx.oncomplete = resolve));
  await phone.drain();
  assert.deepEqual([(await phone.photo(ids[0]!)).is_stuck, (await phone.photo(ids[0]!)).reason], [true, "lost"]);
  await assertStored(phone, ids[1]!);
});

test("a sender whose storage failed goes on once it works again", async () => {
  const phone = await PhotoPhone.open();
  const id = await phone.add(PICTURE);
  const { work } = phone.phone;
  const transaction = work.transaction.bind(work);
  let is_broken = true;
  const send = phone.sender({
    send: (sent, bytes) => {
      if (is_broken) {
        work.transaction = () => {
          throw new DOMException("full", "QuotaExceededError");
        };
      }
      return phone.uploads.send(sent, bytes);
    },
  });
  await assert.rejects(send(false), StorageError);
  work.transaction = transaction;
  is_broken = false;
  await phone.drain(send);
  await assertStored(phone, id);
});

test("one removed before its bytes went is not sent, unless it is brought back", async () => {
  const phone = await PhotoPhone.open();
  const id = await phone.add(PICTURE);
  await phone.act("photo.remove", { id, item_id: "i" });
  await phone.drain();
  assert.deepEqual(phone.uploads.log, []);
  await phone.change(id, { is_removed: false });
  await phone.drain();
  await assertStored(phone, id);
});
