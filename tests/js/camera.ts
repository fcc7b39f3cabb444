/** Pictures for tests that look at bytes alone. */
import { createHash } from "node:crypto";
import type { PreparedPicture } from "../../pwa/sync/types.ts";

/** Bytes that differ from photo to photo and from place to place. */
export function bytesOf(size: number, seed: number): ArrayBuffer {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + seed * 13) & 0xff;
  return bytes.buffer;
}

export const hashOf = (bytes: ArrayBuffer): string => createHash("sha256").update(new Uint8Array(bytes)).digest("hex");

let count = 0;

export function taken(size: number, thumb_size = 900): PreparedPicture {
  const picture = bytesOf(size, ++count);
  const thumb = thumb_size > 0 ? bytesOf(thumb_size, ++count) : null;
  return {
    picture,
    thumb,
    media_type: "image/jpeg",
    sha256: hashOf(picture),
    size_bytes: size,
    width: 1_600,
    height: 1_200,
    taken_at: 5,
    thumb_sha256: thumb && hashOf(thumb),
    thumb_bytes: thumb_size,
  };
}
