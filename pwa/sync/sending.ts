/**
 * The half of the reducer that sends: what to send when, and what an answer or a failure means. The twin of the same inputs of
 * `sync/device.py`, held to it by golden steps; written as changes to a copy, because every phone downloads it twice.
 */
import type { Action, Answer, Device, Entry, Event, Failure, Flight, Step, SyncRequest, Trouble } from "./device.ts";
import { MAX_MUTATIONS, PROTOCOL_VERSION, SCHEMA_VERSION } from "./rules.ts";
import type { Id, Instant } from "./types.ts";

/** Mutations a healthy device sends at once. */
export const BATCH = 100;
export const RETRY_BASE_MS = 1_000;
export const RETRY_CAP_MS = 60_000;
/** Longest wait. A `retry_at` further off was set before the clock of this device was put back (8). */
export const WAIT_CAP_MS = 15 * 60_000;
/** Rows a healthy device asks for at once. */
export const ROW_LIMIT = 2_000;

const PAUSE_OF: ReadonlyMap<string, Trouble> = new Map([
  ["sign_in_required", "sign_in"],
  ["actor_mismatch", "other_user"],
  ["client_revoked", "revoked"],
  ["upgrade_required", "upgrade"],
]);
/** Only a person ends these. */
export const PAUSES: ReadonlySet<string | null> = new Set(PAUSE_OF.values());
/** After these a request without mutations goes first. Not after `storage`: a full phone must still get rid of its work. */
const PROBES: ReadonlySet<Trouble | null> = new Set(["unreachable", "not_ours", "server"]);

/** What every sender has of its own. */
export interface Sender {
  flight: object | null;
  failures: number;
  retry_at: Instant | null;
  trouble: string | null;
}

type Changed<T> = { -readonly [K in keyof T]: T[K] };
type Wait = { readonly type: "wait"; readonly at: Instant };

/** One step. The state passed in is not changed. */
export function sendingStep(before: Device, given: Event): Step {
  const state: Changed<Device> = { ...before };
  const actions: Action[] = [];
  const { flight } = before;

  const keep = (entries: readonly Entry[]): void => {
    state.entries = replaced(state, entries).entries;
    actions.push(...entries.map(put));
  };

  /**
   * Mark the head of the outbox as tried (immutable from here on), then send it and ask for what is new. While nobody was reached,
   * only ask: what a person wrote without network stays theirs to amend and discard.
   */
  const send = (now: Instant): void => {
    const { client, user, cookie } = state;
    const head = PROBES.has(state.trouble) ? [] : pending(state).slice(0, state.batch);
    keep(head.map((entry) => ({ ...entry, state: "tried", tries: entry.tries + 1 })));
    const request = ++state.requests;
    const waiting = pending(state);
    state.retry_at = null;
    state.flight = { request, client, ids: idsOf(head), acked: idsOf(state.entries.filter(isAcked)), cookie };
    const body: SyncRequest = {
      protocol: PROTOCOL_VERSION,
      schema: SCHEMA_VERSION,
      client,
      user,
      sent_at: now,
      cookie,
      mutations: head.map(({ id, n, name, args, base, schema, made_at }) => ({ id, client, n, name, args, base, schema, made_at })),
      device: { pending: waiting.length, oldest_unsent_at: waiting[0]?.made_at ?? null },
      limit: (ROW_LIMIT / BATCH) * state.batch,
    };
    actions.push({ type: "send", request, body });
  };

  const trouble = (next: Trouble, now: Instant): void => {
    if (state.trouble !== next) state.trouble_since = now;
    state.trouble = next;
  };
  const wait = (next: Trouble, said: Pick<Failure, "now" | "retry_after_ms" | "jitter">): void => {
    trouble(next, said.now);
    actions.push(backOff(state, said));
  };

  const answer = ({ body, now }: Answer, { ids, acked, cookie }: Flight): void => {
    const outcomes = new Map(body.receipts.map((receipt) => [receipt.id, receipt.outcome]));
    if (!ids.every((id) => outcomes.has(id))) return wait("server", { now, retry_after_ms: 0, jitter: 0 });
    // A probe that was answered says nothing about pushes: a server that takes none is not asked faster and faster, and a line too slow
    // for many not with many (8).
    if (ids.length || !pending(state).length) {
      state.failures = 0;
      state.batch = Math.min(state.batch * 2, BATCH, MAX_MUTATIONS);
    }
    state.retry_at = state.trouble = state.trouble_since = null;
    keep(
      state.entries
        .filter((entry) => !isAcked(entry) && outcomes.has(entry.id))
        .map((entry) => ({ ...entry, state: "acked", outcome: outcomes.get(entry.id)! })),
    );
    if (state.cookie === cookie) { // invariant 13: else another tab has moved the cursor; ask again
      // Rows, evictions, cookie, end of overlay are one transaction (14); the overlay ends when all rows are in (11).
      const prune = body.complete ? idsOf(state.entries.filter((entry) => isAcked(entry) && (ids.includes(entry.id) || acked.includes(entry.id)))) : [];
      actions.push({ type: "apply", prune });
      state.cookie = body.cookie;
      if (body.complete) {
        state.entries = state.entries.filter(({ id }) => !prune.includes(id));
        state.synced_at = now;
        if (!state.entries.length) return;
      }
    }
    send(now);
  };

  const failure = (said: Failure, { ids, client }: Flight): void => {
    const { kind, status, error, now, next_n, fresh_id } = said;
    if (kind === "stalled" || status === 408) state.batch = state.batch >> 1 || 1; // too much for this line
    if (kind !== "refused") return wait(kind === "stalled" ? "unreachable" : kind, said);
    const pause = PAUSE_OF.get(error);
    if (pause) return trouble(pause, now);
    if (error === "fork" || error === "gap") {
      if (client === state.client) {
        if (error === "fork" || !state.entries.some((entry) => entry.n === next_n)) {
          // Two phones share this client id: take a new one and number from 1; ids stay, so nothing is doubled (17).
          state.client = fresh_id;
          state.next_n = 1;
          keep(state.entries.map((entry) => ({ ...entry, n: isAcked(entry) ? 0 : state.next_n++ })));
        } else {
          // The server knows less than it acknowledged (it was restored): offer again from the number it asks for.
          const again = state.entries.filter((entry) => isAcked(entry) && entry.n >= next_n);
          // It was offered already: no use in asking at once what was just answered.
          if (!again.length) return wait("server", said);
          keep(again.map((entry) => ({ ...entry, state: "tried", outcome: null })));
        }
      } // else another sender has renumbered meanwhile
      return send(now);
    }
    if (![400, 413, 415].includes(status) || !ids.length) return wait("server", said);
    // The server cannot read the batch: halve it until the one entry is found, and let the rest flow (19).
    const entry = state.entries.find(({ id }) => id === ids[0]);
    if (ids.length > 1) state.batch = ids.length >> 1;
    else if (entry?.state === "tried") { // else another sender was told so before, or had better luck
      // The server reads nothing at all: not a fault of what a person wrote.
      if (entry.name === "noop") return wait("server", said);
      const noop = noopFor(entry, fresh_id, entry.made_at);
      state.entries = state.entries.map((one) => (one === entry ? noop : one));
      actions.push({ type: "quarantine", entry, error }, { type: "remove", id: entry.id });
    }
    send(now);
  };

  if (given.type === "wake") {
    const waits = waitOf(state, given);
    if (waits) actions.push(...waits);
    else send(given.now);
  } else if (given.type === "restart") {
    // A new process may be a newer app or have a session: what paused the old one is tried once more (8).
    state.flight = state.retry_at = null;
    state.failures = 0;
    state.batch = BATCH;
    if (PAUSES.has(state.trouble)) state.trouble = state.trouble_since = null;
  } else if (flight?.request === given.request) { // else a late word on a request already given up; its receipts will be sent again (2)
    state.flight = null;
    if (given.type === "answer") answer(given, flight);
    else failure(given, flight);
  }
  return [state, actions];
}

/** What keeps a sender from sending now: nothing more to do, or a wait; null: nothing does. */
export function waitOf({ flight, trouble, retry_at }: Sender, { now, is_forced }: { readonly now: Instant; readonly is_forced: boolean }): Wait[] | null {
  if (flight) return [];
  if (is_forced) return null;
  if (PAUSES.has(trouble)) return [];
  return isTooEarly(retry_at, now) ? [{ type: "wait", at: retry_at }] : null;
}

/** Whether to wait on; no instant is so far off but one set before the clock of this device was put back. */
export function isTooEarly(retry_at: Instant | null, now: Instant): retry_at is Instant {
  return retry_at !== null && now < retry_at && retry_at <= now + WAIT_CAP_MS;
}

/** One more failure in a row: when to try again. */
export function backOff(state: Sender, { now, retry_after_ms, jitter }: Pick<Failure, "now" | "retry_after_ms" | "jitter">): Wait {
  return { type: "wait", at: (state.retry_at = now + retryDelayMs(++state.failures, retry_after_ms, jitter)) };
}

/**
 * Longer each time, up to `cap_ms`, spread so that a thousand phones do not come back together. What the server asked for is the
 * least, within reason.
 */
export function retryDelayMs(failures: number, retry_after_ms: number, jitter: number, cap_ms = RETRY_CAP_MS): number {
  const ceiling = Math.min(cap_ms, RETRY_BASE_MS * 2 ** Math.min(failures - 1, 16));
  return Math.max(Math.min(retry_after_ms, WAIT_CAP_MS), Math.floor((ceiling * (500 + (jitter >> 1))) / 1_000));
}

/** What an error of the server pauses until a person has done something. */
export function pauseOf(error: string): Trouble | undefined {
  return PAUSE_OF.get(error);
}

/** Entries without a receipt, by number: what "n waiting" counts, noops included. */
export function pending(state: Pick<Device, "entries">): readonly Entry[] {
  return state.entries.filter((entry) => !isAcked(entry));
}

function isAcked(entry: Entry): boolean {
  return entry.state === "acked";
}

/** An entry that does nothing but keep the number, so that the order has no hole (16). */
export function noopFor(entry: Entry, id: Id, made_at: Instant): Entry {
  return { ...entry, id, name: "noop", args: {}, base: null, schema: SCHEMA_VERSION, made_at, state: "waiting", tries: 0, outcome: null };
}

export function put(entry: Entry): Action {
  return { type: "put", entry };
}

/** The state with these entries in place of those with their ids; one pass, whatever their count. */
export function replaced(state: Device, entries: readonly Entry[]): Device {
  const by_id = new Map(entries.map((entry) => [entry.id, entry]));
  return { ...state, entries: state.entries.map((entry) => by_id.get(entry.id) ?? entry) };
}

function idsOf(entries: readonly Entry[]): Id[] {
  return entries.map((entry) => entry.id);
}
