/**
 * Performs what the reducer decides: storage first, then network, one step after the other.
 *
 * Tabs and the worker each have a runner on the same outbox. Every step reads and writes the outbox in one strict transaction, so
 * that numbers cannot fork (16); Web Locks elect one sender, and two would be harmless (2).
 */
import type { RowChanges } from "../store/cache.ts";
import { readReach } from "../store/reach.ts";
import type { CacheDatabase, Durable, WorkDatabase } from "../store/databases.ts";
import { NOTHING_OWN, stepInStore, type Own } from "../store/work.ts";
import type { Action, Answer, AnswerBody, Event, SyncRequest } from "./device.ts";
import { newId, newJitter } from "./ids.ts";
import type { Landed } from "./network.ts";
import { StorageError, type Id, type Instant } from "./types.ts";

export interface Environment {
  readonly work: WorkDatabase;
  readonly cache: CacheDatabase;
  readonly post: (request: SyncRequest) => Promise<Landed>;
  readonly now: () => Instant;
  /** Called after each durable step, with the rows it changed. */
  readonly changed: (own: Own, durable: Durable, rows: RowChanges | null, actions: readonly Action[]) => void;
  /** The device's storage refused a step that nobody waits for. */
  readonly failed: (error: StorageError) => void;
  /** Takes rows and receipts of an answer; a sender without it takes receipts alone, and leaves the rows to the next page. */
  readonly take?: (given: Answer, own: Own, step: Stepping) => Promise<readonly Action[]>;
}

/** One step; with the cookie it is judged by, unless that is the cache's, and the rows that were taken for it. */
export type Stepping = (given: Event, cookie?: string | null, rows?: RowChanges | null) => Promise<readonly Action[]>;

type Sent = Extract<Action, { type: "send" }>;
type Failed = Exclude<Landed, { kind: "answer" }> | { readonly kind: "storage" };

/**
 * A sender of its own. Its result sends and asks until nothing is left to do or a wait is due, and resolves to when to try again, null:
 * when something new happens. To be called by the elected one (see `asSender`); rejects with `StorageError` when a step was not stored.
 */
export function newRunner({ work, cache, post, now, changed, failed, take }: Environment): (is_forced: boolean) => Promise<Instant | null> {
  let own: Own = NOTHING_OWN;
  let is_new = true;

  const step: Stepping = async (given, cookie, rows = null) => {
    const stepped = await stepInStore(work, own, cookie === undefined ? (await readReach(cache)).cookie : cookie, given);
    own = stepped.own;
    changed(own, stepped.durable, rows, stepped.actions);
    return stepped.actions;
  };
  const fail = (request: number, landed: Failed): Promise<readonly Action[]> =>
    step({ type: "failure", request, now: now(), jitter: newJitter(), fresh_id: newId(), status: 0, error: "", retry_after_ms: 0, next_n: 0, ...landed });

  const answered = (given: Answer): Promise<readonly Action[]> =>
    // Acknowledged entries stay until their rows are here; to a sender that takes none they never come.
    take ? take(given, own, step) : step({ ...given, body: { ...given.body, complete: false } });

  const land = async (request: number, landed: Landed): Promise<readonly Action[]> => {
    try {
      return landed.kind === "answer" ? await answered({ type: "answer", request, now: now(), body: landed.body as AnswerBody }) : await fail(request, landed);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      // The answer came and could not be kept: nothing of it holds, and it is asked for again after a while (23).
      failed(error);
      return fail(request, { kind: "storage" });
    }
  };

  return async (is_forced) => {
    if (is_new || own.flight) await step({ type: "restart" });
    is_new = false;
    let actions = await step({ type: "wake", now: now(), is_forced });
    let is_first = true; // it may be a probe, without mutations
    for (let sent = findSent(actions); sent && (take || is_first || sent.body.mutations.length > 0); sent = findSent(actions)) {
      actions = await land(sent.request, await post(sent.body));
      is_first = false;
    }
    return actions.find((action) => action.type === "wait")?.at ?? null;
  };
}

function findSent(actions: readonly Action[]): Sent | undefined {
  return actions.find((action) => action.type === "send");
}

/** What only one tab or worker does at a time: `send` for records, `photos` for their bytes; neither waits for the other (26). */
export type Duty = "send" | "photos";

/** Runs `work` as the only one with that duty for this user on this phone, as soon as the present one has finished. */
export async function asSender<R>(duty: Duty, user: Id, work: () => Promise<R>): Promise<R> {
  return navigator.locks ? await navigator.locks.request(lockOf(duty, user), work) : work(); // two are harmless
}

/** The same; undefined at once when somebody else is at it. */
export async function asSenderIfFree<R>(duty: Duty, user: Id, work: () => Promise<R>): Promise<R | undefined> {
  if (!navigator.locks) return work();
  return await navigator.locks.request(lockOf(duty, user), { ifAvailable: true }, async (lock) => (lock === null ? undefined : work()));
}

function lockOf(duty: Duty, user: Id): string {
  return `holdfast-${duty}-${user}`;
}
