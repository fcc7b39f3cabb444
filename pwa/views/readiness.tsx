/** Whether the person may walk down: every sector's download, or the moment it was complete. */

import { h } from "preact";
import type { Download, Id, Snapshot } from "../sync/types.ts";
import { useLive, useNow } from "./engine.ts";
import { formatReadyAt } from "./format.ts";
import { Icon } from "./icons.tsx";
import { ownSectors } from "./rights.ts";
import { sectorCode } from "./values.ts";
import { say, words } from "./words.ts";

/** The download that brings a sector's items: the sector's own scope, or a guest's. */
export function downloadOf(snapshot: Snapshot, sector_id: Id): Download | undefined {
  const scopes = [...snapshot.downloads.values()];
  return scopes.find((one) => one.scope.endsWith(`/${sector_id}`) && !one.scope.startsWith("project/"));
}

function countItems(snapshot: Snapshot, sector_ids: readonly Id[]): number {
  let count = 0;
  for (const item of snapshot.items.values()) if (sector_ids.includes(item.sector_id)) count += 1;
  return count;
}

function readyWords(snapshot: Snapshot, sector_ids: readonly Id[], now: number): string {
  const since = Math.min(...sector_ids.map((id) => downloadOf(snapshot, id)?.ready_at ?? now));
  const count = countItems(snapshot, sector_ids);
  const [only] = sector_ids;
  const at = formatReadyAt(since, now);
  if (sector_ids.length === 1 && only !== undefined) return say(words.download.ready, sectorCode(snapshot, only), count, at);
  return say(words.download.ready_all, sector_ids.length, count, at);
}

function Progress({ sector_id }: { sector_id: Id }) {
  const { snapshot } = useLive();
  const download = downloadOf(snapshot, sector_id);
  const code = sectorCode(snapshot, sector_id);
  const got = download?.got ?? 0;
  const total = download?.total ?? -1;
  const text =
    download === undefined
      ? say(words.download.waiting, code)
      : total > 0
        ? say(words.download.progress, code, got, total)
        : say(words.download.begun, code, got);
  return (
    <li>
      <span>{text}</span>
      <progress aria-label={text} max={Math.max(total, 1)} value={total > 0 ? got : 0} />
    </li>
  );
}

export function Readiness({ chosen }: { chosen: Id | null }) {
  const { engine, snapshot } = useLive();
  const now = useNow(30_000);
  const mine = ownSectors(snapshot, engine.me);
  const shown = chosen === null ? mine : mine.filter((id) => id === chosen);
  const missing = shown.filter((id) => (downloadOf(snapshot, id)?.ready_at ?? null) === null);
  if (snapshot.strip.kind === "never_synced" || mine.length === 0) {
    const text = mine.length > 0 || snapshot.strip.synced_at === null ? words.download.nothing : words.download.no_sector;
    return <NotReady text={text} missing={missing} />;
  }
  if (missing.length > 0) return <NotReady text={words.download.stay} missing={missing} />;
  return (
    <p class="ready">
      <Icon name="check" />
      <span>{readyWords(snapshot, shown, now)}</span>
    </p>
  );
}

function NotReady({ text, missing }: { text: string; missing: readonly Id[] }) {
  return (
    <section class="not-ready" aria-label={words.download.not_ready}>
      <h2><Icon name="warning" />{words.download.not_ready}</h2>
      <p>{text}</p>
      {missing.length > 0 && <ul>{missing.map((id) => <Progress key={id} sector_id={id} />)}</ul>}
    </section>
  );
}
