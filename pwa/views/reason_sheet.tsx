/** Asks for the reason of a status command before it is written. */

import { h } from "preact";
import { useState } from "preact/hooks";
import { REASON_LIMIT } from "../sync/rules.ts";
import { Dialog } from "./dialog.tsx";
import { useDraft } from "./drafts.ts";
import { wordOf, words } from "./words.ts";

interface Props {
  readonly command: string;
  /** What the reason is for: typed text is kept under it until it is saved. */
  readonly topic: string;
  readonly start?: string;
  readonly is_busy: boolean;
  /** `forget` is called once it is saved. */
  readonly onSave: (reason: string, forget: () => void) => void;
  readonly onClose: () => void;
}

export function ReasonSheet({ command, topic, start = "", is_busy, onSave, onClose }: Props) {
  const draft = useDraft(`reason:${command}:${topic}`, () => start);
  const reason = draft.value ?? "";
  const [is_missing, setMissing] = useState(false);
  const name = wordOf(words.command, command);
  const submit = (event: Event): void => {
    event.preventDefault();
    setMissing(reason.trim() === "");
    if (reason.trim() !== "") onSave(reason.trim(), () => draft.drop(""));
  };
  return (
    <Dialog title={name} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <label class="field">
          <span class="label">{wordOf(words.reason_why, command)}</span>
          <textarea autofocus class="input" dir="auto" rows={4} maxLength={REASON_LIMIT} value={reason} onInput={(event) => draft.set(event.currentTarget.value)} />
        </label>
        <p role="alert" class="error">{is_missing ? words.item.needs_reason : ""}</p>
        <button type="submit" class="primary wide" disabled={is_busy}>{name}</button>
      </form>
    </Dialog>
  );
}
