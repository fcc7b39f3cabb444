/** The input of one editable field, by its kind. */

import { Fragment, h } from "preact";
import { useState } from "preact/hooks";
import { ITEM_FIELDS } from "../sync/rules.ts";
import type { Id, Snapshot } from "../sync/types.ts";
import { Choices, ChoicesRow } from "./choices.tsx";
import { useLive } from "./engine.ts";
import { dayFrom } from "./format.ts";
import { Icon, type IconName } from "./icons.tsx";
import { Picker, type Option } from "./picker.tsx";
import { peopleIn } from "./rights.ts";
import { fieldWord, valueWords } from "./values.ts";
import { wordOf, say, words } from "./words.ts";

export interface FieldProps {
  readonly field: string;
  readonly value: unknown;
  readonly sector_id: Id;
  /** A remark under the label. */
  readonly hint?: string | undefined;
  readonly onChange: (value: unknown) => void;
}

export function FieldInput(props: FieldProps) {
  const kind = ITEM_FIELDS[props.field]?.kind;
  if (kind === "choice") return <ChoiceInput {...props} />;
  if (kind === "date") return <DateInput {...props} />;
  if (kind === "ref" || kind === "refs") return <ReferenceInput {...props} />;
  if (kind === "tags") return <TagsInput {...props} />;
  return <TextInput {...props} />;
}

function Label({ field, hint }: { field: string; hint: string | undefined }) {
  return (
    <>
      <span class="label">{fieldWord(field)}</span>
      {hint && <span class="hint">{hint}</span>}
    </>
  );
}

function TextInput({ field, value, hint, onChange }: FieldProps) {
  const limit = ITEM_FIELDS[field]?.limit ?? 2_000;
  const Box = limit > 255 ? "textarea" : "input";
  return (
    <label class="field">
      <Label field={field} hint={hint} />
      {h(Box as "textarea", {
        class: "input",
        dir: "auto",
        maxLength: limit,
        rows: 4,
        value: String(value ?? ""),
        onInput: (event: Event) => onChange((event.currentTarget as HTMLTextAreaElement).value),
      })}
    </label>
  );
}

function ChoiceInput({ field, value, hint, onChange }: FieldProps) {
  const table = field === "priority" ? words.priority : words.type;
  const options = (ITEM_FIELDS[field]?.choices ?? []).map((choice) => [choice, wordOf(table, choice)] as const);
  return (
    <div>
      <Choices label={fieldWord(field)} options={options} chosen={[String(value)]} onToggle={onChange} />
      {hint && <p class="hint">{hint}</p>}
    </div>
  );
}

function DateInput({ field, value, hint, onChange }: FieldProps) {
  const now = Date.now();
  const days = [
    [dayFrom(now, 0), words.capture.today],
    [dayFrom(now, 1), words.capture.tomorrow],
    [dayFrom(now, 7), words.capture.in_a_week],
    ["", words.capture.no_date],
  ] as const;
  const day = String(value ?? "");
  return (
    <div class="field">
      <label class="field">
        <Label field={field} hint={hint} />
        <input class="input" type="date" value={day} onInput={(event) => onChange(event.currentTarget.value || null)} />
      </label>
      <ChoicesRow options={days} chosen={[day]} onToggle={(one) => onChange(one || null)} />
    </div>
  );
}

/** Commas part the tags while typing; the value is the sorted set of them. */
export function parseTags(text: string): string[] {
  const tags = text.split(",").map((tag) => tag.trim().slice(0, 50)).filter((tag) => tag !== "");
  return [...new Set(tags)].sort().slice(0, ITEM_FIELDS["tags"]?.limit ?? 30);
}

function TagsInput({ field, value, hint, onChange }: FieldProps) {
  const [text, setText] = useState(Array.isArray(value) ? value.join(", ") : "");
  return (
    <label class="field">
      <Label field={field} hint={hint ?? words.capture.tags_hint} />
      <input
        class="input"
        dir="auto"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          onChange(parseTags(event.currentTarget.value));
        }}
      />
    </label>
  );
}

/** What a reference may point at: trades, companies, or the people of the sector. */
export function optionsFor(snapshot: Snapshot, field: string, sector_id: Id): Option[] {
  if (field === "trade_id") return [...snapshot.trades.values()];
  if (field === "company_id") return [...snapshot.companies.values()];
  return peopleIn(snapshot, sector_id).map((id) => {
    const company = snapshot.companies.get(snapshot.actors.get(id)?.company_id ?? "")?.name;
    return { id, name: snapshot.actors.get(id)?.name ?? id, ...(company !== undefined && { note: company }) };
  });
}

const ICONS: Readonly<Record<string, IconName>> = { trade_id: "trade", company_id: "tag", assignee_ids: "person", sector_id: "pin" };

function ReferenceInput({ field, value, sector_id, hint, onChange }: FieldProps) {
  const { snapshot } = useLive();
  const is_many = ITEM_FIELDS[field]?.kind === "refs";
  const chosen = Array.isArray(value) ? (value as string[]) : typeof value === "string" ? [value] : [];
  return (
    <PickerField
      field={field}
      text={chosen.length === 0 ? words.none : valueWords(snapshot, field, value)}
      hint={hint}
      options={optionsFor(snapshot, field, sector_id)}
      chosen={chosen}
      is_many={is_many}
      none={words.none}
      onChoose={(ids) => onChange(is_many ? ids : (ids[0] ?? null))}
    />
  );
}

interface PickerFieldProps {
  readonly field: string;
  readonly text: string;
  readonly hint?: string | undefined;
  readonly options: readonly Option[];
  readonly chosen: readonly string[];
  readonly is_many?: boolean;
  readonly none?: string;
  readonly onChoose: (ids: string[]) => void;
}

/** A large button that shows the choice and opens the full-screen picker. */
export function PickerField({ field, text, hint, is_many = false, none, options, chosen, onChoose }: PickerFieldProps) {
  const [is_open, setOpen] = useState(false);
  const name = fieldWord(field);
  return (
    <div class="field">
      <button type="button" class="picker" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <Icon name={ICONS[field] ?? "tag"} />
        <span class="picker-words">
          <span class="label">{name}</span>
          <span class={chosen.length === 0 ? "picker-value none" : "picker-value"} dir="auto">{text}</span>
        </span>
        <Icon name="down" />
      </button>
      {hint && <span class="hint">{hint}</span>}
      {is_open && (
        <Picker
          title={say(words.capture.choose, name.toLowerCase())}
          topic={field}
          options={options}
          chosen={chosen}
          is_many={is_many}
          {...(none !== undefined && { none })}
          onChoose={(ids) => {
            onChoose(ids);
            if (!is_many) setOpen(false);
          }}
          onClose={() => setOpen(false)}
        />
      )}
    </div>
  );
}
