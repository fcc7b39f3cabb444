/** What a HEIC says of itself beside the picture becomes zeros: in it everything is found by its place, so nothing moves. */
import { textAt } from "./exif.ts";

export const HEIC = "image/heic";

const BOXES = /ftyp|meta|mdat|hdlr|pitm|iinf|iref|iprp|iloc|idat/;
/** Kinds of items that are pictures, and how they are put together; EXIF and XMP are items of other kinds. */
const PICTURES = /hvc1|lhv1|grid|iden|iovl|tmap/;

/** Only what is known to show the picture is copied; appended films are left off. Null where its parts are not found. */
export function stripHeic(bytes: Uint8Array): Blob | null {
  const out = new Uint8Array(bytes.length);
  const copy = (start: number, end: number): void => out.set(bytes.subarray(start, end), start);
  let at = 0;
  const next = (width: number): number => bytes.subarray(at, (at += width)).reduce((number, byte) => number * 256 + byte, 0);
  let size = 0;
  /** Where the content of each box begins. */
  const found: Record<string, number> = {};
  const pictures = new Set<number>();
  const eachBox = (start: number, limit: number, visit: (kind: string, end: number, start: number) => void): void => {
    for (let end; start + 8 <= limit; start = end) {
      at = start;
      const length = next(4);
      const kind = textAt(bytes, at, 4);
      at += 4;
      end = length > 1 ? start + length : length ? start + next(8) : limit;
      if (end < at || end > limit) return; // cut short
      visit(kind, end, start);
    }
  };
  /** The heads of all stay, for what follows to be found. */
  const visit = (kind: string, end: number, start: number): void => {
    const from = (found[kind] = at);
    copy(start, from);
    if (!BOXES.test(kind)) return out.set([102, 114, 101, 101], start + 4); // "free"
    size = Math.max(size, end);
    if (kind === "meta") copy(from, from + 4), eachBox(from + 4, end, visit);
    else if (!/mdat|idat/.test(kind)) copy(from, end);
    if (kind === "iinf") eachBox(from + (bytes[from] ? 8 : 6), end, visitItem);
  };
  const visitItem = (): void => {
    const id_width = next(4) >> 24 > 2 ? 4 : 2;
    const id = next(id_width);
    if (PICTURES.test(textAt(bytes, at + 2, 4))) pictures.add(id);
  };
  eachBox(0, bytes.length, visit);
  at = found["iloc"] ?? bytes.length;
  const version = next(4) >> 24;
  const widths = next(2);
  const id_width = version > 1 ? 4 : 2;
  for (let items = next(id_width); items > 0 && at < bytes.length; items--) {
    const is_picture = pictures.has(next(id_width));
    const inside = version && next(2);
    next(2);
    const base = next((widths >> 4) & 15) + (inside && found["idat"]!);
    for (let extents = next(2); extents > 0; extents--) {
      if (version) next(widths & 15);
      const start = base + next(widths >> 12);
      const end = start + next((widths >> 8) & 15);
      if (is_picture && !(inside < 2 && start < end && end <= bytes.length)) return null; // it stands where this does not look
      if (is_picture) copy(start, end);
    }
  }
  return pictures.size ? new Blob([out.subarray(0, size)], { type: HEIC }) : null;
}
