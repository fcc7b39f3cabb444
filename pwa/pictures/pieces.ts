/**
 * What a JPEG, PNG or WebP says of itself beside the picture: read, and taken out. Each is a head and pieces, and only those that show
 * the picture leave the phone. Bytes of strangers: nothing here trusts a length.
 */
import { onlyOrientation, readExif, SILENT, textAt, type Said } from "./exif.ts";

interface Format {
  readonly type: string;
  /** Bytes before the first piece. */
  readonly head: number;
  /** What tells one kind of piece from the others; where its content begins, and one after its last byte. */
  readonly kind: (bytes: Uint8Array, at: number) => string;
  readonly content: number;
  readonly end: (view: DataView, at: number, bytes: Uint8Array) => number;
  /** Size, colours and pixels; of what applications add to a JPEG: JFIF, a colour profile and Adobe's note on colours. */
  readonly needed: RegExp;
  readonly exif: RegExp;
  /** Without this there is no picture. */
  readonly picture: RegExp;
  /** EXIF as a piece of its own, and its place among the parts. */
  readonly exifOf: (content: readonly number[]) => Uint8Array<ArrayBuffer>;
  readonly place: number;
}

const SOS = 0xda;
const EOI = 0xd9;
const EXIF = [69, 120, 105, 102, 0, 0];

export const JPEG: Format = {
  type: "image/jpeg",
  head: 2,
  kind: (bytes, at) => textAt(bytes, at, 15),
  content: 4,
  end(view, at, bytes) {
    const marker = bytes[at + 1];
    if (marker === 0xff) return at + 1; // fill
    return marker === SOS ? endOfPicture(bytes, at) : at + 2 + view.getUint16(at + 2);
  },
  needed: /^\xff([\xc0-\xe0\xee]|\xe2..ICC_PROFILE)/s,
  exif: /^\xff\xe1..Exif\0\0/s,
  picture: /^\xff\xda/,
  exifOf: (content) => Uint8Array.of(0xff, 0xe1, 0, content.length + 8, ...EXIF, ...content),
  place: 1,
};

/** Of a moving one, here and below, the picture that is shown first is sent, or it is drawn anew. */
export const PNG: Format = {
  type: "image/png",
  head: 8,
  kind: (bytes, at) => textAt(bytes, at + 4, 4),
  content: 8,
  end: (view, at) => at + 12 + view.getUint32(at),
  needed: /IHDR|PLTE|IDAT|IEND|tRNS|gAMA|cHRM|sRGB|iCCP|cICP/,
  exif: /eXIf/,
  picture: /IEND/,
  exifOf(content) {
    const checked = [101, 88, 73, 102, ...content]; // eXIf
    let crc = -1;
    for (const byte of checked) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 && 0xedb88320);
    }
    return Uint8Array.of(0, 0, 0, content.length, ...checked, ...[24, 16, 8, 0].map((shift) => ~crc >> shift));
  },
  place: 2,
};

export const WEBP: Format = {
  type: "image/webp",
  head: 12,
  kind: (bytes, at) => textAt(bytes, at, 4),
  content: 8,
  end(view, at) {
    const length = view.getUint32(at + 4, true);
    return at + 8 + length + (length & 1);
  },
  needed: /VP8[ LX]|ALPH|ICCP/,
  exif: /EXIF/,
  picture: /VP8[ L]/,
  exifOf: (content) => Uint8Array.of(69, 88, 73, 70, content.length, 0, 0, 0, ...content),
  place: Infinity,
};

export interface Stripped {
  readonly said: Said;
  /** Null where no picture is found. */
  readonly sent: Blob | null;
}

/** The same picture, colours and way up, without anything else: position, serial numbers, comments, maker's previews or appended films. */
export function strip(bytes: Uint8Array, format: Format): Stripped {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts = [bytes.slice(0, format.head)];
  let said = SILENT;
  let is_found = false;
  for (let at = format.head, end; at + 8 <= bytes.length && !(is_found && format !== WEBP); at = end) {
    const kind = format.kind(bytes, at);
    end = format.end(view, at, bytes);
    if (end > bytes.length) break; // cut short
    if (format.needed.test(kind)) parts.push(bytes.slice(at, end));
    if (format.exif.test(kind)) said = readExif(bytes.subarray(at + format.content, end));
    is_found ||= format.picture.test(kind);
  }
  if (!is_found) return { said, sent: null };
  const { orientation } = said;
  const is_turned = orientation > 1;
  if (is_turned) parts.splice(format.place, 0, format.exifOf(onlyOrientation(orientation)));
  if (format === WEBP) correctHead(parts, is_turned);
  return { said, sent: new Blob(parts, { type: format.type }) };
}

/** A WebP says in front how long it is, and whether EXIF (8) and XMP (4) follow. */
function correctHead(parts: readonly Uint8Array<ArrayBuffer>[], has_exif: boolean): void {
  new DataView(parts[0]!.buffer).setUint32(4, parts.reduce((sum, { length }) => sum + length, -8), true);
  if (textAt(parts[1]!, 0, 4) === "VP8X") parts[1]![8] = (parts[1]![8]! & ~12) | (has_exif ? 8 : 0);
}

/** One after the first end marker; in the data a 0xff never stands before 0xd9. Phones append videos and further pictures. */
function endOfPicture(bytes: Uint8Array, from: number): number {
  for (let at = from; at + 1 < bytes.length; at++) if (bytes[at] === 0xff && bytes[at + 1] === EOI) return at + 2;
  return bytes.length;
}
