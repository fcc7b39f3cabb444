/** The edit form of an item. Only the fields that were changed travel, each with the value that was seen. */

import { h } from "preact";
import { useEffect } from "preact/hooks";
import type { Holdfast, Id, Item, Snapshot } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { baseOf } from "./commands.tsx";
import { useDraft } from "./drafts.ts";
import { useLive } from "./engine.ts";
import { FieldInput } from "./field_input.tsx";
import { Icon } from "./icons.tsx";
import { Page } from "./page.tsx";
import { isSuggestion, rolesIn } from "./rights.ts";
import { goBack } from "./router.ts";
import { changedFields, FIELD_NAMES, pick, valuesOf, type Values } from "./values.ts";
import { words } from "./words.ts";

interface Form {
  readonly base: number | null;
  /** The values shown when the editing began. */
  readonly seen: Values;
  readonly values: Values;
}

/** A form on the item as it is now, with the content of a refused edit filled in if there is one. */
function startForm(item: Item, snapshot: Snapshot, refusal_id: Id | null): Form {
  const seen = valuesOf(item);
  const set = refusal_id === null ? undefined : snapshot.refusals.get(refusal_id)?.args["set"];
  return { base: baseOf(item), seen, values: { ...seen, ...(typeof set === "object" ? set : {}) } };
}

const ORDER = ["title", "location", "trade_id", "assignee_ids", "due_on", "priority", "type", "description", "company_id", "tags", "external_ref"];
const FIELDS = [...ORDER, ...FIELD_NAMES.filter((field) => !ORDER.includes(field))];

export function EditPage({ item_id, refusal_id }: { item_id: Id; refusal_id: Id | null }) {
  const { snapshot } = useLive();
  const item = snapshot.items.get(item_id);
  if (item === undefined) return <Page title={words.item.gone} up="/"><p>{words.item.gone_why}</p></Page>;
  return <EditForm item={item} refusal_id={refusal_id} />;
}

function tidy(values: Values): Values {
  return { ...values, title: String(values["title"] ?? "").trim() };
}

function useEdit(item: Item, refusal_id: Id | null) {
  const { engine, snapshot } = useLive();
  const draft = useDraft<Form>(`edit:${refusal_id ?? item.id}`, () => startForm(item, snapshot, refusal_id));
  const { is_busy, act } = useActing();
  const leave = (): void => {
    draft.drop(startForm(item, snapshot, null));
    goBack(`/items/${item.id}`);
  };
  const save = async (form: Form): Promise<void> => {
    if (!(await act(() => send(engine, item.id, form), { text: words.saved }))) return;
    if (refusal_id !== null) await act(() => engine.mutate("refusal.dismiss", { id: refusal_id }, null));
    leave();
  };
  return { draft, is_busy, save, leave };
}

function send(engine: Holdfast, id: Id, form: Form): Promise<Id> {
  const values = tidy(form.values);
  const fields = changedFields(form.seen, values);
  return engine.mutate("item.edit", { id, set: pick(values, fields), was: pick(form.seen, fields) }, form.base);
}

function EditForm({ item, refusal_id }: { item: Item; refusal_id: Id | null }) {
  const { engine, snapshot } = useLive();
  const { draft, is_busy, save, leave } = useEdit(item, refusal_id);
  const form = draft.value;
  useEffect(() => {
    if (form !== null) document.querySelector<HTMLElement>("#edit .input")?.focus();
  }, [form === null]);
  if (form === null) return <Page title={words.item.edit} up={`/items/${item.id}`}>{null}</Page>;
  const roles = rolesIn(snapshot, engine.me, item.sector_id, item.company_id);
  const count = changedFields(form.seen, tidy(form.values)).length;
  const is_titled = String(form.values["title"] ?? "").trim() !== "";
  const foot = (
    <div class="actions">
      <button type="submit" form="edit" class="primary" disabled={is_busy || count === 0 || !is_titled}>
        <Icon name="check" />
        {count === 0 ? words.item.nothing_changed : words.item.save_changes}
      </button>
      <button type="button" onClick={leave}>{words.cancel}</button>
    </div>
  );
  return (
    <Page title={words.item.edit} up={`/items/${item.id}`} foot={foot}>
      <form id="edit" class="form" onSubmit={(event) => (event.preventDefault(), void save(form))}>
        {changedFields(form.seen, valuesOf(item)).length > 0 && <p class="notice" role="status">{words.item.changed_meanwhile}</p>}
        {FIELDS.map((field) => (
          <FieldInput
            key={field}
            field={field}
            value={form.values[field]}
            sector_id={item.sector_id}
            hint={isSuggestion(field, roles) ? words.suggestion_hint : undefined}
            onChange={(value) => draft.set({ ...form, values: { ...form.values, [field]: value } })}
          />
        ))}
        {draft.is_dirty && <p class="hint">{draft.is_kept ? words.draft_kept : words.draft_not_kept}</p>}
      </form>
    </Page>
  );
}
