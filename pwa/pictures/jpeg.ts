/** What a JPEG says of itself beside the picture: read, and taken out. Bytes of strangers: nothing here trusts a length. */
import type { Instant } from "../sync/types.ts";

export interface Said {
  /** 1 to 8, as EXIF counts; 1 where it says nothing. */
  readonly orientation: number;
  readonly taken_at: Instant | null;
}

const SOS = 0xda;
const EOI = 0xd9;

interface Segment {
  readonly marker: number;
  /** Of the marker's 0xff, and one after the last byte. */
  readonly start: number;
  readonly end: number;
}

/** The segments before the picture's data and, after them, the data itself as one; nothing after its end. */
function* segmentsOf(bytes: Uint8Array): Generator<Segment> {
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1; // fill
      continue;
    }
    if (marker === SOS) return yield { marker, start: at, end: endOfPicture(bytes, at) };
    const end = at + 2 + bytes[at + 2]! * 256 + bytes[at + 3]!;
    yield { marker, start: at, end: Math.min(end, bytes.length) };
    at = end;
  }
}

/** One after the first end marker; in the data a 0xff never stands before 0xd9. Phones append videos and further pictures. */
function endOfPicture(bytes: Uint8Array, from: number): number {
  for (let at = from; at + 1 < bytes.length; at++) if (bytes[at] === 0xff && bytes[at + 1] === EOI) return at + 2;
  return bytes.length;
}

const EXIF = "Exif\0\0";
const ORIENTATION = 0x0112;
const EXIF_TABLE = 0x8769;
const TAKEN_AT = 0x9003;
const TAKEN_OFFSET = 0x9011;

export function readJpeg(bytes: Uint8Array): Said {
  const exif = [...segmentsOf(bytes)].find(({ marker, start }) => marker === 0xe1 && textAt(bytes, start + 4, 6) === EXIF);
  try {
    return exif ? readTables(bytes.subarray(exif.start + 10, exif.end)) : { orientation: 1, taken_at: null };
  } catch {
    return { orientation: 1, taken_at: null }; // broken tables say nothing
  }
}

/** @throws RangeError where a table points outside of itself. */
function readTables(tiff: Uint8Array): Said {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
  const is_little = view.getUint16(0) === 0x4949;
  const main = tableAt(view, view.getUint32(4, is_little), is_little);
  const value = main.get(ORIENTATION);
  const orientation = value === undefined ? 1 : view.getUint16(value, is_little);
  const pointer = main.get(EXIF_TABLE);
  const details = pointer === undefined ? main : tableAt(view, view.getUint32(pointer, is_little), is_little);
  const text = (tag: number, length: number): string => {
    const place = details.get(tag);
    if (place === undefined) return "";
    return textAt(tiff, view.getUint32(place - 4, is_little) > 4 ? view.getUint32(place, is_little) : place, length);
  };
  return { orientation: orientation >= 1 && orientation <= 8 ? orientation : 1, taken_at: instantOf(text(TAKEN_AT, 19), text(TAKEN_OFFSET, 6)) };
}

/** Where the value of each tag stands. */
function tableAt(view: DataView, start: number, is_little: boolean): Map<number, number> {
  const places = new Map<number, number>();
  const count = view.getUint16(start, is_little);
  for (let at = start + 2; at < start + 2 + count * 12; at += 12) places.set(view.getUint16(at, is_little), at + 8);
  return places;
}

function textAt(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}

/** "2026:11:23 14:32:05" and "+01:00"; a camera that names no zone is taken to be where this phone is. */
export function instantOf(text: string, offset: string): Instant | null {
  const [, date, time] = /^(\d{4}:\d\d:\d\d) (\d\d:\d\d:\d\d)/.exec(text) ?? [];
  if (!date) return null;
  const at = Date.parse(`${date.replaceAll(":", "-")}T${time}${/^[+-]\d\d:\d\d$/.test(offset) ? offset : ""}`);
  return at > 0 ? at : null;
}

/**
 * The same picture with nothing beside it but what is needed to show it: no EXIF (position, serial numbers), XMP, IPTC, comments, maker's
 * previews or appended films. The way up is kept. Null where no picture is found in it.
 */
export function stripJpeg(bytes: Uint8Array): Blob | null {
  const { orientation } = readJpeg(bytes);
  const segments = [...segmentsOf(bytes)];
  if (segments.at(-1)?.marker !== SOS) return null;
  const parts: BlobPart[] = [Uint8Array.of(0xff, 0xd8)];
  if (orientation > 1) parts.push(orientationSegment(orientation));
  for (const { marker, start, end } of segments) if (isNeeded(bytes, marker, start)) parts.push(bytes.slice(start, end));
  return new Blob(parts, { type: "image/jpeg" });
}

/** Tables and frames; of what applications add: JFIF, a colour profile and Adobe's note on colours. */
function isNeeded(bytes: Uint8Array, marker: number, start: number): boolean {
  if (marker === 0xe2) return textAt(bytes, start + 4, 11) === "ICC_PROFILE";
  return marker < 0xe0 || marker === 0xe0 || marker === 0xee;
}

function orientationSegment(orientation: number): Uint8Array<ArrayBuffer> {
  const header = [0xff, 0xe1, 0, 34, ...[...EXIF].map((letter) => letter.charCodeAt(0))];
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
  return Uint8Array.from([...header, ...tiff]);
}
