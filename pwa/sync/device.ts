/**
 * The device's half of the engine: the twin of `sync/device.py`, held to it by golden steps.
 *
 * Pure: state, inputs and actions are JSON values; `pwa/sync/runner.ts` owns storage and network. What a person does stands here, what
 * a sender does in `sending.ts`, because the service worker carries only that.
 */
import { SCHEMA_VERSION } from "./rules.ts";
import { BATCH, noopFor, pending, put, replaced, sendingStep } from "./sending.ts";
import type { Id, Instant } from "./types.ts";

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
  readonly kind: "unreachable" | "stalled" | "not_ours" | "refused" | "storage";
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
/** What a person does. */
export type Act = Mutate | Amend | Discard | SignedIn;
/** What happens to a sender. */
export type Event = Wake | Answer | Failure | Restart;
export type Input = Act | Event;

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
    case "signed_in": return signedIn(state);
    default: return sendingStep(state, given);
  }
}

/**
 * Whether the strip may say "All on server": everything acknowledged and covered by rows, and nothing in the way.
 * `quarantined` counts the entries kept under "needs you" on this device: the server never had those.
 */
export function isAllOnServer(state: Pick<Device, "entries" | "trouble" | "synced_at">, quarantined: number): boolean {
  return state.entries.length === 0 && quarantined === 0 && state.trouble === null && state.synced_at !== null;
}

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
  return [replaced(state, [amended]), [{ type: "put", entry: amended }]];
}

function discard(state: Device, given: Discard): Step {
  const entry = personsOwn(state, given.id);
  if (entry?.state !== "waiting") return [state, [denied(entry, given.id)]];
  const noop = noopFor(entry, given.noop_id, given.made_at);
  const entries = state.entries.map((one) => (one === entry ? noop : one));
  return [{ ...state, entries }, [{ type: "remove", id: entry.id }, put(noop)]];
}

/** The entry, unless it only keeps a number: nobody wrote a noop, so nobody can change it. */
function personsOwn(state: Device, id: Id): Entry | undefined {
  const entry = find(state, id);
  return entry?.name === "noop" ? undefined : entry;
}

function denied(entry: Entry | undefined, id: Id): Action {
  return { type: "denied", id, reason: entry === undefined ? "unknown" : "tried" };
}

function signedIn(state: Device): Step {
  if (state.trouble !== "sign_in" && state.trouble !== "other_user") return [state, []];
  return [{ ...state, trouble: null, trouble_since: null, retry_at: null }, []];
}

function find(state: Device, id: Id): Entry | undefined {
  return state.entries.find((entry) => entry.id === id);
}

export { pending };
