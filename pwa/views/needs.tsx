/** What waits for this person: refused work, entries the server cannot read, two versions, suggestions. */

import { h, type ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Quarantined } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { ConflictCard } from "./conflict_card.tsx";
import { useLive, useNow } from "./engine.ts";
import { formatAge } from "./format.ts";
import { Icon } from "./icons.tsx";
import { ExportButton } from "./outbox.tsx";
import { Page } from "./page.tsx";
import { RefusalCard } from "./refusal_card.tsx";
import { needsOf } from "./rights.ts";
import { entryWords } from "./values.ts";
import { say, words } from "./words.ts";

export function NeedsPage() {
  const { engine, snapshot } = useLive();
  const needs = needsOf(snapshot, engine.me, useNow(60_000));
  const { refused, parked, conflicts, suggestions, noted } = needs;
  const count = refused.length + parked.length + conflicts.length + suggestions.length + noted.length + snapshot.quarantined.length;
  return (
    <Page title={words.needs.heading}>
      {count === 0 && (
        <div class="empty">
          <p>{words.needs.empty}</p>
          <p>{words.needs.empty_why}</p>
        </div>
      )}
      <Group title={words.needs.quarantined}>{snapshot.quarantined.map((entry) => <QuarantinedCard key={entry.id} entry={entry} />)}</Group>
      <Group title={words.needs.refused}>{refused.map((one) => <RefusalCard key={one.id} refusal={one} has_item />)}</Group>
      <Group title={words.needs.conflicts}>{conflicts.map((one) => <ConflictCard key={one.id} conflict={one} has_item />)}</Group>
      <Group title={words.needs.suggestions}>{suggestions.map((one) => <ConflictCard key={one.id} conflict={one} has_item />)}</Group>
      <Group title={words.needs.noted}>{noted.map((one) => <ConflictCard key={one.id} conflict={one} has_item />)}</Group>
      <Group title={words.needs.parked}>{parked.map((one) => <RefusalCard key={one.id} refusal={one} has_item />)}</Group>
    </Page>
  );
}

function Group({ title, children }: { title: string; children: readonly ComponentChildren[] }) {
  if (children.length === 0) return null;
  return (
    <section class="block">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** Kept on this device alone, so nothing happens to it without being asked twice. */
function QuarantinedCard({ entry }: { entry: Quarantined }) {
  const { engine, snapshot } = useLive();
  const now = useNow(60_000);
  const { is_busy, act } = useActing();
  const [is_sure, setSure] = useState(false);
  const { what, content } = entryWords(snapshot, entry);
  return (
    <article class="card refusal">
      <h3><Icon name="refused" /><span>{what}</span></h3>
      <p class="card-reason">{words.needs.unreadable} <small>({entry.error})</small></p>
      {content !== "" && <blockquote class="card-content" dir="auto">{content}</blockquote>}
      <p class="hint">{say(words.needs.since, formatAge(entry.made_at, now))}</p>
      {is_sure && <p role="alert"><strong>{words.needs.forget_sure}</strong></p>}
      <div class="card-acts">
        <button type="button" disabled={is_busy} onClick={() => void act(() => engine.requeue(entry.id, { ...entry.args }), { text: words.needs.resent })}>
          {words.needs.try_again}
        </button>
        <ExportButton />
        {is_sure && <button type="button" onClick={() => setSure(false)}>{words.outbox.keep}</button>}
        <button type="button" class="danger" disabled={is_busy} onClick={() => (is_sure ? void act(() => engine.forget(entry.id), { text: words.outbox.discarded }) : setSure(true))}>
          {is_sure ? words.outbox.discard_really : words.needs.forget}
        </button>
      </div>
    </article>
  );
}
