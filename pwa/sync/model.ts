/**
 * What the screens read, kept in memory: the server's rows with the pending work laid over. Loaded once; after that each change costs
 * what changed, and parts that did not change are the same objects as before.
 */
import type { CachedRow, Document } from "../store/databases.ts";
import type { RowChanges } from "../store/cache.ts";
import type { Outbox } from "../store/work.ts";
import type { Entry } from "./device.ts";
import { overlay, type Find, type Shown, type Work } from "./overlay.ts";
import { subjectOf } from "./subjects.ts";
import type { Id } from "./types.ts";

/** Entities held in memory as a whole. */
export const WHOLE = ["projects", "sectors", "trades", "companies", "actors", "memberships", "conflicts", "refusals", "photos", "punch_items"] as const;
/** Entities read when their item is looked at: most items never are. */
export const CHILDREN = ["comments", "item_events"] as const;

type Table = Map<Id, Document>;

export class Model {
  readonly #user: Id;
  /** As the server gave them. */
  readonly #rows = new Map<string, Table>();
  /** As shown; a table is copied before it changes, because snapshots share it. */
  readonly #shown = new Map<string, Table>();
  /** What the overlay shows, by subject. */
  readonly #laid = new Map<Id, Shown>();
  #children = new Map<Id, readonly CachedRow[]>();
  #work = new Map<Id, readonly Work[]>();
  #outbox: Outbox;
  #covered: ReadonlySet<Id> = new Set();

  constructor(user: Id, outbox: Outbox) {
    this.#user = user;
    this.#outbox = outbox;
    this.#forgetRows();
  }

  get outbox(): Outbox {
    return this.#outbox;
  }

  /** Entries that still count: a covered one does so until its receipt came. */
  get entries(): readonly Entry[] {
    return this.#outbox.entries.filter((entry) => entry.state !== "acked" || !this.#covered.has(entry.id));
  }

  /** The rows shown of an entity; never changed afterwards. */
  table(entity: string): ReadonlyMap<Id, Document> {
    return this.#shown.get(entity) ?? new Map();
  }

  /** Replaces everything. */
  load(tables: readonly (readonly CachedRow[])[], outbox: Outbox, covered: readonly Id[]): void {
    WHOLE.forEach((entity, index) => {
      const table = new Map((tables[index] ?? []).map((row) => [row.id, row.doc]));
      this.#rows.set(entity, table);
      this.#shown.set(entity, new Map(table));
    });
    this.#children = new Map();
    this.#laid.clear();
    this.#outbox = outbox;
    this.#covered = new Set(covered);
    this.#group();
    this.#lay(this.#work.keys());
  }

  /** Takes what an answer changed, or what another tab says has changed. */
  takeRows(changes: Pick<RowChanges, "is_reset" | "put" | "gone">): void {
    if (changes.is_reset) this.#forgetRows();
    const concerned = new Set<Id>();
    for (const [entity, id] of changes.gone) this.#take(entity, id, undefined, concerned);
    for (const row of changes.put) this.#take(row.entity, row.id, row, concerned);
    if (changes.put.some((row) => row.entity === "sectors") || changes.is_reset) for (const id of this.#work.keys()) concerned.add(id);
    this.#group();
    this.#lay(concerned);
  }

  takeOutbox(outbox: Outbox, covered: readonly Id[] | null): void {
    const before = this.#work;
    this.#outbox = outbox;
    if (covered !== null) this.#covered = new Set(covered);
    this.#group();
    const ids = new Set([...before.keys(), ...this.#work.keys()]);
    this.#lay([...ids].filter((id) => !isSame(before.get(id), this.#work.get(id))));
  }

  /** Comments and events of an item once they were read; undefined before. */
  children(item_id: Id): readonly CachedRow[] | undefined {
    return this.#children.get(item_id);
  }

  takeChildren(item_id: Id, rows: readonly CachedRow[]): void {
    this.#children.set(item_id, rows.filter((row) => row.entity === "comments" || row.entity === "item_events"));
    this.#lay([item_id]);
  }

  /** What the overlay adds to an item's children. */
  laidChildren(item_id: Id, entity: string): readonly Document[] {
    const rows = this.#laid.get(item_id)?.get(entity);
    return rows === undefined ? [] : [...rows.values()].filter((doc) => doc !== null);
  }

  readonly find: Find = (entity, id) => this.#rows.get(entity)?.get(id);

  #forgetRows(): void {
    for (const entity of WHOLE) {
      this.#rows.set(entity, new Map());
      this.#shown.set(entity, new Map());
    }
    this.#children = new Map();
    this.#laid.clear();
  }

  #take(entity: string, id: Id, row: CachedRow | undefined, concerned: Set<Id>): void {
    const table = this.#rows.get(entity);
    if (table === undefined) return this.#takeChild(entity, id, row, concerned);
    const doc = row?.doc ?? table.get(id);
    if (row === undefined) table.delete(id);
    else table.set(id, row.doc);
    this.#set(entity, id, row?.doc);
    concerned.add(subject(id, doc));
    if (entity === "refusals" && doc !== undefined) concerned.add(subjectOf(doc as unknown as Work, this.find));
  }

  #takeChild(entity: string, id: Id, row: CachedRow | undefined, concerned: Set<Id>): void {
    const item_id = row?.item_id ?? this.#parentOf(entity, id);
    if (!item_id) return;
    concerned.add(item_id);
    const known = this.#children.get(item_id);
    if (known === undefined) return; // read when the item is looked at
    const others = known.filter((other) => other.entity !== entity || other.id !== id);
    this.#children.set(item_id, row === undefined ? others : [...others, row]);
  }

  #parentOf(entity: string, id: Id): Id | undefined {
    for (const [item_id, rows] of this.#children) if (rows.some((row) => row.entity === entity && row.id === id)) return item_id;
    return undefined;
  }

  /** The pending work by subject: entries by number, after the parked refusals. */
  #group(): void {
    const parked = [...(this.#rows.get("refusals")?.values() ?? [])].filter((row) => row["state"] === "parked") as unknown as Work[];
    const entries = this.#outbox.entries.filter((entry) => !this.#covered.has(entry.id));
    const work = new Map<Id, Work[]>();
    for (const one of [...parked, ...entries]) {
      const id = subjectOf(one, this.find);
      const group = work.get(id);
      if (group === undefined) work.set(id, [one]);
      else group.push(one);
    }
    this.#work = work;
  }

  /** Lays the pending work over these subjects anew. */
  #lay(subjects: Iterable<Id>): void {
    for (const id of new Set(subjects)) {
      this.#uncover(id);
      const work = this.#work.get(id);
      if (work === undefined) continue;
      const refusals = work.filter(isRefusal) as unknown as Document[];
      const shown = overlay(this.#findFor(id), work.filter((one) => !isRefusal(one)), refusals, this.#user);
      this.#laid.set(id, shown);
      for (const [entity, docs] of shown) for (const [doc_id, doc] of docs) this.#set(entity, doc_id, doc ?? undefined);
    }
  }

  /** Rows as given, the item's own comments included, so that one that has come is not counted twice. */
  #findFor(item_id: Id): Find {
    const children = this.#children.get(item_id) ?? [];
    return (entity, id) => this.find(entity, id) ?? children.find((row) => row.entity === entity && row.id === id)?.doc;
  }

  #uncover(id: Id): void {
    for (const [entity, docs] of this.#laid.get(id) ?? []) {
      for (const doc_id of docs.keys()) this.#set(entity, doc_id, this.find(entity, doc_id));
    }
    this.#laid.delete(id);
  }

  #set(entity: string, id: Id, doc: Document | undefined): void {
    const table = this.#shown.get(entity);
    if (table === undefined || table.get(id) === doc) return;
    const writable = this.#writable(entity, table);
    if (doc === undefined) writable.delete(id);
    else writable.set(id, doc);
  }

  // Tables copied since the last `share`, which are ours to change.
  readonly #copied = new Set<string>();

  #writable(entity: string, table: Table): Table {
    if (this.#copied.has(entity)) return table;
    const copy = new Map(table);
    this.#shown.set(entity, copy);
    this.#copied.add(entity);
    return copy;
  }

  /** From now on the tables are somebody's snapshot. */
  share(): void {
    this.#copied.clear();
  }
}

/** The subject under which the overlay would change this row. */
function subject(id: Id, doc: Document | undefined): Id {
  const item_id = doc?.["item_id"];
  return typeof item_id === "string" ? item_id : id;
}

function isRefusal(work: Work): boolean {
  return !("n" in work);
}

function isSame(before: readonly Work[] | undefined, after: readonly Work[] | undefined): boolean {
  return before?.length === after?.length && (before ?? []).every((one, index) => sameWork(one, after?.[index]));
}

/** Only what the overlay reads: whether an entry was sent does not change what it shows. */
function sameWork(one: Work, other: Work | undefined): boolean {
  return one === other || (one.id === other?.id && one.made_at === other.made_at && JSON.stringify(one.args) === JSON.stringify(other.args));
}
