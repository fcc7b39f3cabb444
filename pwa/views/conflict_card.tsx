/** Two versions of one field: both values, who wrote them and when, and one tap for each. */

import { h, type ComponentChildren } from "preact";
import type { Conflict, Id } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { useLive, useNow } from "./engine.ts";
import { formatInstant, formatItemNumber } from "./format.ts";
import { Icon } from "./icons.tsx";
import { mayAnswer, mayChoose } from "./rights.ts";
import { fieldWord, personName, valueWords } from "./values.ts";
import { say, words } from "./words.ts";

interface Wording {
  readonly heading: string;
  readonly other: string;
  readonly keep: string;
  readonly take: string;
}

function wordingOf(conflict: Conflict, me_id: Id, nameOf: (id: Id) => string): Wording {
  const field = fieldWord(conflict.field);
  const table = words.conflict;
  const is_mine = conflict.other_by === me_id;
  if (conflict.kind === "suggestion") {
    const heading = say(table.suggestion, is_mine ? words.by_you : nameOf(conflict.other_by), field);
    return { heading, other: table.suggested, keep: is_mine ? table.withdraw : table.keep, take: table.take };
  }
  if (conflict.state !== "noted") return { heading: say(table.two, field), other: table.other, keep: table.keep, take: table.take };
  return {
    heading: say(is_mine ? table.replaced : table.you_replaced, field),
    other: is_mine ? table.yours : table.other,
    keep: table.ok,
    take: is_mine ? table.restore : table.bring_back,
  };
}

export function ConflictCard({ conflict, has_item = false }: { conflict: Conflict; has_item?: boolean }) {
  const { engine, snapshot } = useLive();
  const now = useNow(60_000);
  const { is_busy, act } = useActing();
  const nameOf = (id: Id): string => (id === engine.me.id ? words.you : personName(snapshot, id));
  const wording = wordingOf(conflict, engine.me.id, nameOf);
  const item = snapshot.items.get(conflict.item_id);
  const may_answer = mayAnswer(snapshot, engine.me, conflict);
  const answer = (choice: "current" | "other"): void => {
    const args = { id: conflict.id, choice };
    void act(() => engine.mutate("conflict.resolve", args, conflict.version), { text: words.conflict.answered });
  };
  const side = (label: string, value: unknown, by: Id, at: number, choice: "current" | "other", act_word: string) => {
    const text = valueWords(snapshot, conflict.field, value);
    const is_open = may_answer && mayChoose(snapshot, engine.me, conflict, choice);
    return (
      <Side label={label} text={text} by={say(words.conflict.by, nameOf(by), formatInstant(at, now))}>
        {is_open && <button type="button" aria-label={`${act_word}: ${text}`} disabled={is_busy} onClick={() => answer(choice)}>{act_word}</button>}
      </Side>
    );
  };
  const Heading = has_item ? "h3" : "h2";
  return (
    <article class={`card conflict ${conflict.state} ${conflict.kind}`}>
      <Heading><Icon name="split" /><span>{wording.heading}</span></Heading>
      {has_item && item && <a class="card-item" href={`/items/${item.id}`} dir="auto">{formatItemNumber(item)} {item.title}</a>}
      <div class="sides">
        {side(words.conflict.now, conflict.current, conflict.current_by, conflict.current_at, "current", wording.keep)}
        {side(wording.other, conflict.other, conflict.other_by, conflict.other_at, "other", wording.take)}
      </div>
      {conflict.state === "open" && !mayChoose(snapshot, engine.me, conflict, "other") && <p class="hint">{words.conflict.waits}</p>}
    </article>
  );
}

function Side({ label, text, by, children }: { label: string; text: string; by: string; children: ComponentChildren }) {
  return (
    <div class="side">
      <span class="label">{label}</span>
      <p class="side-value" dir="auto">{text}</p>
      <p class="side-by">{by}</p>
      {children}
    </div>
  );
}
