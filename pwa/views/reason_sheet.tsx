/** Asks for the reason of a status command before it is written. */

import { h } from "../render/elements.ts";
import { useState } from "../render/hooks.ts";
import { REASON_LIMIT } from "../sync/rules.ts";
import { Dialog } from "./dialog.tsx";
import { wordOf, words } from "./words.ts";

interface Props {
  readonly command: string;
  readonly start?: string;
  readonly is_busy: boolean;
  readonly onSave: (reason: string) => void;
  readonly onClose: () => void;
}

export function ReasonSheet({ command, start = "", is_busy, onSave, onClose }: Props) {
  const [reason, setReason] = useState(start);
  const [is_missing, setMissing] = useState(false);
  const name = wordOf(words.command, command);
  const submit = (event: Event): void => {
    event.preventDefault();
    setMissing(reason.trim() === "");
    if (reason.trim() !== "") onSave(reason.trim());
  };
  return (
    <Dialog title={name} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <label class="field">
          <span class="label">{wordOf(words.reason_why, command)}</span>
          <textarea autofocus class="input" dir="auto" rows={4} maxLength={REASON_LIMIT} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <p role="alert" class="error">{is_missing ? words.item.needs_reason : ""}</p>
        <button type="submit" class="primary wide" disabled={is_busy}>{name}</button>
      </form>
    </Dialog>
  );
}
