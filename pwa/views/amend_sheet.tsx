/** Edits an entry that has never been sent: its own words and values, nothing else. */

import { h } from "../render/elements.ts";
import { useState } from "../render/hooks.ts";
import { COMMENT_LIMIT } from "../sync/rules.ts";
import type { OutboxRow } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { Dialog } from "./dialog.tsx";
import { useLive } from "./engine.ts";
import { FieldInput } from "./field_input.tsx";
import { notify } from "./snackbar.tsx";
import { FIELD_NAMES, pick, type Values } from "./values.ts";
import { words } from "./words.ts";

/** The part of the arguments that a person wrote. */
function contentOf(row: OutboxRow): Values {
  if (row.name === "comment.add") return { text: row.args["text"] };
  const source = row.name === "item.edit" ? (row.args["set"] as Values) : row.args;
  return pick(source, FIELD_NAMES.filter((field) => field in source));
}

function argsWith(row: OutboxRow, content: Values): Record<string, unknown> {
  return row.name === "item.edit" ? { ...row.args, set: content } : { ...row.args, ...content };
}

export function AmendSheet({ row, onClose }: { row: OutboxRow; onClose: () => void }) {
  const { engine, snapshot } = useLive();
  const [content, setContent] = useState(() => contentOf(row));
  const { is_busy, act } = useActing();
  const item = row.item_id === null ? undefined : snapshot.items.get(row.item_id);
  const is_empty = ["title", "text"].some((field) => field in content && String(content[field]).trim() === "");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const is_amended = await act(() => engine.amend(row.id, argsWith(row, content)), { text: words.outbox.amended });
    if (!is_amended) return notify({ text: words.outbox.too_late, is_bad: true });
    onClose();
  };
  return (
    <Dialog title={words.outbox.edit} is_full onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        {Object.keys(content).map((field) =>
          field === "text" ? (
            <label key={field} class="field">
              <span class="label">{words.field.text}</span>
              <textarea class="input" dir="auto" rows={4} maxLength={COMMENT_LIMIT} value={String(content[field])} onInput={(event) => setContent({ text: event.currentTarget.value })} />
            </label>
          ) : (
            <FieldInput
              key={field}
              field={field}
              value={content[field]}
              sector_id={item?.sector_id ?? String(row.args["sector_id"] ?? "")}
              onChange={(value) => setContent({ ...content, [field]: value })}
            />
          ),
        )}
        <button type="submit" class="primary wide" disabled={is_busy || is_empty}>{words.save}</button>
      </form>
    </Dialog>
  );
}
