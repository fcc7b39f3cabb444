/** Identifiers made on the device: UUIDv7, so that rows sort by age, from the browser's own randomness. */
import type { Id } from "./types.ts";

let last_at = 0;
let last_count = 0;

/** A UUIDv7 in lower-case text. Ids of one process rise strictly, even within a millisecond and when the clock is set back. */
export function newId(now: number = Date.now()): Id {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  advance(now, ((bytes[6]! & 0x07) << 8) | bytes[7]!);
  for (let index = 0; index < 6; index++) bytes[index] = Math.floor(last_at / 2 ** (8 * (5 - index))) % 256;
  bytes[6] = 0x70 | (last_count >> 8);
  bytes[7] = last_count & 0xff;
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return asText(bytes);
}

/** The 12 bits after the version count within a millisecond; they start at random in the lower half, so there is room. */
function advance(now: number, start: number): void {
  if (now > last_at) {
    last_at = now;
    last_count = start;
  } else if (++last_count > 0xfff) {
    last_at += 1;
    last_count = start;
  }
}

function asText(bytes: Uint8Array): Id {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** 0 to 999, to spread retries. */
export function newJitter(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! % 1_000;
}
