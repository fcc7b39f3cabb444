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

export class Runner {
  readonly #on: Environment;
  #own: Own = NOTHING_OWN;
  #is_new = true;
  #last: Promise<unknown> = Promise.resolve();

  constructor(environment: Environment) {
    this.#on = environment;
  }

  /** One step, after those before it. Resolves when its effects are durable; rejects with `StorageError` when none is. */
  step(given: Event): Promise<readonly Action[]> {
    return this.#inTurn(async () => {
      const { cookie } = await readReach(this.#on.cache);
      return this.#adopt(given, cookie, null);
    });
  }

  /**
   * Sends and asks until nothing is left to do or a wait is due. Resolves to when to try again, null: when something new happens.
   * To be called by the elected sender (see `drain`).
   */
  async run(is_forced: boolean): Promise<Instant | null> {
    if (this.#is_new || this.#own.flight !== null) await this.step({ type: "restart" });
    this.#is_new = false;
    let actions = await this.step({ type: "wake", now: this.#on.now(), is_forced });
    for (let sent = findSent(actions); sent !== undefined; sent = findSent(actions)) {
      actions = await this.#land(sent.request, await this.#on.post(sent.body));
    }
    return actions.find((action) => action.type === "wait")?.at ?? null;
  }

  #land(request: number, landed: Landed): Promise<readonly Action[]> {
    return this.#inTurn(async () => {
      try {
        return landed.kind === "answer"
          ? await this.#answered({ type: "answer", request, now: this.#on.now(), body: landed.body as Rows })
          : await this.#adopt(this.#failure(request, landed), (await readReach(this.#on.cache)).cookie, null);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        return this.#unstored(request, error);
      }
    });
  }

  /**
   * Rows and cookie are written first and name the entries they cover; then those entries leave the outbox. Killed between the two,
   * the device shows the rows and ignores the covered entries, until a later answer removes them (11, 14).
   */
  async #answered(given: Answer): Promise<readonly Action[]> {
    const [{ durable, entries }, { cookie }] = await Promise.all([readOutbox(this.#on.work), readReach(this.#on.cache)]);
    const [, actions] = sendingStep({ ...durable, ...this.#own, entries, cookie }, given);
    const applying = actions.find((action) => action.type === "apply");
    if (applying === undefined) return this.#adopt(given, cookie, null);
    const asked = { cookie, now: given.now, prune: applying.prune, held: new Set(entries.map((entry) => entry.id)) };
    const rows = await applyRows(this.#on.cache, asked, given.body as Rows);
    // Null: another sender has moved the cookie since; the reducer then takes the receipts and asks again (13).
    return this.#adopt(given, rows === null ? (await readReach(this.#on.cache)).cookie : cookie, rows);
  }

  /** The answer came and could not be kept: nothing of it holds, and it is asked for again after a while (23). */
  async #unstored(request: number, error: StorageError): Promise<readonly Action[]> {
    this.#on.failed(error);
    return this.#adopt(this.#failure(request, { kind: "storage" }), null, null);
  }

  async #adopt(given: Event, cookie: string | null, rows: RowChanges | null): Promise<readonly Action[]> {
    const { own, durable, actions } = await stepInStore(this.#on.work, this.#own, cookie, given);
    this.#own = own;
    this.#on.changed(own, durable, rows, actions);
    return actions;
  }

  #failure(request: number, landed: Exclude<Landed, { kind: "answer" }> | { kind: "storage" }): Failure {
    const said = { status: 0, error: "", retry_after_ms: 0, next_n: 0, ...landed };
    return { type: "failure", request, now: this.#on.now(), jitter: newJitter(), fresh_id: newId(), ...said };
  }

  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

function findSent(actions: readonly Action[]): Sent | undefined {
  return actions.find((action) => action.type === "send");
}

/** Runs `work` as the only sender of this user on this phone, as soon as the present one has finished. */
export async function asSender<R>(user: Id, work: () => Promise<R>): Promise<R> {
  if (typeof navigator === "undefined" || navigator.locks === undefined) return work(); // two senders are harmless
  return await navigator.locks.request(senderLock(user), work);
}

/** Runs `work` as the only sender; undefined at once when somebody else is sending. */
export async function asSenderIfFree<R>(user: Id, work: () => Promise<R>): Promise<R | undefined> {
  if (typeof navigator === "undefined" || navigator.locks === undefined) return work();
  return await navigator.locks.request(senderLock(user), { ifAvailable: true }, async (lock) => (lock === null ? undefined : work()));
}

function senderLock(user: Id): string {
  return `holdfast-send-${user}`;
}
