/** Work that the server did not take, with its content, its reason and what can be done. */

import { h } from "preact";
import { useState } from "preact/hooks";
import type { Holdfast, Id, Refusal, Snapshot } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { baseOf } from "./commands.tsx";
import { useLive, useNow } from "./engine.ts";
import { formatAge, formatItemNumber } from "./format.ts";
import { Icon } from "./icons.tsx";
import { ReasonSheet } from "./reason_sheet.tsx";
import { commandsFor, leadsSomewhere, mayOn } from "./rights.ts";
import { navigate } from "./router.ts";
import { entryWords, pick, valuesOf } from "./values.ts";
import { wordOf, say, words } from "./words.ts";

const reasonWords = (refusal: Refusal): string => (refusal.reason in words.reason ? wordOf(words.reason, refusal.reason) : refusal.text);

/** The same intent once more, on the item as it is now. */
async function sendAgain(engine: Holdfast, snapshot: Snapshot, refusal: Refusal, reason?: string): Promise<Id> {
  const item = refusal.item_id === null ? undefined : snapshot.items.get(refusal.item_id);
  const args: Record<string, unknown> = { ...refusal.args };
  if (refusal.name === "comment.add") args["id"] = engine.newId();
  if (refusal.name === "photo.add" && item !== undefined) {
    await engine.attachPhotos(item.id, [String(args["id"])], baseOf(item));
    return engine.mutate("refusal.dismiss", { id: refusal.id }, null);
  }
  if (refusal.name === "item.edit" && item !== undefined) args["was"] = pick(valuesOf(item), Object.keys(args["set"] as object));
  if (reason !== undefined) args["reason"] = reason;
  const sent = await engine.mutate(refusal.name, args, item === undefined ? null : baseOf(item));
  await engine.mutate("refusal.dismiss", { id: refusal.id }, null);
  return sent;
}

/** Brings the item back first, then applies what was refused because it was gone. */
async function restoreAndApply(engine: Holdfast, snapshot: Snapshot, refusal: Refusal): Promise<void> {
  const id = refusal.item_id;
  if (refusal.reason === "deleted") await engine.mutate("item.restore", { id }, null);
  else await engine.mutate("item.reopen", { id, reason: words.needs.restored_reason }, null);
  await sendAgain(engine, snapshot, refusal);
}

/** Where the content can be edited and sent again; null: nowhere but on this card. */
function editorOf(refusal: Refusal): string | null {
  if (refusal.name === "item.create") return `/new?refusal=${refusal.id}`;
  if (refusal.name === "item.edit") return `/items/${refusal.item_id}?edit&refusal=${refusal.id}`;
  if (refusal.name === "comment.add") return `/items/${refusal.item_id}?refusal=${refusal.id}`;
  return null;
}

function useRefusal(refusal: Refusal) {
  const { engine, snapshot } = useLive();
  const { is_busy, act } = useActing();
  const item = refusal.item_id === null ? undefined : snapshot.items.get(refusal.item_id);
  const dismiss = (): void => void act(() => engine.mutate("refusal.dismiss", { id: refusal.id }, null), { text: words.needs.dismissed });
  const restore = (): void => void act(() => restoreAndApply(engine, snapshot, refusal), { text: words.needs.resent });
  const resend = (reason?: string): Promise<boolean> => act(() => sendAgain(engine, snapshot, refusal, reason), { text: words.needs.resent });
  const is_lead = item === undefined ? leadsSomewhere(snapshot, engine.me) : mayOn(snapshot, engine.me, item, "item.restore");
  const is_gone = refusal.reason === "deleted" ? item === undefined : refusal.reason === "void" && item?.status === "void";
  const may_restore = is_lead && is_gone && refusal.item_id !== null;
  const command = item && commandsFor(snapshot, engine.me, item).find((one) => one.name === refusal.name);
  return { is_busy, item, dismiss, restore, resend, may_restore, command };
}

export function RefusalCard({ refusal, has_item = false }: { refusal: Refusal; has_item?: boolean }) {
  const { snapshot } = useLive();
  const now = useNow(60_000);
  const { is_busy, item, dismiss, restore, resend, may_restore, command } = useRefusal(refusal);
  const [is_asking, setAsking] = useState(false);
  const { what, content } = entryWords(snapshot, refusal);
  const editor = item === undefined && refusal.name !== "item.create" ? null : editorOf(refusal);
  const again = (): void => (editor !== null ? navigate(editor) : command?.needs_reason === true ? setAsking(true) : void resend());
  const can_again = command !== undefined || (refusal.name === "photo.add" && item !== undefined);
  const is_parked = refusal.state === "parked";
  const Heading = has_item ? "h3" : "h2";
  return (
    <article class="card refusal">
      <Heading><Icon name={is_parked ? "pause" : "refused"} /><span>{is_parked ? say(words.needs.parked_one, what) : say(words.needs.refused_one, what)}</span></Heading>
      {has_item && item && <a class="card-item" href={`/items/${item.id}`} dir="auto">{formatItemNumber(item)} {item.title}</a>}
      <p class="card-reason">{reasonWords(refusal)}</p>
      {content !== "" && <blockquote class="card-content" dir="auto">{content}</blockquote>}
      <p class="hint">{say(words.needs.since, formatAge(refusal.made_at, now))}</p>
      {!is_parked && (
        <div class="card-acts">
          {may_restore && <button type="button" class="primary" disabled={is_busy} onClick={restore}>{words.needs.restore_apply}</button>}
          {!may_restore && (editor !== null || can_again) && (
            <button type="button" class="primary" disabled={is_busy} onClick={again}>
              {editor === null && !command?.needs_reason ? words.needs.resend : words.needs.edit_resend}
            </button>
          )}
          <button type="button" disabled={is_busy} onClick={dismiss}>{words.needs.dismiss}</button>
        </div>
      )}
      {!is_parked && editor === null && !can_again && !may_restore && <p class="hint">{words.needs.cannot}</p>}
      {is_asking && (
        <ReasonSheet
          command={refusal.name}
          topic={refusal.id}
          start={String(refusal.args["reason"] ?? "")}
          is_busy={is_busy}
          onSave={(reason, forget) => void resend(reason).then((is_sent) => is_sent && (forget(), setAsking(false)))}
          onClose={() => setAsking(false)}
        />
      )}
    </article>
  );
}
