/** One `POST /sync`. An answer counts only when our server signed it with its header; anything else was not reached. */
import type { SyncRequest } from "./device.ts";

/** Longest a phone waits for an answer: then the network is as good as away. */
export const TIMEOUT_MS = 25_000;

export type Landed =
  | { readonly kind: "answer"; readonly body: unknown }
  | { readonly kind: "unreachable" | "not_ours" }
  | { readonly kind: "refused"; readonly status: number; readonly error: string; readonly next_n: number; readonly retry_after_ms: number };

/** Sends the request and says what became of it; never throws. */
export async function postSync(request: SyncRequest): Promise<Landed> {
  const response = await asking("/sync", { method: "POST", body: JSON.stringify(request) });
  return response === null ? { kind: "unreachable" } : read(response);
}

/** A same-origin JSON request with our time limit; null when nobody answered. */
export async function asking(path: string, init: RequestInit, timeout_ms: number = TIMEOUT_MS): Promise<Response | null> {
  const giving_up = new AbortController();
  const timer = setTimeout(() => giving_up.abort(), timeout_ms);
  try {
    const response = await fetch(path, {
      ...init,
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      credentials: "same-origin",
      cache: "no-store",
      redirect: "manual", // our server never redirects these: whoever does is a captive portal
      signal: giving_up.signal,
    });
    // The body is read under the same limit: a connection may hang after the headers.
    const body = response.type === "opaqueredirect" ? null : await response.arrayBuffer();
    return new Response(mayHaveBody(response.status) ? body : null, {
      status: response.status === 0 ? 302 : response.status,
      headers: response.headers,
    });
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function mayHaveBody(status: number): boolean {
  return ![0, 204, 205, 304].includes(status);
}

/** Whether our server wrote this, and not a portal, a proxy or a router. */
export function isOurs(response: Response): boolean {
  return response.headers.get("Holdfast") === "1";
}

async function read(response: Response): Promise<Landed> {
  if (!isOurs(response)) return { kind: "not_ours" };
  const body = await jsonOf(response);
  if (body === undefined) return { kind: "not_ours" };
  if (response.status === 200) return isAnswer(body) ? { kind: "answer", body } : { kind: "not_ours" };
  return {
    kind: "refused",
    status: response.status,
    error: typeof body["error"] === "string" ? body["error"] : "unknown",
    next_n: typeof body["next_n"] === "number" ? body["next_n"] : 0,
    retry_after_ms: retryAfterMs(response.headers.get("Retry-After"), Date.now()),
  };
}

export async function jsonOf(response: Response): Promise<Record<string, unknown> | undefined> {
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isAnswer(body: Record<string, unknown>): boolean {
  return Array.isArray(body["receipts"]) && Array.isArray(body["scopes"]) && Array.isArray(body["drop"])
    && typeof body["cookie"] === "string" && typeof body["complete"] === "boolean";
}

/** `Retry-After` in ms from `now`: seconds or an HTTP date; 0 where it says nothing. */
export function retryAfterMs(value: string | null, now: number): number {
  if (value === null) return 0;
  const delay = /^\d+$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - now;
  return Number.isFinite(delay) ? Math.max(0, Math.floor(delay)) : 0;
}
