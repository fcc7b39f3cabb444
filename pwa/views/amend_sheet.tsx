/** Edits an entry that has never been sent: its own words and values, nothing else. */

import { h } from "preact";
import { emptyOf } from "../sync/overlay.ts";
import { COMMENT_LIMIT } from "../sync/rules.ts";
import type { OutboxRow } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { Dialog } from "./dialog.tsx";
import { useDraft } from "./drafts.ts";
import { useLive } from "./engine.ts";
import { FieldInput } from "./field_input.tsx";
import { notify } from "./snackbar.tsx";
import { changedFields, FIELD_NAMES, pick, type Values } from "./values.ts";
import { words } from "./words.ts";

const NOTHING: Values = Object.fromEntries(FIELD_NAMES.map((field) => [field, emptyOf(field)]));

/** The part of the arguments that a person wrote. */
function contentOf(row: OutboxRow): Values {
  if (row.name === "comment.add") return { text: row.args["text"] };
  if (row.name === "item.create") return { ...NOTHING, ...pick(row.args, FIELD_NAMES.filter((field) => field in row.args)) };
  const set = row.args["set"] as Values;
  return pick(set, FIELD_NAMES.filter((field) => field in set));
}

/** Of a new item every field may be filled in; what is empty does not travel. */
function argsWith(row: OutboxRow, content: Values): Record<string, unknown> {
  if (row.name === "item.create") {
    const others = Object.entries(row.args).filter(([field]) => !(field in NOTHING));
    return { ...Object.fromEntries(others), ...pick(content, changedFields(NOTHING, content)) };
  }
  return row.name === "item.edit" ? { ...row.args, set: content } : { ...row.args, ...content };
}

export function AmendSheet({ row, onClose }: { row: OutboxRow; onClose: () => void }) {
  const { engine, snapshot } = useLive();
  const draft = useDraft(`amend:${row.id}`, () => contentOf(row));
  const { is_busy, act } = useActing();
  const item = row.item_id === null ? undefined : snapshot.items.get(row.item_id);
  const content = draft.value ?? {};
  const is_empty = ["title", "text"].some((field) => field in content && String(content[field]).trim() === "");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const is_amended = await act(() => engine.amend(row.id, argsWith(row, content)), { text: words.outbox.amended });
    if (!is_amended) return notify({ text: words.outbox.too_late, is_bad: true });
    draft.drop(content);
    onClose();
  };
  return (
    <Dialog title={words.outbox.edit} is_full onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        {Object.keys(content).map((field) =>
          field === "text" ? (
            <label key={field} class="field">
              <span class="label">{words.field.text}</span>
              <textarea class="input" dir="auto" rows={4} maxLength={COMMENT_LIMIT} value={String(content[field])} onInput={(event) => draft.set({ text: event.currentTarget.value })} />
            </label>
          ) : (
            <FieldInput
              key={field}
              field={field}
              value={content[field]}
              sector_id={item?.sector_id ?? String(row.args["sector_id"] ?? "")}
              onChange={(value) => draft.set({ ...content, [field]: value })}
            />
          ),
        )}
        <button type="submit" class="primary wide" disabled={is_busy || is_empty}>{words.save}</button>
      </form>
    </Dialog>
  );
}
