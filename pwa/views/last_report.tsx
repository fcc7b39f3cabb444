/** After signing in on a phone that is new, or that lost its data: what this person's other phones last said they had not sent. */

import { h } from "preact";
import { useEffect, useState } from "preact/hooks";
import { asking } from "../sync/network.ts";
import type { Id, Instant } from "../sync/types.ts";
import { useLive, useNow } from "./engine.ts";
import { formatInstant } from "./format.ts";
import { Icon } from "./icons.tsx";
import { say, words } from "./words.ts";

interface Reported {
  readonly id: Id;
  readonly seen_at: Instant;
  readonly pending: number;
  readonly photos: number;
}

const KEY = "last-report";

const unsentOf = ({ pending, photos }: Reported): number => pending + photos;

/** The answer is kept with the drafts, so that it is there offline, and gone with what else this phone holds. */
function useReports() {
  const { engine, snapshot } = useLive();
  const [reports, setReports] = useState<readonly Reported[]>([]);
  const keep = (found: readonly Reported[]): void => {
    setReports(found);
    engine.saveDraft(KEY, found).catch(() => undefined); // no room: asked for again at the next opening
  };
  const look = async (): Promise<void> => {
    const answer = await asking("/clients", "GET");
    if (answer?.status !== 200) return;
    const all = answer.body["clients"] as readonly Reported[];
    const others = all.filter(({ id }) => id !== snapshot.client);
    // Of the others, those with unsent work and the one heard of last; unless it has come back since, with everything sent.
    const isBack = ({ id, seen_at }: Reported): boolean => reports.some((one) => one.id === id && (one.seen_at < seen_at || unsentOf(one) > 0));
    const found = others.filter((one, index) => unsentOf(one) > 0 || (index === 0 && !isBack(one)));
    // A phone that has sent before is not new: it has lost nothing.
    keep(reports.length === 0 && others.length < all.length ? [] : found);
  };
  const is_synced = snapshot.strip.synced_at !== null;
  useEffect(() => void engine.draft<readonly Reported[]>(KEY).then((kept) => (kept ? setReports(kept) : is_synced && look())), [is_synced]);
  return { reports, look, dismiss: () => keep([]) };
}

export function LastReport() {
  const { reports, look, dismiss } = useReports();
  const now = useNow(60_000);
  if (reports.length === 0) return null;
  return (
    <section class="card" aria-label={words.last_report.heading}>
      <h2><Icon name="phone" />{words.last_report.heading}</h2>
      <ul class="plain">
        {reports.map((one) => (
          <li key={one.id}>{say(unsentOf(one) > 0 ? words.last_report.unsent : words.last_report.nothing, formatInstant(one.seen_at, now), one.pending, one.photos)}</li>
        ))}
      </ul>
      <p class="hint">{words.last_report.since}</p>
      <div class="card-acts">
        <button type="button" onClick={() => void look()}>{words.last_report.look}</button>
        <button type="button" onClick={dismiss}>{words.last_report.understood}</button>
      </div>
    </section>
  );
}
