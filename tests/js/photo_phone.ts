/** A phone that takes photos: real stores, the real uploader, and a server that may fail. */
import { actInStore, attachInStore } from "../../pwa/store/acts.ts";
import type { PhotoRecord } from "../../pwa/store/databases.ts";
import { changePhotos, keepInStore } from "../../pwa/store/photos.ts";
import { readPhotos } from "../../pwa/store/uploads.ts";
import { newId } from "../../pwa/sync/ids.ts";
import { newUploader, type UploadEnvironment } from "../../pwa/sync/uploader.ts";
import type { Network } from "../../pwa/sync/uploading.ts";
import { urged } from "../../pwa/sync/urging.ts";
import { taken } from "./camera.ts";
import { FakeServer } from "./fake_server.ts";
import { FakeUploads } from "./fake_uploads.ts";
import { Phone } from "./phone.ts";

export const FIELDS = { kind: "before", caption: "", position: null } as const;

export class PhotoPhone {
  readonly phone: Phone;
  readonly uploads = new FakeUploads();
  network: Network = "wifi";
  now = 1_000_000;

  private constructor(phone: Phone) {
    this.phone = phone;
  }

  static async open(): Promise<PhotoPhone> {
    return new PhotoPhone(await Phone.open(new FakeServer()));
  }

  /** Keeps a photo in a draft. */
  async keep(size: number, thumb_size = 900): Promise<string> {
    const id = newId();
    const prepared = taken(size, thumb_size);
    await keepInStore(this.phone.work, { id, draft_key: "new", kept_at: this.now }, prepared, FIELDS);
    this.uploads.rows.set(id, { picture: prepared.sha256, thumb: prepared.thumb_sha256 });
    return id;
  }

  /** A photo whose `photo.add` has its receipt. */
  async add(size: number, thumb_size = 900): Promise<string> {
    const id = await this.keep(size, thumb_size);
    await attachInStore(this.phone.work, null, "i", [id], 1, this.now);
    await this.phone.sender().run(true);
    return id;
  }

  attach(...ids: string[]): Promise<unknown> {
    return attachInStore(this.phone.work, null, "i", ids, 1, this.now);
  }

  act(name: string, args: Record<string, unknown>): Promise<unknown> {
    return actInStore(this.phone.work, { type: "mutate", id: newId(), name, args, base: 1, made_at: this.now });
  }

  /** A tab, or the worker. */
  sender(changes: Partial<UploadEnvironment> = {}): (is_forced: boolean) => Promise<number | null> {
    const { work } = this.phone;
    const { send } = this.uploads;
    return newUploader({ work, send, now: () => this.now, network: () => this.network, changed: () => undefined, ...changes });
  }

  /** Sends until nothing is left that time alone would help. */
  async drain(send = this.sender(), most = 200): Promise<void> {
    for (let tries = 0; tries < most; tries++) {
      const at = await send(false);
      if (at === null) return;
      this.now = Math.max(this.now, at);
    }
    throw new Error("still not done");
  }

  async photos(): Promise<readonly PhotoRecord[]> {
    return (await readPhotos(this.phone.work)).photos;
  }

  async photo(id: string): Promise<PhotoRecord> {
    return (await this.photos()).find((photo) => photo.id === id)!;
  }

  /** "Send now". */
  urge(...ids: string[]): Promise<void> {
    return changePhotos(this.phone.work, ids, (photo) => urged(photo, ids));
  }

  change(id: string, changes: Partial<PhotoRecord>): Promise<void> {
    return changePhotos(this.phone.work, [id], () => changes);
  }
}
