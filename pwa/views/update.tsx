/** Says that a newer app waits, and takes it only where nothing typed can be lost. */

import { h } from "preact";
import { useLive } from "./engine.ts";
import { Icon } from "./icons.tsx";
import { words } from "./words.ts";

export function UpdateNotice() {
  const { engine } = useLive();
  if (!engine.update.is_waiting) return null;
  return (
    <section class="update" aria-label={words.settings.update_ready}>
      <Icon name="download" />
      <p role="status">{engine.update.is_blocked ? words.settings.update_blocked : words.settings.update_ready}</p>
      {!engine.update.is_blocked && <button type="button" onClick={() => void engine.applyUpdate()}>{words.settings.update_now}</button>}
    </section>
  );
}
