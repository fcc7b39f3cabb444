/** A phone for the tests: real stores on an IndexedDB in memory, the real runner, and a server that may fail. */
import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { actInStore, prepareWork } from "../../pwa/store/acts.ts";
import { readRows } from "../../pwa/store/cache.ts";
import { readReach } from "../../pwa/store/reach.ts";
import type { CacheDatabase, WorkDatabase } from "../../pwa/store/databases.ts";
import { openCache, openWork } from "../../pwa/store/opening.ts";
import { readOutbox, type Outbox } from "../../pwa/store/work.ts";
import { newId } from "../../pwa/sync/ids.ts";
import { Model, WHOLE } from "../../pwa/sync/model.ts";
import { newRunner, type Environment } from "../../pwa/sync/runner.ts";
import { rowTaker } from "../../pwa/sync/taking.ts";
import type { FakeServer } from "./fake_server.ts";

export const USER = "0192f0c1-7a4e-7cc0-8000-0000000000a1";

/** A device with nothing stored. */
export function newDisk(): void {
  Object.assign(globalThis, { indexedDB: new IDBFactory(), IDBKeyRange });
}

export class Phone {
  readonly work: WorkDatabase;
  readonly cache: CacheDatabase;
  readonly server: FakeServer;
  now = 1_000_000;

  private constructor(work: WorkDatabase, cache: CacheDatabase, server: FakeServer) {
    this.work = work;
    this.cache = cache;
    this.server = server;
  }

  static async open(server: FakeServer): Promise<Phone> {
    const phone = new Phone(await openWork(USER), await openCache(USER), server);
    await prepareWork(phone.work, USER);
    return phone;
  }

  /** A tab, or the worker: each has its own. */
  sender(changes: Partial<Environment> = {}): { run: (is_forced: boolean) => Promise<number | null> } {
    const { work, cache, server } = this;
    return { run: newRunner({ work, cache, take: rowTaker(work, cache), post: server.post, now: () => this.now, changed: () => undefined, failed: () => undefined, ...changes }) };
  }

  async create(title: string): Promise<string> {
    const id = newId();
    const args = { id, sector_id: "b4", title, provisional_number: "K7-1" };
    await actInStore(this.work, { type: "mutate", id: newId(), name: "item.create", args, base: null, made_at: this.now });
    return id;
  }

  outbox(): Promise<Outbox> {
    return readOutbox(this.work);
  }

  /** What a page opened now would show. */
  async model(): Promise<Model> {
    const [outbox, reach, tables] = [await this.outbox(), await readReach(this.cache), await readRows(this.cache, WHOLE)];
    const model = new Model(USER, outbox);
    model.load(tables, outbox, reach.covered);
    return model;
  }

  async titles(): Promise<unknown[]> {
    return [...(await this.model()).table("punch_items").values()].map((item) => item["title"]).sort();
  }
}
