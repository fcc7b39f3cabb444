/** Quick capture: what is wrong, a few large choices, save. Sector, trade and assignee stay for the next one. */

import { Fragment, h } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { emptyOf } from "../sync/overlay.ts";
import { ITEM_FIELDS } from "../sync/rules.ts";
import type { Holdfast, Id, KeptPhoto, Snapshot } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { useDraft } from "./drafts.ts";
import { useLive } from "./engine.ts";
import { FieldInput, PickerField } from "./field_input.tsx";
import type { Filters } from "./filters.ts";
import { NO_FILTERS } from "./filters.ts";
import { Icon } from "./icons.tsx";
import { Page } from "./page.tsx";
import { Thumbs } from "./photos.tsx";
import { readPreference, writePreference } from "./preferences.ts";
import { sectorsFor } from "./rights.ts";
import { navigate } from "./router.ts";
import { TakePhotos } from "./taking.tsx";
import { FIELD_NAMES, isSame, pick, sectorName, type Values } from "./values.ts";
import { say, words } from "./words.ts";

interface Form {
  /** The item's id, fixed while the form is typed: a form that was saved just before a crash is recognised. */
  readonly id: Id;
  readonly sector_id: Id | null;
  readonly values: Values;
}

const STICKY = ["trade_id", "company_id", "assignee_ids"];
const MORE = ["description", "due_on", "company_id", "tags", "external_ref"];

/** An empty form with what stuck from the last one. */
function startForm(engine: Holdfast, snapshot: Snapshot): Form {
  const sectors = sectorsFor(snapshot, engine.me, "item.create");
  const sticky = readPreference<Partial<Form>>(engine.me.id, "sticky", {});
  const listed = readPreference<Filters>(engine.me.id, "filters", NO_FILTERS).sector_id;
  const sector_id = [sticky.sector_id, listed, sectors.length === 1 ? sectors[0] : null].find((id) => id != null && sectors.includes(id)) ?? null;
  const empty = Object.fromEntries(FIELD_NAMES.map((field) => [field, emptyOf(field)]));
  return { id: engine.newId(), sector_id, values: { ...empty, ...sticky.values } };
}

/** The form of a creation that the server refused, with a new identity. */
function formOfRefusal(engine: Holdfast, snapshot: Snapshot, refusal_id: Id): Form | null {
  const args = snapshot.refusals.get(refusal_id)?.args;
  if (args === undefined) return null;
  const known = FIELD_NAMES.filter((field) => field in args);
  const start = startForm(engine, snapshot);
  return { ...start, sector_id: typeof args["sector_id"] === "string" ? args["sector_id"] : start.sector_id, values: { ...start.values, ...pick(args, known) } };
}

/** What travels: the fields that differ from their default. */
function argsOf(form: Form, provisional_number: string): Record<string, unknown> {
  const title = String(form.values["title"] ?? "").trim();
  const filled = FIELD_NAMES.filter((field) => !isSame(form.values[field], emptyOf(field)));
  return { ...pick(form.values, filled), id: form.id, sector_id: form.sector_id, provisional_number, title };
}

/** Photos taken for the form, which are added with the item. */
const unattached = (engine: Holdfast, draft_key: string): KeptPhoto[] => engine.keptPhotos(draft_key).filter((one) => one.item_id === null);

function useCapture(refusal_id: Id | null) {
  const { engine, snapshot } = useLive();
  const start = (): Form => (refusal_id === null ? null : formOfRefusal(engine, snapshot, refusal_id)) ?? startForm(engine, snapshot);
  const draft_key = refusal_id === null ? "new" : `new:${refusal_id}`;
  const draft = useDraft<Form>(draft_key, start);
  const { is_busy, act } = useActing();
  const [problem, setProblem] = useState<string | null>(null);
  const form = draft.value;
  const saved = form === null ? undefined : snapshot.items.get(form.id);
  useEffect(() => {
    if (form === null || saved === undefined || is_busy) return;
    // Another tab may have saved something else from the same draft: what was typed here stays, as another item.
    if (saved.title === String(form.values["title"]).trim()) draft.drop(startForm(engine, snapshot));
    else draft.set({ ...form, id: engine.newId() });
  }, [saved === undefined, is_busy]);
  const save = async (form: Form): Promise<boolean> => {
    const wrong = String(form.values["title"] ?? "").trim() === "" ? words.capture.title_needed : form.sector_id === null ? words.capture.sector_needed : null;
    setProblem(wrong);
    if (wrong !== null) return false;
    const photo_ids = unattached(engine, draft_key).map((one) => one.id);
    const number = engine.provisionalNumber();
    const message = { text: say(words.capture.saved, `•${number}`), link: { href: `/items/${form.id}`, text: words.capture.open } };
    const is_saved = await act(() => engine.mutate("item.create", argsOf(form, number), null, photo_ids), message);
    if (!is_saved) return false;
    writePreference(engine.me.id, "sticky", { sector_id: form.sector_id, values: pick(form.values, STICKY) });
    if (refusal_id !== null) await act(() => engine.mutate("refusal.dismiss", { id: refusal_id }, null));
    draft.drop(startForm(engine, snapshot));
    return true;
  };
  return { draft, draft_key, is_busy, problem, save };
}

export function CapturePage({ refusal_id }: { refusal_id: Id | null }) {
  const { engine, snapshot } = useLive();
  const { draft, draft_key, is_busy, problem, save } = useCapture(refusal_id);
  const title = useRef<HTMLTextAreaElement>(null);
  const form = draft.value;
  useEffect(() => title.current?.focus(), [form?.id]);
  if (sectorsFor(snapshot, engine.me, "item.create").length === 0) {
    return <Page title={words.capture.heading} up="/"><p class="empty">{words.capture.not_allowed}</p></Page>;
  }
  if (form === null) return <Page title={words.capture.heading} up="/">{null}</Page>;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!(await save(form))) title.current?.focus();
    else if (refusal_id !== null) navigate("/needs-you");
  };
  const foot = (
    <>
      <p role="alert" class="error">{problem}</p>
      <button type="submit" form="capture" class="primary wide" disabled={is_busy}><Icon name="check" />{words.capture.save}</button>
    </>
  );
  return (
    <Page title={words.capture.heading} up="/" foot={foot}>
      <form id="capture" key={form.id} class="form" onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span class="label">{words.capture.title}</span>
          <textarea
            ref={title}
            class="input large"
            dir="auto"
            rows={2}
            maxLength={ITEM_FIELDS["title"]?.limit ?? 255}
            value={String(form.values["title"] ?? "")}
            onInput={(event) => draft.set({ ...form, values: { ...form.values, title: event.currentTarget.value.replaceAll("\n", " ") } })}
          />
        </label>
        <Thumbs photos={unattached(engine, draft_key)} item={null} />
        <TakePhotos draft_key={draft_key} start="before" onBefore={draft.keep} />
        <CaptureFields form={form} set={draft.set} />
        {draft.is_dirty && <p class="hint">{draft.is_kept ? words.draft_kept : words.draft_not_kept}</p>}
        {draft.is_dirty && <button type="button" class="quiet" onClick={() => draft.drop(startForm(engine, snapshot))}>{words.capture.clear}</button>}
      </form>
    </Page>
  );
}

function CaptureFields({ form, set }: { form: Form; set: (form: Form) => void }) {
  const { engine, snapshot } = useLive();
  const sectors = sectorsFor(snapshot, engine.me, "item.create").map((id) => ({ id, name: sectorName(snapshot, id) }));
  const input = (field: string) => (
    <FieldInput
      key={field}
      field={field}
      value={form.values[field]}
      sector_id={form.sector_id ?? ""}
      onChange={(value) => set({ ...form, values: { ...form.values, [field]: value } })}
    />
  );
  return (
    <>
      <div class="sticky-fields">
        <PickerField
          field="sector_id"
          text={form.sector_id === null ? words.browse.choose_sector : sectorName(snapshot, form.sector_id)}
          options={sectors}
          chosen={form.sector_id === null ? [] : [form.sector_id]}
          onChoose={([id]) => set({ ...form, sector_id: id ?? null })}
        />
        {input("trade_id")}
        {input("assignee_ids")}
      </div>
      {input("location")}
      {input("type")}
      {input("priority")}
      <details class="more-fields">
        <summary>{words.capture.more}</summary>
        <div class="form">{MORE.map(input)}</div>
      </details>
    </>
  );
}
