/** What leaves the phone of an original: the picture and the way up, and nothing of where, when and with what it was taken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instantOf } from "../../pwa/pictures/exif.ts";
import { stripHeic } from "../../pwa/pictures/heic.ts";
import { JPEG, PNG, strip, WEBP } from "../../pwa/pictures/pieces.ts";

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
const stripped = async (bytes: Uint8Array): Promise<Uint8Array> => new Uint8Array(await strip(bytes, JPEG).sent!.arrayBuffer());

for (const is_little of [true, false]) {
  for (let orientation = 1; orientation <= 8; orientation++) {
    test(`an original held as ${orientation} keeps its way up and loses the rest (${is_little ? "II" : "MM"})`, async () => {
      const bytes = jpegOf(exif(orientation, is_little), JFIF, ...SECRETS, PROFILE, TABLES, FRAME);
      assert.deepEqual(strip(bytes, JPEG).said, { orientation, taken_at: Date.parse("2026-11-23T13:32:05Z") });
      const after = await stripped(bytes);
      assert.equal(String.fromCharCode(...after).includes("at home"), false);
      assert.deepEqual(strip(after, JPEG).said, { orientation, taken_at: null });
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
    for (const bytes of [broken, whole.slice(0, at)]) {
      for (const format of [JPEG, PNG, WEBP]) assert.ok(strip(bytes, format).said.orientation <= 8);
    }
  }
});

test("a JPEG in which no picture is found is not sent without one", () => {
  assert.equal(strip(jpegOf(exif(6, true)).slice(0, 60), JPEG).sent, null);
  assert.equal(strip(Uint8Array.of(0xff, 0xd8, 0xff), JPEG).sent, null);
});

const SECRET = text("at home!");
const bytesIn = async (sent: Blob | null): Promise<number[]> => [...new Uint8Array(await sent!.arrayBuffer())];
const pngPiece = (kind: string, ...content: number[]): number[] => [...four(content.length, false), ...text(kind), ...content, 1, 2, 3, 4];
const webpPiece = (kind: string, ...content: number[]): number[] => [...text(kind), ...four(content.length, true), ...content, ...(content.length % 2 ? [0] : [])];
const tiff = (orientation: number): number[] => exif(orientation, true).slice(10);

const PNG_HEAD = [137, ...text("PNG\r\n\x1a\n")];
const PNG_KEPT = [pngPiece("IHDR", 1), pngPiece("iCCP", 2), pngPiece("IDAT", 3), pngPiece("IDAT", 4), pngPiece("IEND")];

for (const orientation of [1, 6]) {
  test(`a PNG held as ${orientation} keeps its colours and its way up and loses the rest`, async () => {
    const [header, profile, ...data] = PNG_KEPT as [number[], number[], ...number[][]];
    const secrets = ["tEXt", "iTXt", "zTXt", "tIME", "prVt"].flatMap((kind) => pngPiece(kind, ...SECRET));
    const whole = Uint8Array.from([...PNG_HEAD, ...header, ...profile, ...secrets, ...data.slice(0, 2).flat(), ...pngPiece("eXIf", ...tiff(orientation)), ...data.slice(2).flat(), ...SECRET]);
    const { sent, said } = strip(whole, PNG);
    assert.equal(said.orientation, orientation);
    const after = await bytesIn(sent);
    const turned = orientation > 1 ? 38 : 0;
    assert.deepEqual(after.toSpliced(8 + header.length, turned), [...PNG_HEAD, ...PNG_KEPT.flat()]);
    assert.equal(strip(Uint8Array.from(after), PNG).said.orientation, orientation);
  });

  test(`a WebP held as ${orientation} keeps its colours and its way up and loses the rest`, async () => {
    const profile = webpPiece("ICCP", 1, 2, 3);
    const picture = webpPiece("VP8 ", 4, 5, 6, 7, 8);
    const flags = (value: number): number[] => webpPiece("VP8X", value, 0, 0, 0, 9, 9, 9, 9, 9, 9);
    const body = [...text("WEBP"), ...flags(0x2c), ...profile, ...picture, ...webpPiece("EXIF", ...tiff(orientation)), ...webpPiece("XMP ", ...SECRET), ...webpPiece("prVt", ...SECRET)];
    const { sent, said } = strip(Uint8Array.from([...text("RIFF"), ...four(body.length, true), ...body]), WEBP);
    assert.equal(said.orientation, orientation);
    const after = await bytesIn(sent);
    const kept = [...text("WEBP"), ...flags(orientation > 1 ? 0x28 : 0x20), ...profile, ...picture];
    assert.deepEqual(after.slice(8, 8 + kept.length), kept);
    assert.equal(after.length, 8 + kept.length + (orientation > 1 ? 34 : 0));
    assert.deepEqual(after.slice(4, 8), four(after.length - 8, true), "it says how long it is now");
    assert.equal(strip(Uint8Array.from(after), WEBP).said.orientation, orientation);
  });
}

const box = (kind: string, ...content: number[]): number[] => [...four(content.length + 8, false), ...text(kind), ...content];
const item = (id: number, kind: string): number[] => box("infe", 2, 0, 0, 0, ...two(id, false), 0, 0, ...text(kind), 0);
const PICTURE = [1, 2, 3, 4, 5, 6];
const PART = [7, 8, 9];

/** Two items of a picture, one of them inside of `meta`, EXIF, XMP, and a film behind; `where` is how the first one is found. */
function heic(kinds: readonly string[] = ["hvc1", "grid", "Exif", "mime"], where = 0): Uint8Array {
  const start = box("ftyp", ...text("heic"), 0, 0, 0, 0, ...text("mif1"));
  const places = (at: number): readonly (readonly [number, number, number])[] => [[where, at, PICTURE.length], [1, 0, PART.length], [0, at + PICTURE.length, 8], [1, PART.length, 8]];
  const meta = (at: number): number[] =>
    box("meta", 0, 0, 0, 0, ...box("hdlr", 5), ...box("xml ", ...SECRET), ...box("iinf", 0, 0, 0, 0, ...two(kinds.length, false), ...kinds.flatMap((kind, id) => item(id + 1, kind))), ...box("idat", ...PART, ...SECRET),
      ...box("iloc", 1, 0, 0, 0, 0x44, 0, ...two(4, false), ...places(at).flatMap(([method, offset, length], id) => [...two(id + 1, false), ...two(method, false), 0, 0, ...two(1, false), ...four(offset, false), ...four(length, false)])));
  const at = start.length + meta(0).length + 8;
  return Uint8Array.from([...start, ...meta(at), ...box("mdat", ...PICTURE, ...SECRET, ...SECRET), ...box("uuid", ...SECRET), ...box("mpvd", ...SECRET)]);
}

test("a HEIC keeps its pictures where they are, and zeros take the place of the rest", async () => {
  const whole = heic();
  const after = await bytesIn(stripHeic(whole));
  assert.equal(String.fromCharCode(...after).includes("at home!"), false);
  const films = box("uuid", ...SECRET).length + box("mpvd", ...SECRET).length;
  assert.equal(after.length, whole.length - films);
  const words = String.fromCharCode(...after);
  for (const kept of [PICTURE, PART]) assert.equal(words.indexOf(String.fromCharCode(...kept)), String.fromCharCode(...whole).indexOf(String.fromCharCode(...kept)));
  assert.deepEqual(await bytesIn(stripHeic(Uint8Array.from(after))), after);
});

test("a HEIC whose parts are not found is not sent as if they were", () => {
  assert.equal(stripHeic(heic(["Exif", "mime"])), null, "no picture");
  assert.equal(stripHeic(heic(undefined, 2)), null, "a picture inside another item");
  assert.equal(stripHeic(heic().slice(0, 40)), null, "cut short");
});

test("broken pieces end the search, and quickly", () => {
  const whole = heic();
  for (let at = 0; at < whole.length; at++) {
    for (const value of [0, 0x7f, 0xff]) stripHeic(whole.with(at, value));
    stripHeic(whole.slice(0, at));
  }
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
