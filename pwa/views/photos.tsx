/** Photos as a person meets them: a row of small ones, each with where it is, and one of them in full. */

import { Fragment, h } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Holdfast, Id, Item, ItemPhoto, KeptPhoto, PhotoKind, Snapshot } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { Choices } from "./choices.tsx";
import { baseOf } from "./commands.tsx";
import { Dialog } from "./dialog.tsx";
import { useDraft } from "./drafts.ts";
import { useLive, useNow } from "./engine.ts";
import { saveFile } from "./files.ts";
import { formatInstant } from "./format.ts";
import { Icon } from "./icons.tsx";
import { mayOn } from "./rights.ts";
import { notify } from "./snackbar.tsx";
import { personName } from "./values.ts";
import { say, wordOf, words } from "./words.ts";

export type Pictured = ItemPhoto | KeptPhoto;

export const KINDS = ["before", "after", "other"] as const;
const HERE = ["waiting", "held", "storage", "stuck"];

const isRow = (photo: Pictured): photo is ItemPhoto => "author_id" in photo;

/** Why the last try failed, in words; none without a failure. */
export const reasonOf = ({ reason }: Pictured): string => (reason === null ? "" : wordOf(words.photo.reason, reason));

/** Where the bytes are, in words. */
export function placeWords(snapshot: Snapshot, photo: Pictured): string {
  if (isRow(photo) && photo.preview === "unreadable") return words.photo.unreadable;
  const percent = Math.floor((photo.sent_bytes * 100) / photo.all_bytes) || 0;
  const name = isRow(photo) ? personName(snapshot, photo.author_id) : "";
  return photo.place === "stuck" ? reasonOf(photo) || words.photo.place.stuck : say(words.photo.place[photo.place], percent, name);
}

/** An address of a picture for as long as it is shown; null: there is none here. */
function usePicture(load: () => Promise<Blob | null>, key: string): string | null {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    let made: string | null = null;
    let is_left = false;
    const show = (picture: Blob | null): void => {
      if (is_left) return;
      made = picture && URL.createObjectURL(picture);
      setAddress(made);
    };
    load().then(show, () => show(null));
    return () => {
      is_left = true;
      if (made !== null) URL.revokeObjectURL(made);
    };
  }, [key]);
  return address;
}

const nameOf = (photo: Pictured): string => [words.photo.kind[photo.kind], photo.caption].filter(Boolean).join(": ");

/** "Send now" is no promise to make without a network. */
export const canSend = ({ strip }: Snapshot): boolean => strip.kind !== "offline";

export function Small({ photo }: { photo: Pictured }) {
  const { engine } = useLive();
  const address = usePicture(() => engine.thumbOf(photo.id), `${photo.id} ${isRow(photo) && photo.preview}`);
  return address === null ? <Icon name="camera" /> : <img src={address} alt="" />;
}

function Thumb({ photo, onOpen }: { photo: Pictured; onOpen: () => void }) {
  const { snapshot } = useLive();
  return (
    <li>
      <button type="button" class="thumb" aria-haspopup="dialog" onClick={onOpen}>
        <Small photo={photo} />
        <span class="thumb-name" dir="auto">{nameOf(photo)}</span>
        <span class={`thumb-place ${photo.place}`}>{placeWords(snapshot, photo)}</span>
      </button>
    </li>
  );
}

/** `item` is null while they belong to a draft. */
export function Thumbs({ photos, item }: { photos: readonly Pictured[]; item: Item | null }) {
  const [open_id, setOpen] = useState<Id | null>(null);
  const open = photos.find((photo) => photo.id === open_id);
  return (
    <>
      {photos.length > 0 && <ul class="thumbs">{photos.map((photo) => <Thumb key={photo.id} photo={photo} onOpen={() => setOpen(photo.id)} />)}</ul>}
      {open && <PhotoSheet photo={open} item={item} onClose={() => setOpen(null)} />}
    </>
  );
}

/** What this phone has, in full; else the server's; the small one where neither can be had. */
async function fullPicture(engine: Holdfast, photo: Pictured): Promise<Blob | null> {
  const own = photo.is_here && photo.media_type !== "image/heic" ? await engine.photoBytes(photo.id, "picture") : null;
  if (own !== null) return own;
  const answer = await fetch(`/photos/${photo.id}/view`).catch(() => null);
  return answer?.ok === true ? answer.blob() : engine.thumbOf(photo.id);
}

export async function exportPhoto(engine: Holdfast, photo: Pictured): Promise<void> {
  const bytes = await engine.photoBytes(photo.id, "picture");
  if (bytes === null) return notify({ text: words.photo.reason.lost, is_bad: true });
  saveFile(bytes, `holdfast-${nameOf(photo)}-${photo.id.slice(-6)}.${photo.media_type.slice("image/".length)}`);
}

interface Fields {
  readonly caption: string;
  readonly kind: PhotoKind;
}

function usePhoto(photo: Pictured, item: Item | null, onClose: () => void) {
  const { engine } = useLive();
  const { is_busy, act } = useActing();
  const draft = useDraft<Fields>(`photo:${photo.id}`, () => ({ caption: photo.caption, kind: photo.kind }));
  const args = { id: photo.id, item_id: item?.id };
  const base = item && baseOf(item);
  const save = async ({ caption, kind }: Fields): Promise<void> => {
    const set = { ...(caption !== photo.caption && { caption }), ...(kind !== photo.kind && { kind }) };
    const was = Object.fromEntries(Object.keys(set).map((field) => [field, photo[field as keyof Fields]]));
    const write = (): Promise<Id | void> => (item === null ? engine.changeKeptPhoto(photo.id, set) : engine.mutate("photo.edit", { ...args, set, was }, base));
    if (Object.keys(set).length > 0 && !(await act(write, { text: words.saved }))) return;
    draft.drop({ caption, kind });
    onClose();
  };
  const remove = async (): Promise<void> => {
    const restore = (): Promise<Id> => engine.mutate("photo.restore", args, base);
    const write = (): Promise<Id | void> => (item === null ? engine.dropKeptPhoto(photo.id) : engine.mutate("photo.remove", args, base));
    if (await act(write, { text: words.photo.removed, ...(item !== null && { otherwise: restore }) })) onClose();
  };
  return { is_busy, draft, save, remove };
}

function PhotoSheet({ photo, item, onClose }: { photo: Pictured; item: Item | null; onClose: () => void }) {
  const { engine, snapshot } = useLive();
  const now = useNow(60_000);
  const { is_busy, draft, save, remove } = usePhoto(photo, item, onClose);
  const [is_sure, setSure] = useState(item !== null); // in a draft nothing brings it back
  const address = usePicture(() => fullPicture(engine, photo), `${photo.id} ${isRow(photo) && photo.preview}`);
  const is_mine = !isRow(photo) || photo.author_id === engine.me.id;
  const may_remove = is_mine || (item !== null && mayOn(snapshot, engine.me, item, "photo.decide"));
  const fields = draft.value;
  return (
    <Dialog title={nameOf(photo)} is_full onClose={onClose}>
      {address === null ? <p class="empty">{words.photo.no_picture}</p> : <img class="photo" src={address} alt={nameOf(photo)} />}
      <p class="hint">
        {isRow(photo) && `${say(words.conflict.by, personName(snapshot, photo.author_id), formatInstant(photo.made_at, now))} · `}
        {placeWords(snapshot, photo)}
      </p>
      {photo.place === "sending" && <progress aria-label={words.photo.progress} max={photo.all_bytes} value={photo.sent_bytes} />}
      {is_mine && fields !== null && (
        <form class="form" onSubmit={(event) => (event.preventDefault(), void save(fields))}>
          <Choices label={words.field.kind} options={Object.entries(words.photo.kind)} chosen={[fields.kind]} onToggle={(kind) => draft.set({ ...fields, kind: kind as PhotoKind })} />
          <label class="field">
            <span class="label">{words.field.caption}</span>
            <input class="input" dir="auto" maxLength={500} value={fields.caption} onInput={(event) => draft.set({ ...fields, caption: event.currentTarget.value })} />
          </label>
          <button type="submit" class="primary wide" disabled={is_busy}>{words.save}</button>
        </form>
      )}
      <div class="stack">
        {photo.is_here && HERE.includes(photo.place) && canSend(snapshot) && (
          <button type="button" onClick={() => void engine.sendPhotosNow([photo.id])}><Icon name="up" />{words.photo.send_now}</button>
        )}
        {photo.is_here ? (
          <button type="button" onClick={() => void exportPhoto(engine, photo)}><Icon name="download" />{words.photo.download}</button>
        ) : photo.place === "stored" && (
          <a class="button" href={`/photos/${photo.id}/original`} download=""><Icon name="download" />{words.photo.download}</a>
        )}
        {may_remove && (
          <button type="button" class="danger" disabled={is_busy} onClick={() => (is_sure ? void remove() : setSure(true))}>
            <Icon name="trash" />{is_sure && item === null ? words.outbox.discard_really : words.photo.remove}
          </button>
        )}
      </div>
    </Dialog>
  );
}
