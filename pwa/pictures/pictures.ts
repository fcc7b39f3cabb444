/**
 * Makes of a picture what is sent: smaller, the right way up, without what a camera writes beside it; and the small one of it.
 *
 * The same module is a worker's whole code and, where a browser has no canvas outside of pages, a part of the page. It holds one
 * picture at a time; the page ends the worker afterwards, and with it the memory.
 */
import type { Instant, PreparedPicture, PrepareOptions } from "../sync/types.ts";
import { SILENT } from "./exif.ts";
import { HEIC, stripHeic } from "./heic.ts";
import { JPEG, PNG, strip, WEBP, type Stripped } from "./pieces.ts";

export interface PictureRequest {
  readonly file: Blob;
  readonly options: PrepareOptions;
}
export type PictureAnswer = { readonly prepared: PreparedPicture } | { readonly reason: PictureFault };
export type PictureFault = "not_a_picture" | "too_large" | "unreadable";

/** Where this module is, for starting it as a worker. */
export const address: string = import.meta.url;

const MAX_BYTES = 64 * 1024 * 1024;
const THUMB_PX = 320;
const THUMB_BYTES = 64 * 1024;
const QUALITY = 0.82;

/** First bytes, as they are read one by one, of what the server takes; and how it is sent without what stands beside the picture. */
const KINDS: readonly (readonly [RegExp, string, (bytes: Uint8Array) => Stripped])[] = [
  [/^\xff\xd8\xff/, JPEG.type, (bytes) => strip(bytes, JPEG)],
  [/^\x89PNG\r\n\x1a\n/, PNG.type, (bytes) => strip(bytes, PNG)],
  [/^RIFF[^]{4}WEBP/, WEBP.type, (bytes) => strip(bytes, WEBP)],
  [/^[^]{4}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)/, HEIC, (bytes) => ({ sent: stripHeic(bytes), said: SILENT })],
];

/** Never throws. */
export async function prepare({ file, options }: PictureRequest): Promise<PictureAnswer> {
  if (file.size > MAX_BYTES) return { reason: "too_large" };
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const start = String.fromCharCode(...bytes.subarray(0, 16));
    const [, media_type, stripped] = KINDS.find(([first]) => first.test(start)) ?? [];
    const bitmap = bytes.length > 0 ? await decoded(bytes, media_type) : null;
    if (!bitmap && !media_type) return { reason: "not_a_picture" };
    const { sent = null, said } = stripped?.(bytes) ?? { said: SILENT };
    const taken_at = said.taken_at ?? (file as Partial<File>).lastModified ?? null;
    return { prepared: await prepared(!bitmap || options.is_original ? sent : null, bitmap, taken_at, options) };
  } catch {
    return { reason: "unreadable" }; // the file is gone or broken, or the browser had no memory for it
  }
}

/** The right way up; null where this browser cannot. */
function decoded(bytes: BlobPart, type = ""): Promise<ImageBitmap | null> {
  return createImageBitmap(new Blob([bytes], { type }), { imageOrientation: "from-image" }).catch(() => null);
}

/** Whatever could not be freed of what stands beside the picture is drawn anew: no position leaves the phone in a picture's bytes. */
async function prepared(sent: Blob | null, bitmap: ImageBitmap | null, taken_at: Instant | null, { max_px, is_original }: PrepareOptions): Promise<PreparedPicture> {
  let thumb: ArrayBuffer | null = null;
  let { width, height } = bitmap ?? { width: 0, height: 0 };
  if (bitmap) {
    if (!sent) {
      const canvas = scaled(bitmap, is_original ? Infinity : max_px);
      ({ width, height } = canvas);
      sent = await jpegOf(canvas, QUALITY);
    }
    thumb = await thumbOf(bitmap);
    bitmap.close();
  }
  if (!sent) throw new TypeError("no picture in it");
  const picture = await sent.arrayBuffer();
  return {
    picture,
    thumb,
    media_type: sent.type,
    sha256: await sha256(picture),
    size_bytes: picture.byteLength,
    width,
    height,
    taken_at,
    thumb_sha256: thumb && (await sha256(thumb)),
    thumb_bytes: thumb?.byteLength ?? 0,
  };
}

async function thumbOf(bitmap: ImageBitmap): Promise<ArrayBuffer | null> {
  const canvas = scaled(bitmap, THUMB_PX);
  for (const quality of [0.7, 0.4, 0.1]) {
    const bytes = await (await jpegOf(canvas, quality)).arrayBuffer();
    if (bytes.byteLength <= THUMB_BYTES) return bytes;
  }
  return null;
}

type Canvas = OffscreenCanvas | HTMLCanvasElement;

/** At most `max_px` on the long side; what was see-through is white. */
function scaled(bitmap: ImageBitmap, max_px: number): Canvas {
  const factor = Math.min(1, max_px / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * factor));
  const height = Math.max(1, Math.round(bitmap.height * factor));
  const canvas = typeof OffscreenCanvas === "undefined" ? document.createElement("canvas") : new OffscreenCanvas(width, height);
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas;
}

function jpegOf(canvas: Canvas, quality: number): Promise<Blob> {
  const type = "image/jpeg";
  if ("convertToBlob" in canvas) return canvas.convertToBlob({ type, quality });
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no memory"))), type, quality));
}

async function sha256(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// In a worker there is no page: then this is all that runs there.
if (typeof document === "undefined") {
  const worker = globalThis as unknown as Worker;
  worker.onmessage = async ({ data }: MessageEvent<PictureRequest>) => {
    const answer = await prepare(data);
    const { picture = null, thumb = null } = "prepared" in answer ? answer.prepared : {};
    worker.postMessage(answer, [picture, thumb].filter((bytes) => bytes !== null));
  };
}
