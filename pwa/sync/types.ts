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
  /** Live photos; absent on an item that the server wrote before it knew photos: then 0. */
  readonly photo_count?: number;
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

export type PhotoKind = "before" | "after" | "other";
/** The bytes of a photo: what was taken, and the small JPEG made of it here. */
export type PhotoFile = "picture" | "thumb";
/** Degrees times 10^7, metres. */
export interface Position { readonly lat_e7: number; readonly lon_e7: number; readonly accuracy_m: number }

/** What a prepared picture is, as `photo.add` tells it. */
export interface PhotoFacts {
  readonly media_type: string;
  /** Of the picture, hex. */
  readonly sha256: string;
  readonly size_bytes: number;
  /** Pixels as shown; 0 where this browser cannot tell. */
  readonly width: number;
  readonly height: number;
  readonly taken_at: Instant | null;
  /** Null and 0 where this browser could make no small one. */
  readonly thumb_sha256: string | null;
  readonly thumb_bytes: number;
}

/** The row, with this device's pending work laid over. */
export interface Photo extends PhotoFacts {
  readonly id: Id;
  /** 0 while the server does not have the row. */
  readonly version: number;
  readonly item_id: Id;
  readonly author_id: Id;
  readonly client: Id;
  readonly kind: PhotoKind;
  readonly caption: string;
  readonly position: Position | null;
  readonly made_at: Instant;
  readonly received_at: Instant | null;
  readonly is_late: boolean;
  /** What the server holds; what people are told is `ItemPhoto.place`. */
  readonly state: "waiting" | "stored";
  readonly stored_at: Instant | null;
  readonly preview: "none" | "thumb" | "view" | "unreadable";
}

/**
 * Where the bytes are. `kept`: on this phone, not yet added to an item; `waiting`: on this phone, goes by itself; `held`: waits for
 * Wi-Fi or "send now"; `sending`; `storage`: our server's store for photos does not answer; `stuck`: needs a person, `reason` says why;
 * `elsewhere`: still on its author's phone; `stored`: on the server.
 */
export type PhotoPlace = "kept" | "waiting" | "held" | "sending" | "storage" | "stuck" | "elsewhere" | "stored";

export interface PhotoProgress {
  readonly place: PhotoPlace;
  /** Of both files together: on the server, and in all. */
  readonly sent_bytes: number;
  readonly all_bytes: number;
  /** Failures since the last progress. */
  readonly tries: number;
  /** Of the last failure: `unreachable`, `not_ours`, `stalled`, an error of the server ("storage_unavailable"), `lost` (gone from this phone). */
  readonly reason: string | null;
  readonly retry_at: Instant | null;
  /** Whether `photoBytes` finds them on this phone. */
  readonly is_here: boolean;
}

export interface ItemPhoto extends Photo, PhotoProgress {}

/** A photo whose bytes this phone holds, in a draft (`draft_key`) or added to an item (`item_id`). */
export interface KeptPhoto extends PhotoFacts, PhotoProgress {
  readonly id: Id;
  readonly draft_key: string | null;
  readonly item_id: Id | null;
  readonly kind: PhotoKind;
  readonly caption: string;
  readonly position: Position | null;
  readonly kept_at: Instant;
}

/** A picture ready to be kept: its bytes, its small one and what it is. */
export interface PreparedPicture extends PhotoFacts {
  readonly picture: ArrayBuffer;
  readonly thumb: ArrayBuffer | null;
}

export interface PhotoFields {
  readonly kind: PhotoKind;
  readonly caption: string;
  /** Only with consent. */
  readonly position: Position | null;
}

export interface PrepareOptions {
  /** Longest side of what is sent, in pixels. */
  readonly max_px: number;
  /** The picture as the camera wrote it, less what stands beside it: the position travels as the row's own field or not at all. */
  readonly is_original: boolean;
}

export type PhotoPolicy = "any" | "wifi";

export interface StorageState {
  readonly used_bytes: number;
  /** 0 where the browser does not say. */
  readonly quota_bytes: number;
  /** `full`: no further photo can be kept (text still can). */
  readonly level: "ok" | "some" | "little" | "full";
  /** Photos of the usual size that still find room; null where the browser does not say. */
  readonly photos_left: number | null;
  /** Bytes of photos that are on the server and would be freed first. */
  readonly freeable_bytes: number;
}

/** Photos of this phone that the server does not have, those of drafts excepted. */
export interface PhotoTotals {
  /** All of them: held, sending and stuck ones too. */
  readonly waiting: number;
  readonly held: number;
  readonly stuck: number;
  /** Still to be sent. */
  readonly bytes: number;
  /** Of the present run: on the server and in all, and how far the one under way is. */
  readonly sent: number;
  readonly of: number;
  readonly percent: number;
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
  | "storage_failed"
  | "photos_sending"
  | "photos_waiting"
  | "photos_held"
  | "photos_storage"
  | "photos_stuck";

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
  readonly photos: PhotoTotals;
}

/** The mark of one item in a list. `photos`: on the server, and photos of it are not (`photosLeft`). */
export type Mark = "on_phone" | "sending" | "on_server" | "photos" | "parked" | "two_versions" | "refused";

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
  /** The name under which this phone sends. */
  readonly client: Id;
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
  /** Photos of this phone that the server does not have, drafts' and stuck ones included, oldest first. */
  readonly photos: readonly KeptPhoto[];
  readonly photo_policy: PhotoPolicy;
  /** Pictures of others in what this phone holds: shown without network, and in all. */
  readonly thumbs: { readonly here: number; readonly of: number };
  markOf(item_id: Id): Mark;
  /** Live photos of an item, oldest first. */
  photosOf(item_id: Id): readonly ItemPhoto[];
  /** Live photos of an item: not on the server (whoever's phone they are on), and all. */
  photosLeft(item_id: Id): { readonly waiting: number; readonly of: number };
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
   * `photo_ids` are kept photos to add to the item `args.id` in the same transaction, after it.
   */
  mutate(name: string, args: Record<string, unknown>, base: number | null, photo_ids?: readonly Id[]): Promise<Id>;
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

  /**
   * Makes of a file what is sent and the small one, one after the other, in a worker of its own. Rejects with `PictureError`. What this
   * browser cannot decode (HEIC outside Safari) goes as it is, without a small one.
   */
  preparePicture(file: Blob, options: PrepareOptions): Promise<PreparedPicture>;
  /**
   * Keeps a picture on this phone. Resolves to its id once the bytes are on the disk; rejects with `StorageError` when nothing was kept
   * (`is_full` where there is no room).
   */
  keepPhoto(draft_key: string, prepared: PreparedPicture, fields: PhotoFields): Promise<Id>;
  /** Kept photos of a draft, oldest first. */
  keptPhotos(draft_key: string): readonly KeptPhoto[];
  /** Only before it is added to an item; afterwards `photo.edit`. */
  changeKeptPhoto(id: Id, fields: Partial<PhotoFields>): Promise<void>;
  /** Forgets the bytes of one in a draft, or of a refused or stuck one (the person was asked twice); else does nothing. */
  dropKeptPhoto(id: Id): Promise<void>;
  /** Writes `photo.add` for each, in one transaction; those added already are left as they are. A refused one may be added anew. */
  attachPhotos(item_id: Id, ids: readonly Id[], base: number | null): Promise<void>;
  /** The bytes on this phone; null where they are not here. */
  photoBytes(id: Id, file: PhotoFile): Promise<Blob | null>;
  /** A small picture of a row or a kept photo: this phone's, the one downloaded, or the server's. Null where none can be had now. */
  thumbOf(id: Id): Promise<Blob | null>;
  setPhotoPolicy(policy: PhotoPolicy): Promise<void>;
  /** Sends these (or all) next, over whatever network there is; stuck ones are tried anew. */
  sendPhotosNow(ids?: readonly Id[]): Promise<void>;
  storage(): Promise<StorageState>;
  /** Frees the bytes of photos that are on the server; resolves to how many bytes. */
  freeStored(): Promise<number>;

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
  /** There is no room; anything else is a fault of the browser or the disk. */
  get is_full(): boolean {
    return this.message.includes("Quota");
  }
}

/** The file is no picture (`not_a_picture`), has more bytes than the server takes (`too_large`), or could not be read (`unreadable`). */
export class PictureError extends Error {
  override readonly name = "PictureError";
}
