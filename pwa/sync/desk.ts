/** This phone's photos in the page: keeps their bytes, sends them, and looks after the space they take. */
import { changePhotos, dropPhoto, keepInStore, readBytes, writePolicy } from "../store/photos.ts";
import { clearThumbs, readThumb, readThumbIds, writeThumb } from "../store/thumbs.ts";
import { readPhotos, type StoredPhotos } from "../store/uploads.ts";
import type { CacheDatabase, PhotoRecord, WorkDatabase } from "../store/databases.ts";
import { openPhotoBell, type PhotoWord } from "./bell.ts";
import { newId } from "./ids.ts";
import { getThumb, networkNow, sendUpload } from "./network.ts";
import { isWaiting, keptPhoto, photoRunAfter, type PhotoRun, type Standing } from "./places.ts";
import { newPulse } from "./pulse.ts";
import { asSender } from "./runner.ts";
import { StorageError, type Holdfast, type Id, type Photo, type StorageState } from "./types.ts";
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
  /** The rows as shown. */
  readonly rows: () => ReadonlyMap<Id, Photo>;
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
  /** After rows came or went. */
  rowsChanged(): void;
  /** Frees what the server has, for text that found no room. */
  makeRoom(): Promise<void>;
}

export function newDesk({ user, work, cache, rows, tell, guarded }: Desked): Desk {
  let stored: StoredPhotos = { photos: [], policy: "any" };
  let sender: PhotoWord = NO_UPLOADS;
  let run: PhotoRun = { sent: 0, of: 0 };
  let thumbs = new Set<Id>();
  let is_fetching = false;
  let is_stopped = false;
  /** Not to be had from this server, as far as this page has seen. */
  const missing = new Set<Id>();

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
    run: async (is_forced) => (hasWork() || is_forced ? guarded(asSender("photos", user, () => upload(is_forced))) : null),
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
        if (thumbs.has(id) || missing.has(id)) continue;
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
    else if (bytes === null) missing.add(id);
    return bytes;
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
    rowsChanged() {
      const shown = rows();
      const back = stored.photos.filter(({ id, is_removed }) => is_removed && shown.has(id)).map(({ id }) => id);
      // Restored, or its removal was refused: its bytes are owed after all.
      if (back.length) void guarded(changePhotos(work, back, () => ({ is_removed: false }))).then(changed).then(() => pulse.wake(false), () => undefined);
      for (const id of thumbs) if (!shown.has(id)) thumbs.delete(id);
      void fetchThumbs().catch(() => undefined);
    },
    async makeRoom() {
      await freeStored();
      await clearThumbs(cache);
      thumbs.clear();
    },
    screens: {
      preparePicture,
      async keepPhoto(draft_key, prepared, fields) {
        if ((await storage()).level === "full") throw new StorageError("QuotaExceededError: the rest is kept for text");
        const own = { id: newId(), draft_key, kept_at: Date.now() };
        const keep = (): Promise<PhotoRecord> => keepInStore(work, own, prepared, fields);
        await guarded(
          keep().catch(async (error: unknown) => {
            if (!(error instanceof StorageError && error.is_full)) throw error;
            await freeStored();
            return keep();
          }),
        );
        await changed();
        return own.id;
      },
      keptPhotos: (draft_key) => stored.photos.filter((photo) => photo.draft_key === draft_key).map((photo) => keptPhoto(photo, { ...stored, network: "unknown", sender, run })),
      async changeKeptPhoto(id, fields) {
        await guarded(changePhotos(work, [id], (photo) => (photo.item_id === null ? fields : null)));
        await changed();
      },
      async dropKeptPhoto(id) {
        await guarded(dropPhoto(work, id, (photo) => photo.item_id === null || photo.is_stuck || photo.outcome === "refused"));
        await changed();
      },
      photoBytes: (id, file) => readBytes(work, id, file),
      async thumbOf(id) {
        const own = await readBytes(work, id, "thumb");
        const bytes = own ?? (await readThumb(cache, id)) ?? (missing.has(id) ? null : await fetchThumb(id));
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
