/** The page of one item. */

import { Fragment, h } from "preact";
import { emptyOf } from "../sync/overlay.ts";
import type { Id, Item } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { DueSign, MarkSign, PrioritySign, StatusChip } from "./chips.tsx";
import { ActionBar } from "./commands.tsx";
import { Comments } from "./comments.tsx";
import { ConflictCard } from "./conflict_card.tsx";
import { useLive, useNow } from "./engine.ts";
import { Feed } from "./feed.tsx";
import { formatInstant, formatItemNumber } from "./format.ts";
import { Icon } from "./icons.tsx";
import { Page } from "./page.tsx";
import { RefusalCard } from "./refusal_card.tsx";
import { leadsSomewhere, mayOn, suggestedFields } from "./rights.ts";
import { ItemPhotos } from "./taking.tsx";
import { fieldWord, isSame, personName, sectorName, valueWords, valuesOf } from "./values.ts";
import { say, words } from "./words.ts";

export function ItemPage({ item_id, refusal_id }: { item_id: Id; refusal_id: Id | null }) {
  const { engine, snapshot } = useLive();
  const now = useNow(60_000);
  const item = snapshot.items.get(item_id);
  if (item === undefined) return <GonePage item_id={item_id} />;
  const suggested = suggestedFields(engine.me, snapshot, item);
  const may_edit = mayOn(snapshot, engine.me, item, "item.edit");
  const edit = may_edit && (
    <a class="button" href={`/items/${item.id}?edit`}><Icon name="pencil" />{words.item.edit}</a>
  );
  return (
    <Page title={item.title} up="/" aside={edit} foot={<ActionBar item={item} />}>
      <div class="item-signs">
        <span class="item-number">{formatItemNumber(item)}</span>
        <StatusChip status={item.status} />
        <PrioritySign priority={item.priority} />
        <DueSign item={item} now={now} />
        <MarkSign item_id={item.id} />
      </div>
      {suggested.length > 0 && <p class="hint"><Icon name="clock" /> {words.item.suggested}: {suggested.map(fieldWord).join(", ")}</p>}
      <ItemNotices item={item} />
      <Details item={item} now={now} />
      <ItemPhotos item={item} />
      <Comments item={item} refusal_id={refusal_id} />
      <Feed item_id={item.id} />
    </Page>
  );
}

/** What stands above the details: why it came back, two versions, refusals. */
function ItemNotices({ item }: { item: Item }) {
  const { snapshot } = useLive();
  const conflicts = [...snapshot.conflicts.values()].filter((one) => one.item_id === item.id && one.state !== "resolved");
  const refusals = [...snapshot.refusals.values()].filter((one) => one.item_id === item.id && (one.state === "refused" || one.state === "parked"));
  const heading = item.status === "not_accepted" ? words.item.sent_back : item.status === "disputed" ? words.item.disputed : words.item.reason;
  return (
    <>
      {item.status_reason && (
        <p class="status-reason">
          <strong>{heading}: </strong>
          <span dir="auto">{item.status_reason}</span>
          {item.bounces > 0 && <span class="hint"> ({say(words.browse.bounces, item.bounces)})</span>}
        </p>
      )}
      {conflicts.map((conflict) => <ConflictCard key={conflict.id} conflict={conflict} />)}
      {refusals.map((refusal) => <RefusalCard key={refusal.id} refusal={refusal} />)}
    </>
  );
}

const SHOWN = ["location", "trade_id", "assignee_ids", "company_id", "due_on", "type", "priority", "tags", "external_ref"];

function Details({ item, now }: { item: Item; now: number }) {
  const { engine, snapshot } = useLive();
  const values = valuesOf(item);
  const suggested = suggestedFields(engine.me, snapshot, item);
  const filled = SHOWN.filter((field) => field === "assignee_ids" || field === "priority" || !isSame(values[field], emptyOf(field)) || field === "type");
  return (
    <section class="block" aria-labelledby="details-head">
      <h2 id="details-head">{words.item.details}</h2>
      {item.description !== "" && <p class="prose" dir="auto">{item.description}</p>}
      <dl class="details">
        <div><dt>{words.field.sector_id}</dt><dd dir="auto">{sectorName(snapshot, item.sector_id)}</dd></div>
        {filled.map((field) => (
          <div key={field}>
            <dt>{fieldWord(field)}</dt>
            <dd dir="auto">{isSame(values[field], []) ? words.none : valueWords(snapshot, field, values[field])}{suggested.includes(field) && ` (${words.item.suggested})`}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">
        {say(words.item.raised, personName(snapshot, item.raised_by), formatInstant(item.raised_at, now))}
        {item.number !== null && item.provisional_number !== "" && `. ${say(words.item.provisional, `•${item.provisional_number}`)}`}
      </p>
    </section>
  );
}

/** Deleted, moved out of sight, or never here; where this phone knows that it was deleted, a supervisor can bring it back. */
function GonePage({ item_id }: { item_id: Id }) {
  const { engine, snapshot } = useLive();
  const { is_busy, act } = useActing();
  const is_deleted =
    snapshot.outbox.some((row) => row.item_id === item_id && row.name === "item.delete") ||
    snapshot.eventsOf(item_id).some((event) => event.name === "item.delete") ||
    [...snapshot.refusals.values()].some((one) => one.item_id === item_id && one.reason === "deleted");
  const restore = (): void => void act(() => engine.mutate("item.restore", { id: item_id }, null), { text: `${words.command["item.restore"]}. ${words.saved}` });
  return (
    <Page title={words.item.gone} up="/">
      <p>{is_deleted ? words.item.gone_deleted : words.item.gone_why}</p>
      {is_deleted && leadsSomewhere(snapshot, engine.me) && <button type="button" disabled={is_busy} onClick={restore}>{words.item.restore}</button>}
    </Page>
  );
}
