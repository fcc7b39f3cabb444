/** The activity of an item: what still waits here, then what the server has, with both clocks where they differ. */

import { h } from "preact";
import type { ItemEvent, OutboxRow } from "../sync/types.ts";
import { useLive, useNow } from "./engine.ts";
import { formatInstant, formatSpan } from "./format.ts";
import { Icon } from "./icons.tsx";
import { entryWords, fieldWord, personName, valueWords } from "./values.ts";
import { wordOf, say, words } from "./words.ts";

const NOTABLE_MS = 2 * 60_000;

/** When it was made (corrected by the server), when it arrived if that was later, and how far the phone's clock was off. */
export function eventTimes(event: Pick<ItemEvent, "made_at" | "corrected_at" | "received_at" | "is_late">, now: number): string {
  const parts = [formatInstant(event.received_at, now)];
  if (event.received_at - event.corrected_at > NOTABLE_MS) {
    parts[0] = say(words.item.made_arrived, formatInstant(event.corrected_at, now), formatInstant(event.received_at, now));
  }
  const off_ms = Math.abs(event.corrected_at - event.made_at);
  if (off_ms > NOTABLE_MS) parts.push(say(words.item.clock_off, formatSpan(off_ms)));
  if (event.is_late) parts.push(words.item.late);
  return parts.join(", ");
}

/** The server's order; of one batch the later made, whose id is the higher, first. */
const byNewest = (a: ItemEvent, b: ItemEvent): number => b.item_version - a.item_version || b.received_at - a.received_at || (a.id < b.id ? 1 : -1);

export function Feed({ item_id }: { item_id: string }) {
  const { snapshot } = useLive();
  const waiting = snapshot.outbox.filter((row) => row.item_id === item_id && row.state !== "acked");
  const events = [...snapshot.eventsOf(item_id)].sort(byNewest);
  return (
    <section class="block" aria-labelledby="activity-head">
      <h2 id="activity-head">{words.item.activity}</h2>
      {waiting.length + events.length === 0 && <p class="hint">{words.item.no_activity}</p>}
      <ol class="feed">
        {waiting.map((row) => <WaitingRow key={row.id} row={row} />)}
        {events.map((event) => <EventRow key={event.id} event={event} />)}
      </ol>
    </section>
  );
}

function WaitingRow({ row }: { row: OutboxRow }) {
  const { snapshot } = useLive();
  const now = useNow(60_000);
  return (
    <li class="event waiting">
      <p><Icon name="phone" /> {entryWords(snapshot, row).what}</p>
      <p class="event-times">{say(words.item.made, formatInstant(row.made_at, now))}, <a href="/outbox">{words.item.not_sent}</a></p>
    </li>
  );
}

function EventRow({ event }: { event: ItemEvent }) {
  const { engine, snapshot } = useLive();
  const now = useNow(60_000);
  const who = event.actor_id === engine.me.id ? words.you : personName(snapshot, event.actor_id);
  const changes = event.name === "item.create" ? [] : Object.entries(event.changes).filter(([field]) => field in words.field);
  const is_suggestion = event.name === "item.edit" && changes.length === 0;
  return (
    <li class="event">
      <p><strong dir="auto">{who}</strong> {is_suggestion ? words.did_suggest : wordOf(words.did, event.name)}</p>
      {changes.map(([field, [from, to]]) => (
        <p key={field} class="event-change" dir="auto">
          {say(words.item.from_to, fieldWord(field), valueWords(snapshot, field, from), valueWords(snapshot, field, to))}
        </p>
      ))}
      {event.reason && <blockquote class="card-content" dir="auto">{event.reason}</blockquote>}
      <p class="event-times">{eventTimes(event, now)}</p>
    </li>
  );
}
