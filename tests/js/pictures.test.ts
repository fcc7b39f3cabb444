/** What leaves the phone of a JPEG: the picture and the way up, and nothing of where, when and with what it was taken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instantOf, readJpeg, stripJpeg } from "../../pwa/pictures/jpeg.ts";

const text = (words: string): number[] => [...words].map((letter) => letter.charCodeAt(0));
const segment = (marker: number, ...content: number[]): number[] => [0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 0xff, ...content];
const two = (value: number, is_little: boolean): number[] => (is_little ? [value & 0xff, value >> 8] : [value >> 8, value & 0xff]);
const four = (value: number, is_little: boolean): number[] => (is_little ? [...two(value & 0xffff, true), ...two(value >> 16, true)] : [...two(value >> 16, false), ...two(value & 0xffff, false)]);

/** EXIF with a way up, a place (as a word), and when it was taken. */
function exif(orientation: number, is_little: boolean, at = "2026:11:23 14:32:05", offset = "+01:00"): number[] {
  const short = (tag: number, value: number): number[] => [...two(tag, is_little), ...two(3, is_little), ...four(1, is_little), ...two(value, is_little), 0, 0];
  const entry = (tag: number, type: number, count: number, place: number): number[] => [tag, type].flatMap((one) => two(one, is_little)).concat(four(count, is_little), four(place, is_little));
  const details = 8 + 2 + 2 * 12 + 4;
  const texts = details + 2 + 2 * 12 + 4;
  const main = [...two(2, is_little), ...short(0x0112, orientation), ...entry(0x8769, 4, 1, details), ...four(0, is_little)];
  const second = [...two(2, is_little), ...entry(0x9003, 2, 20, texts), ...entry(0x9011, 2, 7, texts + 20), ...four(0, is_little)];
  const tiff = [...text(is_little ? "II" : "MM"), ...two(42, is_little), ...four(8, is_little), ...main, ...second, ...text(`${at}\0`), ...text(`${offset}\0`), ...text("GPS: at home")];
  return segment(0xe1, ...text("Exif\0\0"), ...tiff);
}

const JFIF = segment(0xe0, ...text("JFIF\0"), 1, 1, 0, 0, 1, 0, 1, 0, 0);
const PROFILE = segment(0xe2, ...text("ICC_PROFILE\0"), 1, 1, 9);
const TABLES = segment(0xdb, 0, 1, 2, 3);
const FRAME = segment(0xc0, 8, 0, 16, 0, 16, 3);
const SCAN = [...segment(0xda, 3, 1, 0), 0x12, 0xff, 0x00, 0xd9, 0xff, 0xd0, 0x34, 0xff, 0xd9];
const SECRETS = [segment(0xe1, ...text("http://ns.adobe.com/xap/1.0/\0at home")), segment(0xed, ...text("Photoshop at home")), segment(0xe2, ...text("MPF\0at home")), segment(0xfe, ...text("at home"))];
const FILM = [...text("ftyp at home"), 0xff, 0xd9];

const jpegOf = (...parts: readonly number[][]): Uint8Array => Uint8Array.from([0xff, 0xd8, ...parts.flat(), ...SCAN, ...FILM]);
const stripped = async (bytes: Uint8Array): Promise<Uint8Array> => new Uint8Array(await stripJpeg(bytes)!.arrayBuffer());

for (const is_little of [true, false]) {
  for (let orientation = 1; orientation <= 8; orientation++) {
    test(`an original held as ${orientation} keeps its way up and loses the rest (${is_little ? "II" : "MM"})`, async () => {
      const bytes = jpegOf(exif(orientation, is_little), JFIF, ...SECRETS, PROFILE, TABLES, FRAME);
      assert.deepEqual(readJpeg(bytes), { orientation, taken_at: Date.parse("2026-11-23T13:32:05Z") });
      const after = await stripped(bytes);
      assert.equal(String.fromCharCode(...after).includes("at home"), false);
      assert.deepEqual(readJpeg(after), { orientation, taken_at: null });
      const kept = [JFIF, PROFILE, TABLES, FRAME, SCAN].flat();
      assert.deepEqual([...after.slice(-kept.length)], kept, "the picture itself is untouched");
      assert.deepEqual(await stripped(after), after);
    });
  }
}

test("broken metadata says nothing and costs nothing", async () => {
  const whole = jpegOf(exif(6, true), TABLES);
  for (let at = 2; at < whole.length; at++) {
    const broken = Uint8Array.from(whole);
    broken[at] = 0xff;
    assert.ok(readJpeg(broken).orientation <= 8);
    stripJpeg(broken);
    readJpeg(whole.slice(0, at));
    stripJpeg(whole.slice(0, at));
  }
});

test("a JPEG in which no picture is found is not sent without one", () => {
  assert.equal(stripJpeg(jpegOf(exif(6, true)).slice(0, 60)), null);
  assert.equal(stripJpeg(Uint8Array.of(0xff, 0xd8, 0xff)), null);
});

const instants: readonly [string, string, number | null, string][] = [
  ["2026:11:23 14:32:05", "+01:00", Date.parse("2026-11-23T13:32:05Z"), "the camera names its zone"],
  ["2026:11:23 14:32:05", "", new Date(2026, 10, 23, 14, 32, 5).getTime(), "it names none: where this phone is"],
  ["2026:11:23 14:32:05", "\0\0\0", new Date(2026, 10, 23, 14, 32, 5).getTime(), "an empty zone is none"],
  ["0000:00:00 00:00:00", "", null, "a camera whose clock was never set"],
  ["yesterday", "", null, "no date at all"],
];

for (const [at, offset, expected, why] of instants) {
  test(`taken at "${at}" is ${expected}: ${why}`, () => assert.equal(instantOf(at, offset), expected));
}
