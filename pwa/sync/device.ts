/**
 * The device's half of the engine: the twin of `sync/device.py`, line by line, held to it by golden steps.
 *
 * Pure: state, inputs and actions are JSON values. `pwa/sync/runner.ts` owns storage and network.
 */
import { MAX_MUTATIONS, PROTOCOL_VERSION, SCHEMA_VERSION } from "./rules.ts";
import type { Id, Instant } from "./types.ts";

/** Mutations a healthy device sends at once. */
export const BATCH = 100;
export const RETRY_BASE_MS = 1_000;
export const RETRY_CAP_MS = 60_000;
/** Longest wait. A `retry_at` further off was set before the clock of this device was put back (8). */
export const WAIT_CAP_MS = 15 * 60_000;
export const ROW_LIMIT = 2_000;

/** `waiting`: never sent; `tried`: may be known to the server; `acked`: receipt seen. */
export type EntryState = "waiting" | "tried" | "acked";
export type Trouble = "unreachable" | "not_ours" | "storage" | "server" | "sign_in" | "other_user" | "revoked" | "upgrade";
export type Args = Readonly<Record<string, unknown>>;

/** One mutation in the outbox. */
export interface Entry {
  readonly id: Id;
  readonly n: number;
  readonly name: string;
  readonly args: Args;
  readonly base: number | null;
  readonly schema: number;
  readonly made_at: Instant;
  readonly state: EntryState;
  readonly tries: number;
  readonly outcome: string | null;
}

/**
 * The request under way: its number, the entries it carries, the client and cookie it speaks for.
 *
 * `acked` were acknowledged before it left, so that its rows include them; what another sender had acknowledged since need not
 * be in them.
 */
export interface Flight {
  readonly request: number;
  readonly client: Id;
  readonly ids: readonly Id[];
  readonly acked: readonly Id[];
  readonly cookie: string | null;
}

/** The whole state. `requests`, `flight`, `batch`, `failures`, `retry_at` are the sender's own and may be lost. */
export interface Device {
  readonly client: Id;
  readonly user: Id;
  readonly next_n: number;
  readonly cookie: string | null;
  readonly entries: readonly Entry[];
  readonly requests: number;
  readonly flight: Flight | null;
  readonly batch: number;
  readonly failures: number;
  readonly retry_at: Instant | null;
  readonly trouble: Trouble | null;
  readonly trouble_since: Instant | null;
  readonly synced_at: Instant | null;
}

export interface Receipt {
  readonly id: Id;
  readonly outcome: string;
}

/** What the reducer reads of an answer's body. */
export interface AnswerBody {
  readonly receipts: readonly Receipt[];
  readonly cookie: string;
  readonly complete: boolean;
}

export interface Mutate { readonly type: "mutate"; readonly id: Id; readonly name: string; readonly args: Args; readonly base: number | null; readonly made_at: Instant }
export interface Amend { readonly type: "amend"; readonly id: Id; readonly args: Args; readonly made_at: Instant }
export interface Discard { readonly type: "discard"; readonly id: Id; readonly noop_id: Id; readonly made_at: Instant }
export interface Wake { readonly type: "wake"; readonly now: Instant; readonly is_forced: boolean }
export interface Answer { readonly type: "answer"; readonly request: number; readonly now: Instant; readonly body: AnswerBody }
export interface Failure {
  readonly type: "failure";
  readonly request: number;
  readonly now: Instant;
  readonly kind: "unreachable" | "not_ours" | "refused" | "storage";
  readonly status: number;
  readonly error: string;
  readonly retry_after_ms: number;
  readonly next_n: number;
  /** 0 to 999, random. */
  readonly jitter: number;
  readonly fresh_id: Id;
}
export interface SignedIn { readonly type: "signed_in"; readonly now: Instant }
export interface Restart { readonly type: "restart" }
export type Input = Mutate | Amend | Discard | Wake | Answer | Failure | SignedIn | Restart;

export interface SyncRequest {
  readonly protocol: number;
  readonly schema: number;
  readonly client: Id;
  readonly user: Id;
  readonly sent_at: Instant;
  readonly cookie: string | null;
  readonly mutations: readonly object[];
  readonly device: { readonly pending: number; readonly oldest_unsent_at: Instant | null };
  readonly limit: number;
}

export type Action =
  | { readonly type: "put"; readonly entry: Entry }
  | { readonly type: "remove"; readonly id: Id }
  | { readonly type: "quarantine"; readonly entry: Entry; readonly error: string }
  | { readonly type: "apply"; readonly prune: readonly Id[] }
  | { readonly type: "send"; readonly request: number; readonly body: SyncRequest }
  | { readonly type: "wait"; readonly at: Instant }
  | { readonly type: "denied"; readonly id: Id; readonly reason: "unknown" | "tried" };

export type Step = readonly [Device, readonly Action[]];

const PAUSE_OF: ReadonlyMap<string, Trouble> = new Map([
  ["sign_in_required", "sign_in"],
  ["actor_mismatch", "other_user"],
  ["client_revoked", "revoked"],
  ["upgrade_required", "upgrade"],
]);
const PAUSES: ReadonlySet<Trouble | null> = new Set(PAUSE_OF.values());

/** The state of a client that has never spoken to the server. */
export function freshDevice(client: Id, user: Id): Device {
  return {
    client,
    user,
    next_n: 1,
    cookie: null,
    entries: [],
    requests: 0,
    flight: null,
    batch: BATCH,
    failures: 0,
    retry_at: null,
    trouble: null,
    trouble_since: null,
    synced_at: null,
  };
}

/** One step. The state passed in is not changed. */
export function step(state: Device, given: Input): Step {
  switch (given.type) {
    case "mutate": return mutate(state, given);
    case "amend": return amend(state, given);
    case "discard": return discard(state, given);
    case "wake": return wake(state, given);
    case "answer": return answer(state, given);
    case "failure": return failure(state, given);
    case "signed_in": return signedIn(state);
    case "restart": return restart(state);
  }
}

/** Entries without a receipt, by number: what "n waiting" counts, noops included. */
export function pending(state: Pick<Device, "entries">): readonly Entry[] {
  return state.entries.filter((entry) => entry.state !== "acked");
}

/**
 * Whether the strip may say "All on server": everything acknowledged and covered by rows, and nothing in the way.
 * `quarantined` counts the entries kept under "needs you" on this device: the server never had those.
 */
export function isAllOnServer(state: Pick<Device, "entries" | "trouble" | "synced_at">, quarantined: number): boolean {
  return state.entries.length === 0 && quarantined === 0 && state.trouble === null && state.synced_at !== null;
}

// --- what a person does

function mutate(state: Device, given: Mutate): Step {
  const entry: Entry = {
    id: given.id,
    n: state.next_n,
    name: given.name,
    args: given.args,
    base: given.base,
    schema: SCHEMA_VERSION,
    made_at: given.made_at,
    state: "waiting",
    tries: 0,
    outcome: null,
  };
  const after = { ...state, entries: [...state.entries, entry], next_n: state.next_n + 1 };
  return [after, [{ type: "put", entry }]];
}

function amend(state: Device, given: Amend): Step {
  const entry = personsOwn(state, given.id);
  if (entry?.state !== "waiting") return [state, [denied(entry, given.id)]];
  const amended: Entry = { ...entry, args: given.args, made_at: given.made_at };
  return [replaced(state, new Map([[entry.id, amended]])), [{ type: "put", entry: amended }]];
}

function discard(state: Device, given: Discard): Step {
  const entry = personsOwn(state, given.id);
  if (entry?.state !== "waiting") return [state, [denied(entry, given.id)]];
  const noop = noopFor(entry, given.noop_id, given.made_at);
  const after = replaced(state, new Map([[entry.id, noop]]));
  return [after, [{ type: "remove", id: entry.id }, put(noop)]];
}

/** The entry, unless it only keeps a number: nobody wrote a noop, so nobody can change it. */
function personsOwn(state: Device, id: Id): Entry | undefined {
  const entry = find(state, id);
  return entry?.name === "noop" ? undefined : entry;
}

function denied(entry: Entry | undefined, id: Id): Action {
  return { type: "denied", id, reason: entry === undefined ? "unknown" : "tried" };
}

// --- sending

function wake(state: Device, given: Wake): Step {
  if (state.flight !== null) return [state, []];
  if (!given.is_forced) {
    if (PAUSES.has(state.trouble)) return [state, []];
    if (isTooEarly(state.retry_at, given.now)) return [state, [{ type: "wait", at: state.retry_at }]];
  }
  return send(state, given.now);
}

function isTooEarly(retry_at: Instant | null, now: Instant): retry_at is Instant {
  return retry_at !== null && now < retry_at && retry_at <= now + WAIT_CAP_MS;
}

/** Mark the head of the outbox as tried (immutable from here on), then send it and ask for what is new. */
function send(state: Device, now: Instant): Step {
  const head = pending(state).slice(0, state.batch).map(tried);
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
  let after: Device = { ...state, flight: null, failures: 0, retry_at: null, trouble: null, trouble_since: null, batch: grown(state) };
  let actions: readonly Action[];
  [after, actions] = acknowledge(after, outcomes);
  if (state.cookie === flight.cookie) { // invariant 13: else another tab has moved the cursor; ask again
    const [applied, applying] = apply(after, flight, body, now);
    after = applied;
    actions = [...actions, ...applying];
    if (body.complete && pending(after).length === 0) return [after, actions];
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

/** Wait longer each time, up to a minute, spread so that a thousand phones do not come back together. */
function backOff(state: Device, trouble: Trouble, now: Instant, retry_after_ms: number, jitter: number): Step {
  const failures = state.failures + 1;
  const ceiling = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.min(failures - 1, 16));
  const delay = Math.max(Math.min(retry_after_ms, WAIT_CAP_MS), Math.floor((ceiling * (500 + Math.floor(jitter / 2))) / 1_000));
  const at = now + delay;
  return [{ ...inTrouble(state, trouble, now), flight: null, failures, retry_at: at }, [{ type: "wait", at }]];
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
  const noop = noopFor(entry, given.fresh_id, entry.made_at);
  const [after, sending] = send(replaced(state, new Map([[entry.id, noop]])), given.now);
  return [after, [{ type: "quarantine", entry, error: given.error }, { type: "remove", id: entry.id }, ...sending]];
}

// --- the rest

function signedIn(state: Device): Step {
  if (state.trouble !== "sign_in" && state.trouble !== "other_user") return [state, []];
  return [{ ...state, trouble: null, trouble_since: null, retry_at: null }, []];
}

/** A new process may be a newer app or have a session: what paused the old one is tried once more (8). */
function restart(state: Device): Step {
  const after: Device = { ...state, flight: null, retry_at: null, failures: 0, batch: BATCH };
  return [PAUSES.has(state.trouble) ? { ...after, trouble: null, trouble_since: null } : after, []];
}

/** An entry that does nothing but keep the number, so that the order has no hole (16). */
function noopFor(entry: Entry, id: Id, made_at: Instant): Entry {
  return { id, n: entry.n, name: "noop", args: {}, base: null, schema: SCHEMA_VERSION, made_at, state: "waiting", tries: 0, outcome: null };
}

function put(entry: Entry): Action {
  return { type: "put", entry };
}

function find(state: Device, id: Id): Entry | undefined {
  return state.entries.find((entry) => entry.id === id);
}

/** The state with these entries in place of those with the ids named; one pass, whatever their count. */
function replaced(state: Device, entries: ReadonlyMap<Id, Entry>): Device {
  return { ...state, entries: state.entries.map((entry) => entries.get(entry.id) ?? entry) };
}

function byId(entries: readonly Entry[]): ReadonlyMap<Id, Entry> {
  return new Map(entries.map((entry) => [entry.id, entry]));
}

function idsOf(entries: readonly Entry[]): Id[] {
  return entries.map((entry) => entry.id);
}
