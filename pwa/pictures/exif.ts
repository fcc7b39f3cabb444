/** What EXIF says, wherever it stands. Bytes of strangers: nothing here trusts a place or a length. */
import type { Instant } from "../sync/types.ts";

export interface Said {
  /** 1 to 8, as EXIF counts; 1 where it says nothing. */
  readonly orientation: number;
  readonly taken_at: Instant | null;
}

export const SILENT: Said = { orientation: 1, taken_at: null };

const ORIENTATION = 0x0112;
const EXIF_TABLE = 0x8769;
const TAKEN_AT = 0x9003;
const TAKEN_OFFSET = 0x9011;

/** EXIF as it stands in a JPEG, PNG or WebP, with or without its word before the tables. */
export function readExif(bytes: Uint8Array): Said {
  try {
    return readTables(textAt(bytes, 0, 4) === "Exif" ? bytes.subarray(6) : bytes);
  } catch {
    return SILENT; // broken tables say nothing
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

export function textAt(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}

/** "2026:11:23 14:32:05" and "+01:00"; a camera that names no zone is taken to be where this phone is. */
export function instantOf(text: string, offset: string): Instant | null {
  const [, date, time] = /^(\d{4}:\d\d:\d\d) (\d\d:\d\d:\d\d)/.exec(text) ?? [];
  if (!date) return null;
  const at = Date.parse(`${date.replaceAll(":", "-")}T${time}${/^[+-]\d\d:\d\d$/.test(offset) ? offset : ""}`);
  return at > 0 ? at : null;
}

/** EXIF that says which way is up and nothing else. */
export const onlyOrientation = (orientation: number): readonly number[] => [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
