/**
 * Performs what the reducer decides: storage first, then network, one step after the other.
 *
 * Tabs and the worker each have a runner on the same outbox. Every step reads and writes the outbox in one strict transaction, so
 * that numbers cannot fork (16); Web Locks elect one sender, and two would be harmless (2).
 */
import { applyRows, readReach, type RowChanges, type Rows } from "../store/cache.ts";
import type { CacheDatabase, Durable, WorkDatabase } from "../store/databases.ts";
import { NOTHING_OWN, readOutbox, stepInStore, type Own } from "../store/work.ts";
import type { Action, Answer, Event, Failure, SyncRequest } from "./device.ts";
import { newId, newJitter } from "./ids.ts";
import type { Landed } from "./network.ts";
import { sendingStep } from "./sending.ts";
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
}

type Sent = Extract<Action, { type: "send" }>;

/**
 * A sender of its own. Its result sends and asks until nothing is left to do or a wait is due, and resolves to when to try again, null:
 * when something new happens. To be called by the elected one (see `asSender`); rejects with `StorageError` when a step was not stored.
 */
export function newRunner({ work, cache, post, now, changed, failed }: Environment): (is_forced: boolean) => Promise<Instant | null> {
  let own: Own = NOTHING_OWN;
  let is_new = true;
  let last: Promise<unknown> = Promise.resolve();

  const inTurn = <R>(take: () => Promise<R>): Promise<R> => {
    const turn = last.then(take);
    last = turn.catch(() => undefined);
    return turn;
  };

  const adopt = async (given: Event, cookie: string | null, rows: RowChanges | null): Promise<readonly Action[]> => {
    const stepped = await stepInStore(work, own, cookie, given);
    own = stepped.own;
    changed(own, stepped.durable, rows, stepped.actions);
    return stepped.actions;
  };
  const cookieNow = async (): Promise<string | null> => (await readReach(cache)).cookie;
  /** After those before it. */
  const step = (given: Event): Promise<readonly Action[]> => inTurn(async () => adopt(given, await cookieNow(), null));

  const failure = (request: number, landed: Exclude<Landed, { kind: "answer" }> | { kind: "storage" }): Failure => {
    const said = { status: 0, error: "", retry_after_ms: 0, next_n: 0, ...landed };
    return { type: "failure", request, now: now(), jitter: newJitter(), fresh_id: newId(), ...said };
  };

  /**
   * Rows and cookie are written first and name the entries they cover; then those entries leave the outbox. Killed between the two,
   * the device shows the rows and ignores the covered entries, until a later answer removes them (11, 14).
   */
  const answered = async (given: Answer): Promise<readonly Action[]> => {
    const [{ durable, entries }, cookie] = await Promise.all([readOutbox(work), cookieNow()]);
    const [, actions] = sendingStep({ ...durable, ...own, entries, cookie }, given);
    const applying = actions.find((action) => action.type === "apply");
    if (applying === undefined) return adopt(given, cookie, null);
    const asked = { cookie, now: given.now, prune: applying.prune, held: new Set(entries.map((entry) => entry.id)) };
    const rows = await applyRows(cache, asked, given.body as Rows);
    // Null: another sender has moved the cookie since; the reducer then takes the receipts and asks again (13).
    return adopt(given, rows === null ? await cookieNow() : cookie, rows);
  };

  const land = (request: number, landed: Landed): Promise<readonly Action[]> =>
    inTurn(async () => {
      try {
        return landed.kind === "answer"
          ? await answered({ type: "answer", request, now: now(), body: landed.body as Rows })
          : await adopt(failure(request, landed), await cookieNow(), null);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        // The answer came and could not be kept: nothing of it holds, and it is asked for again after a while (23).
        failed(error);
        return adopt(failure(request, { kind: "storage" }), null, null);
      }
    });

  return async (is_forced) => {
    if (is_new || own.flight !== null) await step({ type: "restart" });
    is_new = false;
    let actions = await step({ type: "wake", now: now(), is_forced });
    for (let sent = findSent(actions); sent !== undefined; sent = findSent(actions)) {
      actions = await land(sent.request, await post(sent.body));
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
