/** The words on every page: a pure function, so that each can be tested. Green is `all_on_server` alone. */
import { isAllOnServer, pending, type Entry, type Trouble } from "./device.ts";
import { PAUSES } from "./sending.ts";
import type { Id, Instant, PhotoTotals, Strip, StripKind } from "./types.ts";
import type { Trouble as PhotoTrouble } from "./uploading.ts";

/** The present run of sending: from the first unacknowledged entry until none is left. */
export interface Run {
  readonly sent: number;
  readonly of: number;
}

export interface Situation {
  /** Every entry still in the outbox, the covered ones excepted only once they were acknowledged. */
  readonly entries: readonly Entry[];
  readonly quarantined: number;
  readonly trouble: Trouble | null;
  readonly synced_at: Instant | null;
  readonly sending: readonly Id[];
  readonly retry_at: Instant | null;
  readonly is_storage_failed: boolean;
  readonly needs_you: number;
  readonly run: Run;
  readonly photos: PhotoTotals;
  readonly photo_trouble: PhotoTrouble | null;
  readonly is_photo_sending: boolean;
}

const WORD_OF: Readonly<Record<Trouble, StripKind>> = {
  unreachable: "offline",
  not_ours: "not_our_server",
  server: "server_away",
  storage: "storage_failed",
  sign_in: "sign_in",
  other_user: "other_user",
  revoked: "revoked",
  upgrade: "upgrade",
};

export function stripOf(now: Situation): Strip {
  return {
    kind: kindOf(now),
    waiting: pending(now).length + now.quarantined,
    ...now.run,
    needs_you: now.needs_you,
    retry_at: now.retry_at,
    synced_at: now.synced_at,
    photos: now.photos,
  };
}

function kindOf(now: Situation): StripKind {
  if (now.is_storage_failed) return "storage_failed";
  if (now.trouble !== null) return WORD_OF[now.trouble];
  if (isAllOnServer(now, now.quarantined)) return now.sending.length === 0 ? photoKindOf(now) : "sending";
  if (now.sending.length > 0) return "sending";
  if (pending(now).length > 0) return "waiting";
  if (now.quarantined > 0) return "set_aside";
  return now.synced_at === null ? "never_synced" : "sending"; // acknowledged, and its rows are still coming
}

/** With every record on the server, what the photos do; green only when each of them is there, too. */
function photoKindOf({ photos: { waiting, held, stuck }, photo_trouble, is_photo_sending }: Situation): StripKind {
  if (waiting === 0) return "all_on_server";
  if (is_photo_sending) return "photos_sending";
  if (PAUSES.has(photo_trouble)) return WORD_OF[photo_trouble as Trouble];
  if (stuck === waiting) return "photos_stuck";
  if (held + stuck === waiting) return "photos_held";
  return photo_trouble === "store_away" ? "photos_storage" : "photos_waiting";
}

/** The run after the outbox changed. */
export function runAfter(run: Run, before: readonly Entry[], after: readonly Entry[]): Run {
  const open = new Set(pending({ entries: after }).map((entry) => entry.id));
  const done = pending({ entries: before }).filter((entry) => !open.has(entry.id)).length;
  if (open.size === 0) return { sent: 0, of: 0 };
  const sent = run.of === 0 ? 0 : run.sent + done;
  return { sent, of: sent + open.size };
}
