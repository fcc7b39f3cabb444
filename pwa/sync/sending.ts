/**
 * The half of the reducer that sends: what to send when, and what an answer or a failure means. The twin of the same functions of
 * `sync/device.py`, line by line.
 */
import type { Action, Answer, AnswerBody, Device, Entry, Event, Failure, Flight, Step, SyncRequest, Trouble, Wake } from "./device.ts";
import { MAX_MUTATIONS, PROTOCOL_VERSION, SCHEMA_VERSION } from "./rules.ts";
import type { Id, Instant } from "./types.ts";

/** Mutations a healthy device sends at once. */
export const BATCH = 100;
export const RETRY_BASE_MS = 1_000;
export const RETRY_CAP_MS = 60_000;
/** Longest wait. A `retry_at` further off was set before the clock of this device was put back (8). */
export const WAIT_CAP_MS = 15 * 60_000;
export const ROW_LIMIT = 2_000;

export const PAUSE_OF: ReadonlyMap<string, Trouble> = new Map([
  ["sign_in_required", "sign_in"],
  ["actor_mismatch", "other_user"],
  ["client_revoked", "revoked"],
  ["upgrade_required", "upgrade"],
]);
/** Only a person ends these. */
export const PAUSES: ReadonlySet<string | null> = new Set(PAUSE_OF.values());
/** After these a request without mutations goes first. Not after `storage`: a full phone must still get rid of its work. */
const PROBES: ReadonlySet<Trouble | null> = new Set(["unreachable", "not_ours", "server"]);

/** One step. The state passed in is not changed. */
export function sendingStep(state: Device, given: Event): Step {
  switch (given.type) {
    case "wake": return wake(state, given);
    case "answer": return answer(state, given);
    case "failure": return failure(state, given);
    case "restart": return restart(state);
  }
}

/** Entries without a receipt, by number: what "n waiting" counts, noops included. */
export function pending(state: Pick<Device, "entries">): readonly Entry[] {
  return state.entries.filter((entry) => entry.state !== "acked");
}

function wake(state: Device, given: Wake): Step {
  if (state.flight !== null) return [state, []];
  if (!given.is_forced) {
    if (PAUSES.has(state.trouble)) return [state, []];
    if (isTooEarly(state.retry_at, given.now)) return [state, [{ type: "wait", at: state.retry_at }]];
  }
  return send(state, given.now);
}

export function isTooEarly(retry_at: Instant | null, now: Instant): retry_at is Instant {
  return retry_at !== null && now < retry_at && retry_at <= now + WAIT_CAP_MS;
}

/**
 * Mark the head of the outbox as tried (immutable from here on), then send it and ask for what is new. While nobody was reached,
 * only ask: what a person wrote without network stays theirs to amend and discard.
 */
function send(state: Device, now: Instant): Step {
  const head = PROBES.has(state.trouble) ? [] : pending(state).slice(0, state.batch).map(tried);
  const request = state.requests + 1;
  const flight: Flight = {
    request,
    client: state.client,
    ids: idsOf(head),
    acked: idsOf(state.entries.filter((entry) => entry.state === "acked")),
    cookie: state.cookie,
  };
  const after: Device = { ...replaced(state, byId(head)), requests: request, flight, retry_at: null };
  return [after, [...head.map(put), { type: "send", request, body: requestBody(after, head, now) }]];
}

function requestBody(state: Device, head: readonly Entry[], now: Instant): SyncRequest {
  const waiting = pending(state);
  return {
    protocol: PROTOCOL_VERSION,
    schema: SCHEMA_VERSION,
    client: state.client,
    user: state.user,
    sent_at: now,
    cookie: state.cookie,
    mutations: head.map((entry) => onTheWire(entry, state.client)),
    device: { pending: waiting.length, oldest_unsent_at: waiting[0]?.made_at ?? null },
    limit: ROW_LIMIT,
  };
}

function onTheWire({ id, n, name, args, base, schema, made_at }: Entry, client: Id): object {
  return { id, client, n, name, args, base, schema, made_at };
}

function tried(entry: Entry): Entry {
  return { ...entry, state: "tried", tries: entry.tries + 1 };
}

// --- what comes back

function answer(state: Device, given: Answer): Step {
  const { flight } = state;
  // A late answer to a request already given up; its receipts will be sent again (2).
  if (flight?.request !== given.request) return [state, []];
  const { body, now } = given;
  const outcomes = new Map(body.receipts.map((receipt) => [receipt.id, receipt.outcome]));
  if (flight.ids.some((id) => !outcomes.has(id))) return backOff(state, "server", now, 0, 0);
  // A probe that was answered says nothing about pushes: a server that takes none is not asked faster and faster (8).
  const failures = flight.ids.length > 0 || pending(state).length === 0 ? 0 : state.failures;
  let after: Device = { ...state, flight: null, failures, retry_at: null, trouble: null, trouble_since: null, batch: grown(state) };
  let actions: readonly Action[];
  [after, actions] = acknowledge(after, outcomes);
  if (state.cookie === flight.cookie) { // invariant 13: else another tab has moved the cursor; ask again
    const [applied, applying] = apply(after, flight, body, now);
    after = applied;
    actions = [...actions, ...applying];
    if (body.complete && after.entries.length === 0) return [after, actions];
  }
  const [sent, sending] = send(after, now);
  return [sent, [...actions, ...sending]];
}

function acknowledge(state: Device, outcomes: ReadonlyMap<Id, string>): Step {
  const acked = state.entries
    .filter((entry) => entry.state !== "acked" && outcomes.has(entry.id))
    .map((entry): Entry => ({ ...entry, state: "acked", outcome: outcomes.get(entry.id) ?? null }));
  return [replaced(state, byId(acked)), acked.map(put)];
}

/** Rows, evictions, cookie, end of overlay are one transaction (14); the overlay ends when all rows are in (11). */
function apply(state: Device, flight: Flight, body: AnswerBody, now: Instant): Step {
  if (!body.complete) return [{ ...state, cookie: body.cookie }, [{ type: "apply", prune: [] }]];
  const included = new Set([...flight.ids, ...flight.acked]);
  const covered = idsOf(state.entries.filter((entry) => entry.state === "acked" && included.has(entry.id)));
  const gone = new Set(covered);
  const entries = state.entries.filter((entry) => !gone.has(entry.id));
  return [{ ...state, entries, cookie: body.cookie, synced_at: now }, [{ type: "apply", prune: covered }]];
}

function grown(state: Device): number {
  return Math.min(state.batch * 2, BATCH, MAX_MUTATIONS);
}

// --- what fails

function failure(state: Device, given: Failure): Step {
  const { flight } = state;
  if (flight?.request !== given.request) return [state, []];
  const landed: Device = { ...state, flight: null };
  if (given.kind !== "refused") return backOff(landed, given.kind, given.now, given.retry_after_ms, given.jitter);
  const pause = PAUSE_OF.get(given.error);
  if (pause !== undefined) return [inTrouble(landed, pause, given.now), []];
  // Another sender has renumbered meanwhile.
  if (["fork", "gap"].includes(given.error) && flight.client !== state.client) return send(landed, given.now);
  if (given.error === "fork" || (given.error === "gap" && !holds(state, given.next_n))) return renumber(landed, given);
  if (given.error === "gap") return offerAgain(landed, given);
  if ([400, 413, 415].includes(given.status) && flight.ids.length > 0) return narrow(landed, flight, given);
  return backOff(landed, "server", given.now, given.retry_after_ms, given.jitter);
}

function backOff(state: Device, trouble: Trouble, now: Instant, retry_after_ms: number, jitter: number): Step {
  const failures = state.failures + 1;
  const at = now + retryDelayMs(failures, retry_after_ms, jitter);
  return [{ ...inTrouble(state, trouble, now), flight: null, failures, retry_at: at }, [{ type: "wait", at }]];
}

/**
 * Longer each time, up to `cap_ms`, spread so that a thousand phones do not come back together. What the server asked for is the
 * least, within reason.
 */
export function retryDelayMs(failures: number, retry_after_ms: number, jitter: number, cap_ms = RETRY_CAP_MS): number {
  const ceiling = Math.min(cap_ms, RETRY_BASE_MS * 2 ** Math.min(failures - 1, 16));
  return Math.max(Math.min(retry_after_ms, WAIT_CAP_MS), Math.floor((ceiling * (500 + Math.floor(jitter / 2))) / 1_000));
}

function inTrouble(state: Device, trouble: Trouble, now: Instant): Device {
  return { ...state, trouble, trouble_since: state.trouble === trouble ? state.trouble_since : now };
}

function holds(state: Device, n: number): boolean {
  return state.entries.some((entry) => entry.n === n);
}

/** The server knows less than it acknowledged (it was restored): offer again from the number it asks for. */
function offerAgain(state: Device, given: Failure): Step {
  const again = state.entries
    .filter((entry) => entry.state === "acked" && entry.n >= given.next_n)
    .map((entry): Entry => ({ ...entry, state: "tried", outcome: null }));
  // It was offered already: no use in asking at once what was just answered.
  if (again.length === 0) return backOff(state, "server", given.now, given.retry_after_ms, given.jitter);
  const [after, sending] = send(replaced(state, byId(again)), given.now);
  return [after, [...again.map(put), ...sending]];
}

/** Two phones share this client id: take a new one and number from 1; ids stay, so nothing is doubled (17). */
function renumber(state: Device, given: Failure): Step {
  let n = 0;
  const entries = state.entries.map((entry): Entry => ({ ...entry, n: entry.state === "acked" ? 0 : ++n }));
  const [after, sending] = send({ ...state, client: given.fresh_id, entries, next_n: n + 1 }, given.now);
  return [after, [...entries.map(put), ...sending]];
}

/** The server cannot read the batch: halve it until the one entry is found, and let the rest flow (19). */
function narrow(state: Device, flight: Flight, given: Failure): Step {
  if (flight.ids.length > 1) return send({ ...state, batch: Math.floor(flight.ids.length / 2) }, given.now);
  const entry = state.entries.find((other) => other.id === flight.ids[0]);
  if (entry?.state !== "tried") return send(state, given.now); // another sender was told so before, or had better luck
  // The server reads nothing at all: not a fault of what a person wrote.
  if (entry.name === "noop") return backOff(state, "server", given.now, given.retry_after_ms, given.jitter);
  const noop = noopFor(entry, given.fresh_id, entry.made_at);
  const [after, sending] = send(replaced(state, new Map([[entry.id, noop]])), given.now);
  return [after, [{ type: "quarantine", entry, error: given.error }, { type: "remove", id: entry.id }, ...sending]];
}

// --- the rest

/** A new process may be a newer app or have a session: what paused the old one is tried once more (8). */
function restart(state: Device): Step {
  const after: Device = { ...state, flight: null, retry_at: null, failures: 0, batch: BATCH };
  return [PAUSES.has(state.trouble) ? { ...after, trouble: null, trouble_since: null } : after, []];
}

/** An entry that does nothing but keep the number, so that the order has no hole (16). */
export function noopFor(entry: Entry, id: Id, made_at: Instant): Entry {
  return { id, n: entry.n, name: "noop", args: {}, base: null, schema: SCHEMA_VERSION, made_at, state: "waiting", tries: 0, outcome: null };
}

export function put(entry: Entry): Action {
  return { type: "put", entry };
}

/** The state with these entries in place of those with the ids named; one pass, whatever their count. */
export function replaced(state: Device, entries: ReadonlyMap<Id, Entry>): Device {
  return { ...state, entries: state.entries.map((entry) => entries.get(entry.id) ?? entry) };
}

function byId(entries: readonly Entry[]): ReadonlyMap<Id, Entry> {
  return new Map(entries.map((entry) => [entry.id, entry]));
}

function idsOf(entries: readonly Entry[]): Id[] {
  return entries.map((entry) => entry.id);
}
