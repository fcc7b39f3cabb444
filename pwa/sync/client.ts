/** The engine as the screens see it: opens the databases, keeps the read model, and never says "saved" before it is (23). */
import { readChildren, readReach, readRows, readSomeRows, type RowChanges } from "../store/cache.ts";
import { actInStore, deleteDraft, forgetQuarantined, prepareWork, readDraft, requeueInStore, writeDraft } from "../store/acts.ts";
import type { CacheDatabase, CachedRow, Durable, KnownUser, Reach, RowKey, WorkDatabase } from "../store/databases.ts";
import { openCache, openWork } from "../store/opening.ts";
import { readCurrentUser } from "../store/people.ts";
import { prepareShell, readDeviceLabel } from "../store/shell.ts";
import { readOutbox, type Outbox } from "../store/work.ts";
import { openBell, wordFor, type Sending, type Word } from "./bell.ts";
import type { Act, Action } from "./device.ts";
import { newId } from "./ids.ts";
import { Model, WHOLE } from "./model.ts";
import { postSync } from "./network.ts";
import { Pulse } from "./pulse.ts";
import { asSender, Runner } from "./runner.ts";
import { onPeopleChanged, signIn, signOut } from "./session.ts";
import { snapshotOf } from "./snapshot.ts";
import { runAfter, type Run } from "./strip.ts";
import { StorageError, type Holdfast, type Id, type Me, type Snapshot } from "./types.ts";
import { askForReplay, Updates } from "./worker_registration.ts";

/** Within this time a screen has saved what is being typed. */
const DRAFT_MS = 1_000;

/** How often a page that stays open looks for a new version of the app. */
const LOOK_MS = 30 * 60_000;

/** Opens the engine for whoever is signed in on this phone; null: nobody is, so show the sign-in page. */
export async function openHoldfast(): Promise<Holdfast | null> {
  await prepareShell();
  const user = await readCurrentUser();
  if (user === null) return null;
  const [work, cache, label] = await Promise.all([openWork(user.id), openCache(user.id), readDeviceLabel()]);
  await prepareWork(work, user.id);
  const [outbox, reach, tables] = await Promise.all([readOutbox(work), readReach(cache), readRows(cache, WHOLE)]);
  const client = new Client(user, label, work, cache, outbox);
  client.start(tables, reach);
  return client;
}

class Client implements Holdfast {
  readonly #user: KnownUser;
  readonly #label: string;
  readonly #work: WorkDatabase;
  readonly #cache: CacheDatabase;
  readonly #model: Model;
  readonly #runner: Runner;
  readonly #pulse: Pulse;
  readonly #bell: BroadcastChannel;
  readonly #updates: Updates;
  readonly #listeners = new Set<() => void>();
  #reach: Reach = { cookie: null, covered: [], downloads: {} };
  #sending: Sending = { ids: [], retry_at: null };
  #run: Run = { sent: 0, of: 0 };
  #is_storage_failed = false;
  #is_dirty = false;
  #is_leaving = false;
  #snapshot: Snapshot | null = null;
  #is_telling = false;
  readonly #wanted = new Set<Id>();
  #heard: Promise<void> = Promise.resolve();

  constructor(user: KnownUser, label: string, work: WorkDatabase, cache: CacheDatabase, outbox: Outbox) {
    this.#user = user;
    this.#label = label;
    this.#work = work;
    this.#cache = cache;
    this.#model = new Model(user.id, outbox);
    this.#runner = new Runner({
      work,
      cache,
      post: postSync,
      now: Date.now,
      changed: (own, durable, rows, actions) => this.#stepped(durable, rows, actions, wordFor(own, rows)),
      failed: () => this.#storageFailed(true),
    });
    this.#pulse = new Pulse({
      run: (is_forced) => this.#guarded(asSender(user.id, () => this.#runner.run(is_forced))),
      hasWork: () => this.#model.entries.length > 0,
      isOffline: () => this.#model.outbox.durable.trouble === "unreachable",
    });
    this.#bell = openBell(user.id);
    this.#bell.onmessage = ({ data }: MessageEvent<Word>) => this.#hear(data);
    this.#updates = new Updates(() => this.#tell());
  }

  /** Shows what is stored, then starts to ask. */
  start(tables: CachedRow[][], reach: Reach): void {
    this.#reach = reach;
    this.#model.load(tables, this.#model.outbox, reach.covered);
    this.#run = runAfter({ sent: 0, of: 0 }, [], this.#model.entries);
    this.#pulse.start();
    onPeopleChanged(() => void this.#peopleChanged());
    // "Back" may bring this page as it was, under whoever was signed in then: it is opened anew before anybody reads it (21).
    addEventListener("pagehide", () => this.#is_leaving && document.body.replaceChildren());
    addEventListener("pageshow", ({ persisted }) => persisted && (this.#is_leaving ? location.replace("/signin") : void this.#peopleChanged()));
    this.#updates.register().catch(() => undefined); // without a worker the app still works while it is open
    setInterval(() => this.#updates.look(), LOOK_MS);
    if (this.#model.entries.length > 0) void askForReplay();
  }

  // --- what the screens read

  get me(): Me {
    const { id, name, company_id, project_id } = this.#user;
    const actor = this.#model.table("actors").get(id);
    const project = this.#model.table("projects").keys().next().value;
    return {
      id,
      name: typeof actor?.["name"] === "string" ? actor["name"] : name,
      company_id: actor === undefined ? company_id : ((actor["company_id"] as Id | null | undefined) ?? null),
      project_id: project ?? project_id,
    };
  }

  snapshot(): Snapshot {
    this.#snapshot ??= this.#newSnapshot();
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // --- what a person does

  async mutate(name: string, args: Record<string, unknown>, base: number | null): Promise<Id> {
    const id = newId();
    askToKeep();
    await this.#act({ type: "mutate", id, name, args, base, made_at: Date.now() });
    this.#pulse.wake(false);
    void askForReplay();
    return id;
  }

  async amend(id: Id, args: Record<string, unknown>): Promise<boolean> {
    return isDone(await this.#act({ type: "amend", id, args, made_at: Date.now() }));
  }

  async discard(id: Id): Promise<boolean> {
    const done = isDone(await this.#act({ type: "discard", id, noop_id: newId(), made_at: Date.now() }));
    this.#pulse.wake(false);
    return done;
  }

  async requeue(id: Id, args: Record<string, unknown>): Promise<void> {
    const entry = this.#model.outbox.quarantined.find((one) => one.id === id);
    if (entry === undefined) return;
    const { name, base } = entry;
    await this.#guarded(requeueInStore(this.#work, id, { type: "mutate", id: newId(), name, args, base, made_at: Date.now() }), false);
    await this.#reread();
    this.#pulse.wake(false);
    void askForReplay();
  }

  async forget(id: Id): Promise<void> {
    await this.#guarded(forgetQuarantined(this.#work, id), false);
    await this.#reread();
  }

  sendNow(): void {
    this.#pulse.wake(true);
  }

  async exportOutbox(): Promise<Blob> {
    const { durable, entries, quarantined } = await readOutbox(this.#work);
    const { id, name } = this.me;
    const content = { format: "holdfast-outbox-1", client: durable.client, user: { id, name }, exported_at: Date.now(), entries, quarantined };
    return new Blob([JSON.stringify(content, null, 2)], { type: "application/json" });
  }

  async draft<T>(key: string): Promise<T | undefined> {
    return (await readDraft(this.#work, key))?.value as T | undefined;
  }

  saveDraft(key: string, value: unknown): Promise<void> {
    return this.#guarded(writeDraft(this.#work, { key, value, saved_at: Date.now() }));
  }

  dropDraft(key: string): Promise<void> {
    return this.#guarded(deleteDraft(this.#work, key));
  }

  newId(): Id {
    return newId();
  }

  /** Counted in local storage, the one place that tabs share without waiting; should it be lost, the outbox's numbers still rise. */
  provisionalNumber(): string {
    const key = `holdfast-provisional-${this.#user.id}`;
    let last = 0;
    try {
      last = Number(localStorage.getItem(key) ?? 0) || 0;
      localStorage.setItem(key, String(Math.max(last + 1, this.#model.outbox.durable.next_n)));
    } catch {
      // Refused by the browser: the number of the outbox alone will do.
    }
    return `${this.#label}-${Math.max(last + 1, this.#model.outbox.durable.next_n)}`;
  }

  // --- sessions and versions

  async signIn(login: string, password: string): Promise<string | null> {
    const { user, error } = await signIn(login, password);
    if (user === null) return error;
    if (user.id !== this.#user.id) {
      await this.#peopleChanged();
      return null;
    }
    await this.#act({ type: "signed_in", now: Date.now() });
    this.#pulse.wake(true);
    return null;
  }

  async signOut(): Promise<void> {
    this.#is_leaving = true;
    this.#pulse.stop();
    await signOut(this.#user.id);
  }

  get update(): { readonly is_waiting: boolean; readonly is_blocked: boolean } {
    return { is_waiting: this.#updates.is_waiting, is_blocked: this.#updates.is_blocked };
  }

  applyUpdate(): Promise<void> {
    return this.#updates.apply();
  }

  setDirty(is_dirty: boolean): void {
    this.#is_dirty = is_dirty;
    this.#updates.setDirty(is_dirty);
  }

  // --- inside

  /** It does not wait for an answer that is just being stored: it concerns one entry and nothing of the sender. */
  async #act(given: Act): Promise<readonly Action[]> {
    const { durable, actions } = await this.#guarded(actInStore(this.#work, given), false);
    this.#stepped(durable, null, actions, { type: "outbox", sending: this.#sending });
    return actions;
  }

  /**
   * Remembers whether this phone keeps what it is given; the strip says so when it does not. What changed the outbox is told together
   * with it (`is_told` false): between the two the strip would call an entry sent that has just been stored.
   */
  async #guarded<R>(stored: Promise<R>, is_told = true): Promise<R> {
    try {
      const result = await stored;
      if (is_told) this.#storageFailed(false);
      else this.#is_storage_failed = false;
      return result;
    } catch (error) {
      if (error instanceof StorageError) this.#storageFailed(true);
      throw error;
    }
  }

  #storageFailed(is_failed: boolean): void {
    if (this.#is_storage_failed === is_failed) return;
    this.#is_storage_failed = is_failed;
    this.#tell();
  }

  #stepped(durable: Durable, rows: RowChanges | null, actions: readonly Action[], word: Word): void {
    this.#sending = word.sending;
    if (durable.trouble === "upgrade") this.#updates.look();
    if (rows !== null) {
      this.#reach = rows.reach;
      this.#model.takeRows(rows);
    }
    this.#takeOutbox(outboxAfter(this.#model.outbox, durable, actions), rows?.reach.covered ?? null);
    this.#bell.postMessage(word);
  }

  #takeOutbox(outbox: Outbox, covered: readonly Id[] | null): void {
    const before = this.#model.entries;
    this.#model.takeOutbox(outbox, covered);
    this.#run = runAfter(this.#run, before, this.#model.entries);
    this.#tell();
  }

  /** After a change that was not a step of the runner. */
  async #reread(): Promise<void> {
    this.#takeOutbox(await readOutbox(this.#work), null);
    this.#bell.postMessage({ type: "outbox", sending: this.#sending } satisfies Word);
  }

  /** Words of others are taken one after the other, so that an older reading never replaces a newer one. */
  #hear(word: Word): void {
    this.#heard = this.#heard.then(() => this.#take(word)).catch(() => undefined);
  }

  async #take(word: Word): Promise<void> {
    this.#sending = word.sending;
    if (word.type === "outbox") return this.#takeOutbox(await readOutbox(this.#work), null);
    await this.#rereadRows(word.keys);
    this.#reach = await readReach(this.#cache);
    this.#takeOutbox(await readOutbox(this.#work), this.#reach.covered);
  }

  /** What is read is taken at once: nothing newer can come between. */
  async #rereadRows(keys: readonly RowKey[] | null): Promise<void> {
    if (keys === null) {
      const tables = await readRows(this.#cache, WHOLE);
      this.#wanted.clear();
      return this.#model.load(tables, this.#model.outbox, this.#reach.covered);
    }
    const rows = await readSomeRows(this.#cache, keys);
    const put = rows.filter((row) => row !== undefined);
    this.#model.takeRows({ is_reset: false, put, gone: keys.filter((_key, index) => rows[index] === undefined) });
  }

  /** Somebody signed in or out in another tab: this one must not go on under the old name. */
  async #peopleChanged(): Promise<void> {
    const current = await readCurrentUser();
    if (current?.id === this.#user.id) {
      await this.#act({ type: "signed_in", now: Date.now() });
      return this.#pulse.wake(true);
    }
    this.#pulse.stop();
    if (!this.#is_leaving) setTimeout(() => location.reload(), this.#is_dirty ? DRAFT_MS : 0);
  }

  /** Tells the screens once for all that happened in this turn. */
  #tell(): void {
    this.#snapshot = null;
    if (this.#is_telling) return;
    this.#is_telling = true;
    queueMicrotask(() => {
      this.#is_telling = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  #newSnapshot(): Snapshot {
    this.#model.share();
    return snapshotOf({
      user: this.#user.id,
      model: this.#model,
      downloads: this.#reach.downloads,
      situation: {
        sending: this.#sending.ids,
        retry_at: this.#sending.retry_at,
        is_storage_failed: this.#is_storage_failed,
        run: this.#run,
      },
      wantChildren: (item_id) => void this.#loadChildren(item_id),
    });
  }

  async #loadChildren(item_id: Id): Promise<void> {
    if (this.#wanted.has(item_id)) return;
    this.#wanted.add(item_id);
    try {
      const rows = await readChildren(this.#cache, item_id);
      if (this.#wanted.has(item_id)) this.#model.takeChildren(item_id, rows);
    } finally {
      this.#wanted.delete(item_id);
      this.#tell();
    }
  }
}

/** From the first work on, the browser should not clear this phone's storage when it is short of it. */
function askToKeep(): void {
  is_asked ||= navigator.storage?.persist?.().catch(() => false) !== undefined;
}

let is_asked = false;

function isDone(actions: readonly Action[]): boolean {
  return !actions.some((action) => action.type === "denied");
}

/** The outbox after the storage actions of a step, without reading it again. */
function outboxAfter(outbox: Outbox, durable: Durable, actions: readonly Action[]): Outbox {
  const entries = new Map(outbox.entries.map((entry) => [entry.id, entry]));
  const quarantined = [...outbox.quarantined];
  for (const action of actions) {
    if (action.type === "put") entries.set(action.entry.id, action.entry);
    else if (action.type === "remove") entries.delete(action.id);
    else if (action.type === "quarantine") quarantined.push({ ...action.entry, error: action.error });
    else if (action.type === "apply") for (const id of action.prune) entries.delete(id);
  }
  return { durable, entries: [...entries.values()].sort((a, b) => a.n - b.n), quarantined };
}

