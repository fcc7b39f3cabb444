/** What the screens may ask of the engine, and the documents it shows them. Field names are the wire's (docs/PROTOCOL.md). */

export type Id = string;
/** Milliseconds since 1970 UTC. */
export type Instant = number;

export type Status = "open" | "in_progress" | "ready_for_review" | "not_accepted" | "disputed" | "closed" | "void";
export type Role = "worker" | "supervisor" | "storekeeper" | "auditor" | "admin" | "guest";

export interface Item {
  readonly id: Id;
  /** 0 while the server does not have it. */
  readonly version: number;
  readonly project_id: Id;
  readonly sector_id: Id;
  readonly number: number | null;
  readonly provisional_number: string;
  readonly title: string;
  readonly description: string;
  readonly type: string;
  readonly priority: string;
  readonly trade_id: Id | null;
  readonly company_id: Id | null;
  readonly assignee_ids: readonly Id[];
  readonly location: string;
  readonly due_on: string | null;
  readonly tags: readonly string[];
  readonly external_ref: string;
  readonly status: Status;
  readonly status_reason: string | null;
  readonly disputed_from: Status | null;
  readonly bounces: number;
  readonly comment_count: number;
  readonly raised_by: Id;
  readonly raised_at: Instant;
  readonly submitted_by: Id | null;
  readonly submitted_at: Instant | null;
  readonly closed_by: Id | null;
  readonly closed_at: Instant | null;
  readonly updated_by: Id;
  readonly updated_at: Instant;
}

export interface Comment {
  readonly id: Id;
  readonly version: number;
  readonly item_id: Id;
  readonly text: string;
  readonly author_id: Id;
  readonly made_at: Instant;
  readonly received_at: Instant | null;
  readonly is_late: boolean;
}

export interface ItemEvent {
  readonly id: Id;
  readonly item_id: Id;
  readonly name: string;
  readonly changes: Readonly<Record<string, readonly [unknown, unknown]>>;
  readonly reason: string | null;
  readonly actor_id: Id;
  readonly made_at: Instant;
  readonly corrected_at: Instant;
  readonly received_at: Instant;
  readonly item_version: number;
  readonly is_late: boolean;
}

export interface Conflict {
  readonly id: Id;
  readonly version: number;
  readonly item_id: Id;
  readonly field: string;
  readonly kind: "ask" | "latest" | "text" | "suggestion";
  readonly state: "open" | "noted" | "resolved";
  readonly base: unknown;
  readonly current: unknown;
  readonly other: unknown;
  readonly current_by: Id;
  readonly current_at: Instant;
  readonly other_by: Id;
  readonly other_at: Instant;
  readonly choice: "current" | "other" | null;
  readonly resolved_by: Id | null;
  readonly resolved_at: Instant | null;
  readonly seen_by: readonly Id[];
}

export interface Refusal {
  readonly id: Id;
  readonly version: number;
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly base: number | null;
  readonly made_at: Instant;
  readonly received_at: Instant;
  readonly state: "parked" | "refused" | "applied" | "dismissed";
  readonly reason: string;
  /** One sentence for people. */
  readonly text: string;
  readonly item_id: Id | null;
  readonly waiting_for: string | null;
}

export interface Sector { readonly id: Id; readonly version: number; readonly code: string; readonly name: string; readonly parent_id: Id | null; readonly project_id: Id }
export interface Named { readonly id: Id; readonly version: number; readonly name: string }
export interface Actor extends Named { readonly company_id: Id | null; readonly is_disabled: boolean }
export interface Membership { readonly id: Id; readonly version: number; readonly user_id: Id; readonly sector_id: Id | null; readonly role: Role; readonly valid_from: Instant; readonly valid_to: Instant | null }

/** The words of the strip; `sync/strip.ts` decides, the view only writes. Green is `all_on_server` alone. */
export type StripKind =
  | "all_on_server"
  | "never_synced"
  | "offline"
  | "sending"
  | "waiting"
  | "set_aside"
  | "server_away"
  | "not_our_server"
  | "sign_in"
  | "other_user"
  | "revoked"
  | "upgrade"
  | "storage_failed";

export interface Strip {
  readonly kind: StripKind;
  /** Mutations without a receipt. */
  readonly waiting: number;
  /** Of the present run of sending: acknowledged and all. */
  readonly sent: number;
  readonly of: number;
  /** Refused, quarantined and open conflicts that concern this user. */
  readonly needs_you: number;
  readonly retry_at: Instant | null;
  readonly synced_at: Instant | null;
}

/** The mark of one item in a list. */
export type Mark = "on_phone" | "sending" | "on_server" | "parked" | "two_versions" | "refused";

export interface OutboxRow {
  readonly id: Id;
  readonly n: number;
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly base: number | null;
  readonly made_at: Instant;
  readonly state: "waiting" | "tried" | "acked";
  readonly tries: number;
  readonly item_id: Id | null;
  readonly bytes: number;
}

/** An entry that the server cannot even read; it waits on this device for a person. */
export interface Quarantined extends OutboxRow {
  readonly error: string;
}

export interface Download {
  readonly scope: string;
  readonly got: number;
  readonly total: number;
  /** When everything of the scope was here; null while it downloads. */
  readonly ready_at: Instant | null;
}

/** Everything the screens show, as of now. A new object whenever something changed; its parts are shared while they did not. */
export interface Snapshot {
  readonly strip: Strip;
  /** With this device's pending work laid over (invariant 11); deleted ones are absent. */
  readonly items: ReadonlyMap<Id, Item>;
  readonly sectors: ReadonlyMap<Id, Sector>;
  readonly trades: ReadonlyMap<Id, Named>;
  readonly companies: ReadonlyMap<Id, Named>;
  readonly actors: ReadonlyMap<Id, Actor>;
  readonly memberships: readonly Membership[];
  readonly conflicts: ReadonlyMap<Id, Conflict>;
  readonly refusals: ReadonlyMap<Id, Refusal>;
  readonly outbox: readonly OutboxRow[];
  readonly quarantined: readonly Quarantined[];
  readonly downloads: ReadonlyMap<string, Download>;
  markOf(item_id: Id): Mark;
  commentsOf(item_id: Id): readonly Comment[];
  eventsOf(item_id: Id): readonly ItemEvent[];
}

export interface Me {
  readonly id: Id;
  readonly name: string;
  readonly company_id: Id | null;
  readonly project_id: Id;
}

/** The engine as the screens see it: made by `openHoldfast()` in `pwa/sync/client.ts`. */
export interface Holdfast {
  readonly me: Me;
  snapshot(): Snapshot;
  subscribe(listener: () => void): () => void;

  /**
   * Writes the mutation to the outbox with its local effect. Resolves when the write is durable: only then may a screen say
   * "saved on this device" (23). Rejects with `StorageError` when nothing was stored. `base` is the version shown to the person.
   */
  mutate(name: string, args: Record<string, unknown>, base: number | null): Promise<Id>;
  /** Only for entries never sent; resolves to false when it has been sent meanwhile. */
  amend(id: Id, args: Record<string, unknown>): Promise<boolean>;
  discard(id: Id): Promise<boolean>;
  /** Puts a quarantined entry back as a new mutation, or forgets it (the person was asked twice). */
  requeue(id: Id, args: Record<string, unknown>): Promise<void>;
  forget(id: Id): Promise<void>;
  sendNow(): void;
  /** The whole outbox, quarantine included, as a JSON file. */
  exportOutbox(): Promise<Blob>;

  /** Form text, saved within a second so that nothing typed is lost; values are structured-cloneable. */
  draft<T>(key: string): Promise<T | undefined>;
  saveDraft(key: string, value: unknown): Promise<void>;
  dropDraft(key: string): Promise<void>;

  newId(): Id;
  /** A short number that is unique on this phone until the server gives the real one: "K7-12". */
  provisionalNumber(): string;

  /** Signs in again without leaving the page. Resolves to an error's words, or null when it worked. */
  signIn(login: string, password: string): Promise<string | null>;
  /** Locks this device at once, offline too; unsent work stays on this phone under this user. */
  signOut(): Promise<void>;

  /** A new version of the app waits; `applyUpdate` reloads, and never while a tab has a dirty draft. */
  readonly update: { readonly is_waiting: boolean; readonly is_blocked: boolean };
  applyUpdate(): Promise<void>;
  /** Marks this tab as holding unsaved text. */
  setDirty(is_dirty: boolean): void;
}

export class StorageError extends Error {
  override readonly name = "StorageError";
}
