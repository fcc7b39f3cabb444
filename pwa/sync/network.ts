/** Requests to our server. An answer counts only when it carries our header and JSON; anything else was not reached. */
import type { SyncRequest } from "./device.ts";

declare const __VERSION__: string;
/** Which build of the app this is; tests run the sources, which are no build. */
const APP_VERSION = typeof __VERSION__ === "string" ? __VERSION__ : "source";

/** Longest a phone waits for an answer: then the network is as good as away. */
export const TIMEOUT_MS = 25_000;

type Json = Readonly<Record<string, unknown>>;

/** What our server said. */
export interface Said {
  readonly status: number;
  readonly body: Json;
  readonly retry_after: string | null;
}

export type Landed =
  | { readonly kind: "answer"; readonly body: unknown }
  | { readonly kind: "unreachable" | "not_ours" }
  | { readonly kind: "refused"; readonly status: number; readonly error: string; readonly next_n: number; readonly retry_after_ms: number };

/** Sends the request and says what became of it; never throws. */
export async function postSync(request: SyncRequest): Promise<Landed> {
  const said = await asking("/sync", "POST", { ...request, device: { ...request.device, app_version: APP_VERSION } });
  if (!said) return { kind: said === null ? "unreachable" : "not_ours" };
  const { status, body, retry_after } = said;
  if (status === 200) return isAnswer(body) ? { kind: "answer", body } : { kind: "not_ours" };
  const next_n = Number(body["next_n"]) || 0;
  return { kind: "refused", status, error: String(body["error"]), next_n, retry_after_ms: retryAfterMs(retry_after, Date.now()) };
}

/** A same-origin JSON request with our time limit; null: nobody answered; undefined: somebody else did. */
export async function asking(path: string, method: string, body?: object, timeout_ms = TIMEOUT_MS): Promise<Said | null | undefined> {
  try {
    const response = await fetch(path, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
      cache: "no-store",
      redirect: "manual", // our server never redirects these: whoever does is a captive portal
      signal: AbortSignal.timeout(timeout_ms), // the body too: a connection may hang after the headers
    });
    if (response.headers.get("Holdfast") !== "1") return undefined;
    const text = await response.text();
    return { status: response.status, body: parsed(text), retry_after: response.headers.get("Retry-After") };
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
