/** The engine as the screens see it: opens the databases, keeps the read model, and never says "saved" before it is (23). */
import { readChildren, readRows, readSomeRows, type RowChanges } from "../store/cache.ts";
import { actInStore, attachInStore, deleteDraft, forgetQuarantined, mendPhotos, prepareWork, readDraft, requeueInStore, writeDraft, type Acted } from "../store/acts.ts";
import type { CacheDatabase, Durable, KnownUser, Reach, RowKey, WorkDatabase } from "../store/databases.ts";
import { openCache, openWork } from "../store/opening.ts";
import { readReach } from "../store/reach.ts";
import { readCurrentUser } from "../store/people.ts";
import { prepareShell, readDeviceLabel } from "../store/shell.ts";
import { readOutbox, type Outbox } from "../store/work.ts";
import { openBell, wordFor, type Sending, type Word } from "./bell.ts";
import { newDesk } from "./desk.ts";
import type { Act, Action, Mutate } from "./device.ts";
import { newId } from "./ids.ts";
import { Model, WHOLE } from "./model.ts";
import { postSync } from "./network.ts";
import { newPulse } from "./pulse.ts";
import { asSender, newRunner } from "./runner.ts";
import { onPeopleChanged, signIn, signOut } from "./session.ts";
import { snapshotOf } from "./snapshot.ts";
import { runAfter, type Run } from "./strip.ts";
import { StorageError, type Holdfast, type Id, type Me, type Snapshot } from "./types.ts";
import { rowTaker } from "./taking.ts";
import { isOwed } from "./uploading.ts";
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
  await mendPhotos(work);
  const outbox = await readOutbox(work);
  return newClient(user, label, work, cache, outbox);
}

/** Shows what is stored, then starts to ask. */
async function newClient(user: KnownUser, label: string, work: WorkDatabase, cache: CacheDatabase, first: Outbox): Promise<Holdfast> {
  const model = new Model(user.id, first);
  const listeners = new Set<() => void>();
  const wanted = new Set<Id>();
  let reach: Reach;
  let sending: Sending = { ids: [], retry_at: null };
  let run: Run = { sent: 0, of: 0 };
  let is_storage_failed = false;
  let is_dirty = false;
  let is_leaving = false;
  let shown: Snapshot | null = null;
  let is_telling = false;
  let heard: Promise<void> = Promise.resolve();

  /** Tells the screens once for all that happened in this turn. */
  const tell = (): void => {
    shown = null;
    if (is_telling) return;
    is_telling = true;
    queueMicrotask(() => {
      is_telling = false;
      for (const listener of [...listeners]) listener();
    });
  };

  const storageFailed = (is_failed: boolean): void => {
    if (is_storage_failed === is_failed) return;
    is_storage_failed = is_failed;
    tell();
  };

  /**
   * Remembers whether this phone keeps what it is given; the strip says so when it does not. What changed the outbox is told together
   * with it (`is_told` false): between the two the strip would call an entry sent that has just been stored.
   */
  const guarded = async <R>(stored: Promise<R>, is_told = true): Promise<R> => {
    try {
      const result = await stored;
      if (is_told) storageFailed(false);
      else is_storage_failed = false;
      return result;
    } catch (error) {
      if (error instanceof StorageError) storageFailed(true);
      throw error;
    }
  };

  const updates = new Updates(tell);
  const desk = newDesk({
    user: user.id,
    work,
    cache,
    table: <T>(entity: string) => model.table(entity) as ReadonlyMap<Id, unknown> as ReadonlyMap<Id, T>,
    async removeRow({ id, item_id }) {
      await act(newMutate("photo.remove", { id, item_id }, Number(model.table("punch_items").get(item_id)?.["version"]) || null));
      sendSoon();
    },
    tell,
    guarded,
  });
  const bell = openBell(user.id);
  const ring = (word: Word): void => bell.postMessage(word);

  const takeOutbox = (outbox: Outbox, covered: readonly Id[] | null): void => {
    const before = model.entries;
    model.takeOutbox(outbox, covered);
    run = runAfter(run, before, model.entries);
    tell();
  };

  const stepped = (durable: Durable, rows: RowChanges | null, actions: readonly Action[], word: Word): void => {
    sending = word.sending;
    if (durable.trouble === "upgrade") updates.look();
    if (rows !== null) {
      reach = rows.reach;
      model.takeRows(rows);
    }
    takeOutbox(outboxAfter(model.outbox, durable, actions), rows?.reach.covered ?? null);
    ring(word);
    if (rows !== null) desk.rowsChanged(rows.is_reset);
  };

  const send = newRunner({
    work,
    cache,
    take: rowTaker(work, cache),
    post: postSync,
    now: Date.now,
    changed(own, durable, rows, actions) {
      stepped(durable, rows, actions, wordFor(own, rows));
      if (actions.some(isOfPhoto)) void desk.changed().then(() => desk.wake(false), () => undefined); // its receipt is here
    },
    failed: () => storageFailed(true),
  });
  const pulse = newPulse({
    run: (is_forced) => withRoom(() => asSender("send", user.id, () => send(is_forced))),
    hasWork: () => model.entries.length > 0,
    isOffline: () => model.outbox.durable.trouble === "unreachable",
  });

  const withRoom = <R>(write: () => Promise<R>, is_told?: boolean): Promise<R> => guarded(desk.withRoom(write), is_told);

  /** It does not wait for an answer that is just being stored: it concerns one entry and nothing of the sender. */
  const acted = async (write: () => Promise<Acted>): Promise<readonly Action[]> => {
    const { durable, actions } = await withRoom(write, false);
    if (actions.some(isOfPhoto)) await desk.changed(); // first: between the two, no strip may be green
    stepped(durable, null, actions, { type: "outbox", sending });
    return actions;
  };
  const act = (given: Act): Promise<readonly Action[]> => acted(() => actInStore(work, given));

  /** Sends what was just written, now and, should this page be closed, later. */
  const sendSoon = (): void => {
    pulse.wake(false);
    void askForReplay();
  };

  const newMutate = (name: string, args: Record<string, unknown>, base: number | null): Mutate => ({
    type: "mutate", id: newId(), name, args, base, made_at: Date.now(),
  });

  /** After a change that was not a step of the runner. */
  const reread = async (): Promise<void> => {
    takeOutbox(await readOutbox(work), null);
    ring({ type: "outbox", sending });
    await desk.changed();
  };

  /** What is read is taken at once: nothing newer can come between. */
  const rereadRows = async (keys: readonly RowKey[] | null): Promise<void> => {
    if (keys === null) {
      const tables = await readRows(cache, WHOLE);
      wanted.clear();
      return model.load(tables, model.outbox, reach.covered);
    }
    const rows = await readSomeRows(cache, keys);
    const put = rows.filter((row) => row !== undefined);
    model.takeRows({ is_reset: false, put, gone: keys.filter((_key, index) => rows[index] === undefined) });
  };

  const take = async (word: Word): Promise<void> => {
    await desk.reread(); // first: between photos and outbox, no strip may be green
    sending = word.sending;
    if (word.type === "outbox") {
      takeOutbox(await readOutbox(work), null);
      if (model.entries.some((entry) => entry.state === "acked")) pulse.wake(false); // the worker took receipts; their rows are ours to get
      return;
    }
    await rereadRows(word.keys);
    reach = await readReach(cache);
    takeOutbox(await readOutbox(work), reach.covered);
    desk.rowsChanged(word.keys === null);
    desk.wake(false);
  };

  /** Somebody signed in or out in another tab: this one must not go on under the old name. */
  const peopleChanged = async (): Promise<void> => {
    const current = await readCurrentUser();
    if (current?.id === user.id) return signedIn();
    pulse.stop();
    desk.stop();
    if (!is_leaving) setTimeout(() => location.reload(), is_dirty ? DRAFT_MS : 0);
  };

  const signedIn = async (): Promise<void> => {
    await act({ type: "signed_in", now: Date.now() });
    pulse.wake(true);
    desk.wake(true);
  };

  const loadChildren = async (item_id: Id): Promise<void> => {
    if (wanted.has(item_id)) return;
    wanted.add(item_id);
    try {
      const rows = await readChildren(cache, item_id);
      if (wanted.has(item_id)) model.takeChildren(item_id, rows);
    } finally {
      wanted.delete(item_id);
      tell();
    }
  };

  const newSnapshot = (): Snapshot => {
    model.share();
    return snapshotOf({
      user: user.id,
      model,
      downloads: reach.downloads,
      situation: { sending: sending.ids, retry_at: sending.retry_at, is_storage_failed, run },
      photos: desk.standing(),
      thumbs: desk.thumbs(),
      wantChildren: (item_id) => void loadChildren(item_id),
    });
  };

  const load = async (): Promise<void> => {
    let tables, outbox;
    [reach, tables, outbox] = await Promise.all([readReach(cache), readRows(cache, WHOLE), readOutbox(work)]);
    model.load(tables, outbox, reach.covered);
    run = runAfter(run, [], model.entries);
  };

  const start = async (): Promise<void> => {
    // Words of others are taken one after the other, so that an older reading never replaces a newer one.
    const loaded = load();
    heard = loaded.catch(() => undefined);
    bell.onmessage = ({ data }: MessageEvent<Word>) => void (heard = heard.then(() => take(data)).catch(() => undefined));
    await loaded;
    await desk.start();
    pulse.start();
    onPeopleChanged(() => void peopleChanged());
    // "Back" may bring this page as it was, under whoever was signed in then: it is opened anew before anybody reads it (21).
    addEventListener("pagehide", () => is_leaving && document.body.replaceChildren());
    addEventListener("pageshow", ({ persisted }) => persisted && (is_leaving ? location.replace("/signin") : void peopleChanged()));
    updates.register().catch(() => undefined); // without a worker the app still works while it is open
    setInterval(() => updates.look(), LOOK_MS);
    if (model.entries.length > 0 || desk.standing().photos.some(isOwed)) void askForReplay();
  };
  await start();

  return {
    ...desk.screens,

    // --- what the screens read

    get me(): Me {
      const { id, name, company_id, project_id } = user;
      const actor = model.table("actors").get(id);
      const project = model.table("projects").keys().next().value;
      return {
        id,
        name: typeof actor?.["name"] === "string" ? actor["name"] : name,
        company_id: actor === undefined ? company_id : ((actor["company_id"] as Id | null | undefined) ?? null),
        project_id: project ?? project_id,
      };
    },
    snapshot: () => (shown ??= newSnapshot()),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    // --- what a person does

    async mutate(name, args, base, photo_ids = []) {
      askToKeep();
      const given = newMutate(name, args, base);
      const item_id = String(args["id"]);
      await acted(() => (photo_ids.length ? attachInStore(work, given, item_id, photo_ids, base, given.made_at) : actInStore(work, given)));
      sendSoon();
      return given.id;
    },
    async attachPhotos(item_id, ids, base) {
      await acted(() => attachInStore(work, null, item_id, ids, base, Date.now()));
      sendSoon();
    },
    amend: async (id, args) => isDone(await act({ type: "amend", id, args, made_at: Date.now() })),
    async discard(id) {
      const is_done = isDone(await act({ type: "discard", id, noop_id: newId(), made_at: Date.now() }));
      await desk.changed();
      pulse.wake(false);
      return is_done;
    },
    async requeue(id, args) {
      const entry = model.outbox.quarantined.find((one) => one.id === id);
      if (entry === undefined) return;
      await guarded(requeueInStore(work, id, newMutate(entry.name, args, entry.base)), false);
      await reread();
      sendSoon();
    },
    async forget(id) {
      await guarded(forgetQuarantined(work, id), false);
      await reread();
    },
    sendNow() {
      pulse.wake(true);
      desk.wake(true);
    },
    async exportOutbox() {
      const { durable, entries, quarantined } = await readOutbox(work);
      const { photos } = desk.standing();
      const content = { format: "holdfast-outbox-1", client: durable.client, user: { id: user.id, name: user.name }, exported_at: Date.now(), entries, quarantined, photos };
      return new Blob([JSON.stringify(content, null, 2)], { type: "application/json" });
    },
    draft: async <T>(key: string) => (await readDraft(work, key))?.value as T | undefined,
    saveDraft: (key, value) => withRoom(() => writeDraft(work, { key, value, saved_at: Date.now() })),
    dropDraft: (key) => guarded(deleteDraft(work, key)),
    newId: () => newId(),
    /** Counted in local storage, the one place that tabs share without waiting; should it be lost, the outbox's numbers still rise. */
    provisionalNumber() {
      const key = `holdfast-provisional-${user.id}`;
      let next = model.outbox.durable.next_n;
      try {
        next = Math.max(next, (Number(localStorage.getItem(key)) || 0) + 1);
        localStorage.setItem(key, String(next));
      } catch {
        // Refused by the browser: the number of the outbox alone will do.
      }
      return `${label}-${next}`;
    },

    // --- sessions and versions

    async signIn(login, password) {
      const { user: person, error } = await signIn(login, password);
      if (person === null) return error;
      await (person.id === user.id ? signedIn() : peopleChanged());
      return null;
    },
    async signOut() {
      is_leaving = true;
      pulse.stop();
      desk.stop();
      await signOut(user.id);
    },
    get update() {
      return { is_waiting: updates.is_waiting, is_blocked: updates.is_blocked };
    },
    applyUpdate: () => updates.apply(),
    setDirty(is) {
      is_dirty = is;
      updates.setDirty(is);
    },
  };
}

/** From the first work on, the browser should not clear this phone's storage when it is short of it. */
function askToKeep(): void {
  is_asked ||= navigator.storage?.persist?.().catch(() => false) !== undefined;
}

let is_asked = false;

function isOfPhoto(action: Action): boolean {
  return action.type === "put" && action.entry.name.startsWith("photo.");
}

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

