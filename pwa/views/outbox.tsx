/** Everything made here that the server has not acknowledged: what, where, how old, how big, and why it waits. */

import { Fragment, h } from "preact";
import { useState } from "preact/hooks";
import type { Id, KeptPhoto, OutboxRow, Snapshot } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { AmendSheet } from "./amend_sheet.tsx";
import { baseOf } from "./commands.tsx";
import { Dialog } from "./dialog.tsx";
import { useLive, useNow } from "./engine.ts";
import { saveFile } from "./files.ts";
import { formatAge, formatBytes, formatItemNumber } from "./format.ts";
import { Icon } from "./icons.tsx";
import { Page } from "./page.tsx";
import { canSend, exportPhoto, placeWords, reasonOf, Small } from "./photos.tsx";
import { notify } from "./snackbar.tsx";
import { entryWords, recordsOf, sectorCode, unsentPhotos } from "./values.ts";
import { say, wordOf, words } from "./words.ts";

const AMENDABLE = new Set(["item.create", "item.edit", "comment.add"]);

/** Entries that only make sense with this one: those about the item that it creates. */
export function dependentsOf(snapshot: Snapshot, row: OutboxRow): OutboxRow[] {
  if (row.name !== "item.create") return [];
  return snapshot.outbox.filter((other) => other.n > row.n && other.item_id === row.item_id && other.state === "waiting");
}

export function OutboxPage() {
  const { engine, snapshot } = useLive();
  const photos = unsentPhotos(snapshot);
  const records = recordsOf(snapshot);
  const waiting = snapshot.outbox.filter((row) => row.state !== "acked" && !records.has(row));
  const count = waiting.length + snapshot.quarantined.length + photos.length;
  const is_all_there = snapshot.strip.kind === "all_on_server";
  return (
    <Page title={words.outbox.heading}>
      {count === 0 ? (
        <div class="empty">
          <p>{words.outbox.empty}</p>
          {is_all_there && <p>{words.outbox.all_there}</p>}
        </div>
      ) : (
        <>
          <p>{say(words.outbox.count, count)}</p>
          <div class="actions">
            <button type="button" class="primary" onClick={() => (engine.sendNow(), void engine.sendPhotosNow())}><Icon name="up" />{words.outbox.send_now}</button>
            <ExportButton />
          </div>
          <p class="hint">{words.outbox.export_hint}</p>
        </>
      )}
      <ul class="cards">{waiting.map((row) => <Row key={row.id} row={row} />)}{photos.map((one) => <PhotoRow key={one.id} photo={one} record={[...records].find((row) => row.args["id"] === one.id)} />)}</ul>
    </Page>
  );
}

export function ExportButton() {
  const { engine } = useLive();
  const exportAll = async (): Promise<void> => {
    saveFile(await engine.exportOutbox(), `holdfast-outbox-${engine.me.name}-${new Date().toISOString().slice(0, 16).replace(":", "")}.json`);
    notify({ text: words.outbox.exported });
  };
  return (
    <button type="button" onClick={() => void exportAll()}><Icon name="download" />{words.outbox.export}</button>
  );
}

function Row({ row }: { row: OutboxRow }) {
  const { snapshot } = useLive();
  const now = useNow(30_000);
  const [open, setOpen] = useState<"edit" | "discard" | null>(null);
  const { what, content, item } = entryWords(snapshot, row);
  const is_tried = row.state === "tried";
  const why = wordOf(words.outbox.why, snapshot.strip.kind);
  const facts = [say(words.outbox.age, formatAge(row.made_at, now)), formatBytes(row.bytes), row.tries === 0 ? words.outbox.never_tried : say(words.outbox.tries, row.tries), why];
  return (
    <li class="card entry">
      <h2><Icon name={is_tried ? "up" : "clock"} /><span>{what}</span></h2>
      {item && <a class="card-item" href={`/items/${item.id}`} dir="auto">{formatItemNumber(item)} {item.title}, {sectorCode(snapshot, item.sector_id)}</a>}
      {content !== "" && content !== item?.title && <blockquote class="card-content" dir="auto">{content}</blockquote>}
      <p class="hint">{facts.join(" · ")}</p>
      {is_tried ? (
        <p class="hint">{words.outbox.tried_why}</p>
      ) : row.name !== "noop" && (
        <div class="card-acts">
          {AMENDABLE.has(row.name) && <button type="button" onClick={() => setOpen("edit")}><Icon name="pencil" />{words.outbox.edit}</button>}
          <button type="button" class="danger" onClick={() => setOpen("discard")}><Icon name="trash" />{words.outbox.discard}</button>
        </div>
      )}
      {open === "edit" && <AmendSheet row={row} onClose={() => setOpen(null)} />}
      {open === "discard" && <DiscardSheet row={row} what={what} onClose={() => setOpen(null)} />}
    </li>
  );
}

/** A photo and its record, which comes before its bytes: one thing to a person. */
function PhotoRow({ photo, record }: { photo: KeptPhoto; record: OutboxRow | undefined }) {
  const { engine, snapshot } = useLive();
  const now = useNow(30_000);
  const { act, is_busy } = useActing();
  const [is_sure, setSure] = useState(false);
  const item = snapshot.items.get(photo.item_id ?? "");
  const tries = photo.tries === 0 ? words.outbox.never_tried : say(words.outbox.tries, photo.tries);
  const place = record === undefined ? [placeWords(snapshot, photo), photo.tries > 0 ? reasonOf(photo) : ""] : [item?.version === 0 ? words.outbox.for_item : wordOf(words.outbox.why, snapshot.strip.kind)];
  const facts = [say(words.outbox.age, formatAge(photo.kept_at, now)), formatBytes(photo.all_bytes), tries, ...place];
  const discard = (): Promise<Id | boolean | void> =>
    record?.state === "waiting" ? engine.discard(record.id) : photo.place === "stuck" || item === undefined ? engine.dropKeptPhoto(photo.id) : engine.mutate("photo.remove", { id: photo.id, item_id: item.id }, baseOf(item));
  return (
    <li class="card entry">
      <h2><Small photo={photo} /><span>{words.photo.one}, {words.photo.kind[photo.kind]}</span></h2>
      {item && <a class="card-item" href={`/items/${item.id}`} dir="auto">{formatItemNumber(item)} {item.title}, {sectorCode(snapshot, item.sector_id)}</a>}
      <p class="hint">{facts.filter(Boolean).join(" · ")}</p>
      {photo.place === "sending" && <progress aria-label={words.photo.progress} max={photo.all_bytes} value={photo.sent_bytes} />}
      {is_sure && <p role="alert"><strong>{words.needs.forget_sure}</strong></p>}
      <div class="card-acts">
        {canSend(snapshot) && <button type="button" onClick={() => void engine.sendPhotosNow([photo.id])}><Icon name="up" />{words.outbox.send_now}</button>}
        <button type="button" onClick={() => void exportPhoto(engine, photo)}><Icon name="download" />{words.outbox.export}</button>
        {is_sure && <button type="button" onClick={() => setSure(false)}>{words.outbox.keep}</button>}
        <button type="button" class="danger" disabled={is_busy} onClick={() => (is_sure ? void act(discard, { text: words.outbox.discarded }) : setSure(true))}>
          <Icon name="trash" />{is_sure ? words.outbox.discard_really : words.outbox.discard}
        </button>
      </div>
    </li>
  );
}

/** The second question before something that exists only here is gone. */
function DiscardSheet({ row, what, onClose }: { row: OutboxRow; what: string; onClose: () => void }) {
  const { engine, snapshot } = useLive();
  const { is_busy, act } = useActing();
  const dependents = dependentsOf(snapshot, row);
  const discard = async (): Promise<void> => {
    const all = async (): Promise<boolean> => {
      for (const one of dependents.toReversed()) if (!(await engine.discard(one.id))) return false;
      return engine.discard(row.id);
    };
    if (!(await act(all, { text: words.outbox.discarded }))) notify({ text: words.outbox.too_late, is_bad: true });
    onClose();
  };
  return (
    <Dialog title={words.outbox.discard_sure} onClose={onClose}>
      <p><strong>{what}</strong></p>
      <p>{words.outbox.discard_what} {dependents.length > 0 && say(words.outbox.discard_with, dependents.length)}</p>
      <div class="sheet-foot">
        <button type="button" class="primary" onClick={onClose}>{words.outbox.keep}</button>
        <button type="button" class="danger" disabled={is_busy} onClick={() => void discard()}>{words.outbox.discard_really}</button>
      </div>
    </Dialog>
  );
}
