/** This phone's photos in the page: keeps their bytes, sends them, and looks after the space they take. */
import { changePhotos, dropPhoto, keepInStore, readBytes, settlePhotos, writePolicy } from "../store/photos.ts";
import { clearThumbs, readThumb, readThumbIds, writeThumb } from "../store/thumbs.ts";
import { readPhotos, type StoredPhotos } from "../store/uploads.ts";
import type { CacheDatabase, PhotoRecord, WorkDatabase } from "../store/databases.ts";
import { openPhotoBell, type PhotoWord } from "./bell.ts";
import { newId } from "./ids.ts";
import { getThumb, networkNow, sendUpload } from "./network.ts";
import { isWaiting, keptPhoto, photoRunAfter, type PhotoRun, type Standing } from "./places.ts";
import { newPulse } from "./pulse.ts";
import { asSender } from "./runner.ts";
import { settled } from "./settling.ts";
import { StorageError, type Holdfast, type Id, type Photo, type Refusal, type StorageState } from "./types.ts";
import { newUploader } from "./uploader.ts";
import { NO_UPLOADS, sendable } from "./uploading.ts";
import { urged } from "./urging.ts";
import { preparePicture } from "./preparing.ts";

/** Above this share of the space the browser grants, no photo is taken in and none of others is fetched: text must find room. */
const FULL = 0.95;
const LITTLE = 0.85;
const SOME = 0.7;
/** Of a photo as it is usually made, while none is here to measure. */
const USUAL_BYTES = 500_000;
/** Between two small pictures of others. */
const THUMB_PAUSE_MS = 100;

export interface Desked {
  readonly user: Id;
  readonly work: WorkDatabase;
  readonly cache: CacheDatabase;
  /** Rows as shown. */
  readonly table: <T>(entity: string) => ReadonlyMap<Id, T>;
  /** Writes `photo.remove`. */
  readonly removeRow: (row: Photo) => Promise<void>;
  readonly tell: () => void;
  /** Remembers whether storage failed. */
  readonly guarded: <R>(stored: Promise<R>) => Promise<R>;
}

type Screens = Pick<
  Holdfast,
  | "preparePicture" | "keepPhoto" | "keptPhotos" | "changeKeptPhoto" | "dropKeptPhoto" | "photoBytes" | "thumbOf" | "setPhotoPolicy"
  | "sendPhotosNow" | "storage" | "freeStored"
>;

export interface Desk {
  readonly screens: Screens;
  standing(): Standing;
  thumbs(): { readonly here: number; readonly of: number };
  start(): Promise<void>;
  stop(): void;
  wake(is_forced: boolean): void;
  /** Reads the records again: an act or a receipt has changed them; of this tab, which tells the others, or of another. */
  changed(): Promise<void>;
  reread(): Promise<void>;
  /** After rows came or went; `is_reset`: everything. */
  rowsChanged(is_reset: boolean): void;
  /** What finds no room takes that of what the server has, and is tried once more: text finds room before photos do. */
  withRoom<R>(write: () => Promise<R>): Promise<R>;
}

export function newDesk({ user, work, cache, table, removeRow, tell, guarded }: Desked): Desk {
  const rows = (): ReadonlyMap<Id, Photo> => table("photos");
  let stored: StoredPhotos = { photos: [], policy: "any" };
  let sender: PhotoWord = NO_UPLOADS;
  let run: PhotoRun = { sent: 0, of: 0 };
  let thumbs = new Set<Id>();
  let is_fetching = false;
  let is_stopped = false;
  /** Not to be had from this server while their rows are as they are, as far as this page has seen. */
  const missing = new Set<string>();
  /** Put right by what their rows said; if that did not help, only another word of them does. */
  const tried = new Set<string>();
  const asOf = (id: Id): string => `${id} ${rows().get(id)?.version}`;

  const bell = openPhotoBell(user);
  bell.onmessage = ({ data }: MessageEvent<PhotoWord>) => void reread(data).catch(() => undefined);

  const take = ({ photos, policy }: StoredPhotos, word: PhotoWord): void => {
    run = photoRunAfter(run, stored.photos, photos);
    stored = { photos, policy };
    sender = word;
    tell();
  };
  const reread = async (word = sender): Promise<void> => take(await readPhotos(work), word);
  /** After a change that was not a step of the uploader. */
  const changed = async (): Promise<void> => {
    await reread();
    bell.postMessage(sender);
  };
  const upload = newUploader({
    work,
    send: sendUpload,
    now: Date.now,
    network: networkNow,
    changed(stepped) {
      take(stepped, stepped.own);
      bell.postMessage(sender);
    },
    isOver: () => is_stopped,
  });
  const hasWork = (): boolean => sendable(stored, networkNow()).length > 0;
  const pulse = newPulse({
    // Looking costs a transaction: not without need.
    run: async (is_forced) => (hasWork() || is_forced ? guarded(withRoom(() => asSender("photos", user, () => upload(is_forced)))) : null),
    hasWork,
    isOffline: () => sender.trouble === "unreachable",
  });
  const bytesOfStored = (): number =>
    stored.photos.reduce((sum, { picture, size_bytes, thumb_bytes }) => sum + (picture.is_stored ? size_bytes + thumb_bytes : 0), 0);

  const storage = async (): Promise<StorageState> => {
    const { usage = 0, quota = 0 } = (await navigator.storage?.estimate?.()) ?? {};
    const { photos } = stored;
    const usual = photos.length ? photos.reduce((sum, photo) => sum + photo.size_bytes + photo.thumb_bytes, 0) / photos.length : USUAL_BYTES;
    const freeable_bytes = bytesOfStored();
    const share = quota && (usage - freeable_bytes) / quota;
    const level = share >= FULL ? "full" : share >= LITTLE ? "little" : share >= SOME ? "some" : "ok";
    const photos_left = quota ? Math.max(0, Math.floor((quota * FULL - usage + freeable_bytes) / usual)) : null;
    return { used_bytes: usage, quota_bytes: quota, level, photos_left, freeable_bytes };
  };

  /** The small one of a stored photo moves to those of others; the server has the rest. */
  const freeStored = async (): Promise<number> => {
    const freed = bytesOfStored();
    for (const { id, picture } of stored.photos) {
      if (!picture.is_stored) continue; // removed or not: who takes the removal back needs its bytes (3)
      const thumb = await readBytes(work, id, "thumb");
      if (thumb) await keepThumb(id, await thumb.arrayBuffer()).catch(() => undefined); // no room for it: it can be fetched again
      await dropPhoto(work, id, (photo) => photo.picture.is_stored);
    }
    await changed();
    return freed;
  };

  const withRoom = async <R>(write: () => Promise<R>): Promise<R> => {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof StorageError && error.is_full)) throw error;
    }
    await freeStored();
    await clearThumbs(cache);
    thumbs.clear();
    return write();
  };

  const keepThumb = async (id: Id, bytes: ArrayBuffer): Promise<void> => {
    if (await writeThumb(cache, id, bytes)) thumbs.add(id);
  };

  const wanted = (): Photo[] => {
    const own = new Set(stored.photos.map(({ id }) => id));
    return [...rows().values()].filter(({ id, preview }) => (preview === "thumb" || preview === "view") && !own.has(id));
  };

  /** Small pictures of others, newest first, one after the other; the policy holds for them, too. */
  const fetchThumbs = async (): Promise<void> => {
    if (is_fetching || is_stopped) return;
    is_fetching = true;
    try {
      for (const { id } of wanted().reverse()) {
        if (thumbs.has(id) || missing.has(asOf(id))) continue;
        const is_held = stored.policy === "wifi" && networkNow() !== "wifi";
        if (is_stopped || is_held || ["little", "full"].includes((await storage()).level)) break;
        if ((await fetchThumb(id)) === undefined) break; // no network: after the next pull again
        tell();
        await new Promise((resolve) => setTimeout(resolve, THUMB_PAUSE_MS));
      }
    } finally {
      is_fetching = false;
    }
  };

  /** Undefined: nobody answered; null: the server has none. */
  const fetchThumb = async (id: Id): Promise<ArrayBuffer | null | undefined> => {
    const bytes = await getThumb(id);
    if (bytes) await keepThumb(id, bytes).catch(() => undefined); // seen once, if there is no room
    else if (bytes === null) missing.add(asOf(id));
    return bytes;
  };

  /** What the rows say of this phone's photos. */
  const settle = async (): Promise<void> => {
    const [shown, refusals] = [rows(), [...table<Refusal>("refusals").values()]];
    const change = (photo: PhotoRecord): ReturnType<typeof settled> => settled(photo, shown.get(photo.id), refusals, tried.has(asOf(photo.id)));
    if (!stored.photos.some(change)) return;
    const ids = await guarded(settlePhotos(work, change));
    for (const id of ids) tried.add(asOf(id));
    if (ids.length) await changed();
    pulse.wake(false);
  };
  const lookAtThumbs = async (): Promise<void> => {
    thumbs = await readThumbIds(cache);
    await fetchThumbs();
  };

  return {
    standing: () => ({ ...stored, network: networkNow(), sender, run }),
    thumbs() {
      const all = wanted();
      return { here: all.filter(({ id }) => thumbs.has(id)).length, of: all.length };
    },
    async start() {
      thumbs = await readThumbIds(cache);
      await reread();
      pulse.start();
      // The policy is judged anew when the network changes.
      (navigator as { connection?: EventTarget }).connection?.addEventListener?.("change", () => pulse.wake(false));
    },
    stop() {
      is_stopped = true;
      pulse.stop();
    },
    wake: pulse.wake,
    changed,
    reread: () => reread(),
    rowsChanged(is_reset) {
      if (is_reset) missing.clear();
      void settle().catch(() => undefined); // after the next answer again
      void lookAtThumbs().catch(() => undefined);
    },
    withRoom,
    screens: {
      preparePicture,
      async keepPhoto(draft_key, prepared, fields) {
        if ((await storage()).level === "full") throw new StorageError("QuotaExceededError: the rest is kept for text");
        const own = { id: newId(), draft_key, kept_at: Date.now() };
        await guarded(withRoom(() => keepInStore(work, own, prepared, fields)));
        await changed();
        return own.id;
      },
      keptPhotos: (draft_key) => stored.photos.filter((photo) => photo.draft_key === draft_key).map((photo) => keptPhoto(photo, { ...stored, network: "unknown", sender, run })),
      async changeKeptPhoto(id, fields) {
        await guarded(changePhotos(work, [id], (photo) => (photo.item_id === null ? fields : null)));
        await changed();
      },
      async dropKeptPhoto(id) {
        const row = rows().get(id);
        const is_there = row !== undefined && row.version > 0;
        if (is_there && stored.photos.some((photo) => photo.id === id && photo.is_stuck)) {
          // Everybody would wait for its bytes: its row goes first, they when that is through.
          await removeRow(row);
          await guarded(changePhotos(work, [id], () => ({ is_given_up: true })));
        } else {
          const may = ({ item_id, is_stuck, outcome }: PhotoRecord): boolean => item_id === null || is_stuck || outcome === "refused" || (outcome === "parked" && !is_there);
          await guarded(dropPhoto(work, id, may));
        }
        await changed();
      },
      photoBytes: (id, file) => readBytes(work, id, file),
      async thumbOf(id) {
        const own = await readBytes(work, id, "thumb");
        const bytes = own ?? (await readThumb(cache, id)) ?? (missing.has(asOf(id)) ? null : await fetchThumb(id));
        return bytes instanceof ArrayBuffer ? new Blob([bytes], { type: "image/jpeg" }) : (bytes ?? null);
      },
      async setPhotoPolicy(policy) {
        await guarded(writePolicy(work, policy));
        await changed();
        pulse.wake(false);
      },
      async sendPhotosNow(ids) {
        const meant = ids ?? stored.photos.filter(isWaiting).map(({ id }) => id);
        await guarded(changePhotos(work, meant, (photo) => urged(photo, meant)));
        await changed();
        pulse.wake(true);
      },
      storage,
      freeStored,
    },
  };
}
