/** Taking photos: camera or files, kept on this phone at once, and refused before they are taken where there is no room. */

import { h } from "preact";
import { useEffect, useState } from "preact/hooks";
import { PictureError, type Holdfast, type Id, type Item, type PhotoKind, type Position, type StorageState } from "../sync/types.ts";
import { Choices } from "./choices.tsx";
import { baseOf } from "./commands.tsx";
import { Dialog } from "./dialog.tsx";
import { useLive } from "./engine.ts";
import { saveFile } from "./files.ts";
import { Icon } from "./icons.tsx";
import { canSend, Thumbs } from "./photos.tsx";
import { readPreference, writePreference } from "./preferences.ts";
import { mayOn } from "./rights.ts";
import { notify } from "./snackbar.tsx";
import { say, wordOf, words } from "./words.ts";

export const USUAL_PX = 1_600;
const POSITION_MS = 5_000;

export const isOriginal = (engine: Holdfast): boolean => readPreference(engine.me.id, "is_original", false);
export const tellsPosition = (engine: Holdfast): boolean => readPreference(engine.me.id, "tells_position", false);

/** Where the phone is, asked for with consent alone; null where it does not say so soon. */
function whereAmI(): Promise<Position | null> {
  return new Promise((resolve) => {
    const take = ({ coords }: GeolocationPosition): void =>
      resolve({ lat_e7: Math.round(coords.latitude * 1e7), lon_e7: Math.round(coords.longitude * 1e7), accuracy_m: Math.round(coords.accuracy) });
    navigator.geolocation.getCurrentPosition(take, () => resolve(null), { timeout: POSITION_MS, maximumAge: 60_000, enableHighAccuracy: true });
  });
}

/** What the phone's storage has room for, looked at again whenever the photos on it change. */
export function useStorage(): StorageState | null {
  const { engine, snapshot } = useLive();
  const [state, setState] = useState<StorageState | null>(null);
  useEffect(() => void engine.storage().then(setState, () => undefined), [snapshot.photos]);
  return state;
}

interface Unkept {
  readonly file: File;
  readonly reason: string;
}

function useTaking(draft_key: string, kind: PhotoKind, attach?: (ids: readonly Id[]) => Promise<unknown>) {
  const { engine } = useLive();
  const [left, setLeft] = useState(0);
  const [unkept, setUnkept] = useState<readonly Unkept[]>([]);
  const keep = async (file: File, position: Promise<Position | null> | null): Promise<Unkept | null> => {
    try {
      const options = { max_px: USUAL_PX, is_original: isOriginal(engine) };
      const prepared = await engine.preparePicture(file, options);
      const id = await engine.keepPhoto(draft_key, prepared, { kind, caption: "", position: await position });
      await attach?.([id]);
      return null;
    } catch (error) {
      return { file, reason: error instanceof PictureError ? error.message : "full" };
    }
  };
  /** One after the other; none that could not be kept is dropped silently. */
  const take = async (files: readonly File[]): Promise<void> => {
    const position = tellsPosition(engine) ? whereAmI() : null;
    const failed: Unkept[] = [];
    for (const [index, file] of files.entries()) {
      setLeft(files.length - index);
      const one = await keep(file, position);
      if (one !== null) failed.push(one);
    }
    setLeft(0);
    setUnkept(failed);
    if (failed.length < files.length) notify({ text: say(words.photo.kept, files.length - failed.length) });
  };
  return { left, unkept, setUnkept, take };
}

interface Props {
  readonly draft_key: string;
  readonly start: PhotoKind;
  /** Keeps the form that they belong to, before the camera takes the screen. */
  readonly onBefore?: () => void;
  readonly attach?: (ids: readonly Id[]) => Promise<unknown>;
}

export function TakePhotos({ draft_key, start, onBefore, attach }: Props) {
  const [kind, setKind] = useState(start);
  const [is_refused, setRefused] = useState(false);
  const storage = useStorage();
  const { left, unkept, setUnkept, take } = useTaking(draft_key, kind, attach);
  const input = (word: string, others: object) => (
    <label class="button take">
      <Icon name={"capture" in others ? "camera" : "folder"} />
      {word}
      <input
        {...others}
        type="file"
        accept="image/*"
        class="sr"
        disabled={left > 0}
        onClick={(event) => {
          onBefore?.();
          if (storage?.level !== "full") return;
          event.preventDefault();
          setRefused(true);
        }}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          void take(files);
        }}
      />
    </label>
  );
  return (
    <div class="stack">
      <Choices label={words.field.kind} options={Object.entries(words.photo.kind)} chosen={[kind]} onToggle={(one) => setKind(one as PhotoKind)} />
      <div class="actions">
        {input(words.photo.take, { capture: "environment" })}
        {input(words.photo.choose, { multiple: true })}
      </div>
      <p role="status" class="hint">{left > 0 ? say(words.photo.preparing, left) : storage !== null && storage.level !== "ok" ? levelWords(storage) : ""}</p>
      {(is_refused || unkept.length > 0) && (
        <RoomSheet unkept={unkept} storage={storage} onAgain={() => void take(unkept.map(({ file }) => file))} onClose={() => (setRefused(false), setUnkept([]))} />
      )}
    </div>
  );
}

/** A forecast is no count: its first digit is all that can be known, and no more is promised than there is. */
export const roughly = (count: number): number => count - (count % 10 ** (String(count).length - 1));

export const levelWords = ({ level, photos_left }: StorageState): string => say(words.photo.level[level], roughly(photos_left ?? 0));

interface RoomProps {
  readonly unkept: readonly Unkept[];
  readonly storage: StorageState | null;
  readonly onAgain: () => void;
  readonly onClose: () => void;
}

/** There is no room, or a picture could not be kept: what a person can do, and each picture as a file. */
function RoomSheet({ unkept, storage, onAgain, onClose }: RoomProps) {
  const { engine, snapshot } = useLive();
  const free = async (): Promise<void> => {
    await engine.freeStored();
    if (unkept.length > 0) onAgain();
    onClose();
  };
  return (
    <Dialog title={unkept.length > 0 ? words.photo.not_kept : words.photo.no_room} onClose={onClose}>
      <p>{words.photo.no_room_why}</p>
      <div class="stack">
        {unkept.map(({ file, reason }) => (
          <button type="button" onClick={() => saveFile(file, file.name)}><Icon name="download" />{say(words.photo.save_file, file.name, wordOf(words.photo.reason, reason))}</button>
        ))}
        {unkept.length > 0 && <button type="button" onClick={() => (onClose(), onAgain())}>{words.needs.try_again}</button>}
        {storage !== null && storage.freeable_bytes > 0 && <button type="button" class="primary" onClick={() => void free()}>{words.photo.free}</button>}
        {canSend(snapshot) && <button type="button" onClick={() => (void engine.sendPhotosNow(), onClose())}><Icon name="up" />{words.photo.send_now}</button>}
        {isOriginal(engine) && <button type="button" onClick={() => (writePreference(engine.me.id, "is_original", false), onClose())}>{words.photo.smaller}</button>}
        <label class="button take">
          <Icon name="camera" />{words.photo.to_files}
          <input type="file" accept="image/*" capture="environment" class="sr" onChange={(event) => {
            for (const file of event.currentTarget.files ?? []) saveFile(file, file.name);
          }} />
        </label>
      </div>
    </Dialog>
  );
}

/** The photos of an item, and the way to add one. What was kept just before a crash is added when the page opens again. */
export function ItemPhotos({ item }: { item: Item }) {
  const { engine, snapshot } = useLive();
  const photos = snapshot.photosOf(item.id);
  const draft_key = `photo:${item.id}`;
  const may_add = mayOn(snapshot, engine.me, item, "photo.add");
  const attach = (ids: readonly Id[]): Promise<void> => engine.attachPhotos(item.id, ids, baseOf(item));
  useEffect(() => {
    const ids = engine.keptPhotos(draft_key).filter((one) => one.item_id === null).map((one) => one.id);
    if (ids.length > 0) attach(ids).catch(() => notify({ text: words.not_saved, is_bad: true }));
  }, []);
  if (photos.length === 0 && !may_add) return null;
  return (
    <section class="block" aria-labelledby="photos-head">
      <h2 id="photos-head">{words.photo.heading}</h2>
      <Thumbs photos={photos} item={item} />
      {may_add && <TakePhotos draft_key={draft_key} start={item.status === "open" ? "before" : "after"} attach={attach} />}
    </section>
  );
}
