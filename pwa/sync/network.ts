/** Requests to our server. An answer counts only when it carries our header and JSON; anything else was not reached. */
import type { SyncRequest } from "./device.ts";
import type { Id, Instant } from "./types.ts";
import type { LandedPart, Network, SendUpload } from "./uploading.ts";

declare const __VERSION__: string;
/** Which build of the app this is; tests run the sources, which are no build. */
const APP_VERSION = typeof __VERSION__ === "string" ? __VERSION__ : "source";

/** Longest a phone waits for an answer: then the network is as good as away. */
export const TIMEOUT_MS = 25_000;
/** Longest for one part of a photo: the next try sends a shorter one. */
export const PART_TIMEOUT_MS = 30_000;

type Json = Readonly<Record<string, unknown>>;

/** What our server said. */
export interface Said {
  readonly status: number;
  readonly body: Json;
  readonly headers: Headers;
  readonly retry_after_ms: number;
}

export type Landed =
  | { readonly kind: "answer"; readonly body: unknown }
  | { readonly kind: "unreachable" | "stalled" | "not_ours" }
  | { readonly kind: "refused"; readonly status: number; readonly error: string; readonly next_n: number; readonly retry_after_ms: number };

/** Sends the request and says what became of it; never throws. */
export async function postSync(request: SyncRequest): Promise<Landed> {
  const started = Date.now();
  const said = await asking("/sync", "POST", { ...request, device: { ...request.device, app_version: APP_VERSION } });
  if (!said) return { kind: silenceOf(said, started, TIMEOUT_MS) };
  const { status, body, retry_after_ms } = said;
  if (status === 200) return isAnswer(body) ? { kind: "answer", body } : { kind: "not_ours" };
  const next_n = Number(body["next_n"]) || 0;
  return { kind: "refused", status, error: String(body["error"]), next_n, retry_after_ms };
}

const METHODS = { create: "POST", part: "PATCH", ask: "HEAD" };

/** One request of an upload (tus 1.0): makes it, sends a part with its checksum, or asks what has arrived; never throws. */
export async function sendUpload({ photo_id, file, method, upload, offset_bytes, size_bytes }: SendUpload, bytes?: ArrayBuffer): Promise<LandedPart> {
  const started = Date.now();
  const tus = {
    "Tus-Resumable": "1.0.0",
    ...(method === "create" && { "Upload-Length": `${size_bytes}`, "Upload-Metadata": `photo_id ${btoa(photo_id)},file ${btoa(file)}` }),
    ...(bytes && {
      "Content-Type": "application/offset+octet-stream",
      "Upload-Offset": `${offset_bytes}`,
      "Upload-Checksum": `sha256 ${btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))))}`,
    }),
  };
  const said = await asking(upload === null ? "/uploads" : `/uploads/${upload}`, METHODS[method], bytes, PART_TIMEOUT_MS, tus);
  const kind = said ? "answer" : silenceOf(said, started, PART_TIMEOUT_MS);
  const offset = said?.headers.get("Upload-Offset");
  return {
    kind,
    status: said?.status ?? 0,
    error: String(said?.body["error"] ?? said?.headers.get("Holdfast-Error") ?? ""),
    upload: /[^/]+$/.exec(said?.headers.get("Location") ?? "")?.[0] ?? null,
    offset_bytes: offset ? Number(offset) : null,
    retry_after_ms: said?.retry_after_ms ?? 0,
  };
}

/** The small picture of a row: null where the server has none for this user, undefined where nobody of ours answers now. */
export async function getThumb(id: Id): Promise<ArrayBuffer | null | undefined> {
  try {
    const response = await fetch(`/photos/${id}/thumb`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.headers.get("Holdfast") !== "1") return undefined;
    return response.status === 200 ? await response.arrayBuffer() : response.status === 404 ? null : undefined;
  } catch {
    return undefined;
  }
}

/** What the browser tells of the network; most tell nothing. */
export function networkNow(): Network {
  const { type } = (navigator as { connection?: { type?: string } }).connection ?? {};
  return type === "wifi" || type === "ethernet" ? "wifi" : type === "cellular" ? "metered" : "unknown";
}

/** What it means that nothing of ours was said. */
function silenceOf(said: null | undefined, started: Instant, limit_ms: number): "not_ours" | "unreachable" | "stalled" {
  return said === undefined ? "not_ours" : Date.now() - started < limit_ms ? "unreachable" : "stalled";
}

/** A same-origin request with our time limit, JSON unless it has headers; null: nobody answered; undefined: somebody else did. */
export async function asking(path: string, method: string, body?: object, timeout_ms = TIMEOUT_MS, asked?: HeadersInit): Promise<Said | null | undefined> {
  try {
    const response = await fetch(path, {
      method,
      body: body && !asked ? JSON.stringify(body) : ((body as ArrayBuffer | undefined) ?? null),
      headers: asked ?? (body ? { "Content-Type": "application/json" } : {}),
      cache: "no-store",
      redirect: "manual", // our server never redirects these: whoever does is a captive portal
      signal: AbortSignal.timeout(timeout_ms), // the body too: a connection may hang after the headers
    });
    if (response.headers.get("Holdfast") !== "1") return undefined;
    const text = await response.text();
    const { status, headers } = response;
    return { status, body: parsed(text), headers, retry_after_ms: retryAfterMs(headers.get("Retry-After"), Date.now()) };
  } catch (error) {
    return error instanceof SyntaxError ? undefined : null;
  }
}

/** @throws SyntaxError where it is not a JSON object; an empty body (204) counts as an empty one. */
function parsed(text: string): Json {
  const body: unknown = JSON.parse(text || "{}");
  if (typeof body !== "object" || body === null) throw new SyntaxError("not an object");
  return body as Json;
}

function isAnswer({ receipts, scopes, drop, cookie, complete }: Json): boolean {
  return [receipts, scopes, drop].every(Array.isArray) && typeof cookie === "string" && typeof complete === "boolean";
}

/** `Retry-After` in ms from `now`: seconds or an HTTP date; 0 where it says nothing. */
export function retryAfterMs(value: string | null, now: number): number {
  const delay = Number(value) * 1_000;
  return Math.max(0, Number.isNaN(delay) ? Math.floor(Date.parse(value!) - now) || 0 : delay);
}
