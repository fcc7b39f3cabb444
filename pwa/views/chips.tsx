/** Small signs: status, priority and the mark that says where an item's work is. Always an icon and its word. */

import { h } from "preact";
import type { Id, Item, Mark, Status } from "../sync/types.ts";
import { useLive } from "./engine.ts";
import { isOverdue } from "./filters.ts";
import { dayFrom, formatDay, formatShortDay } from "./format.ts";
import { Icon, type IconName } from "./icons.tsx";
import { wordOf, say, words } from "./words.ts";

export function StatusChip({ status }: { status: Status }) {
  return (
    <span class={`chip status-${status}`}>
      <Icon name={status} />
      {wordOf(words.status, status)}
    </span>
  );
}

const MARK_ICONS: Readonly<Record<Mark, IconName>> = {
  on_phone: "phone",
  sending: "up",
  on_server: "cloud",
  photos: "clock",
  parked: "pause",
  two_versions: "split",
  refused: "refused",
};

/** In a dense row the word of the usual state is left to screen readers; every other state is written out. */
export function MarkSign({ item_id, is_dense = false }: { item_id: Id; is_dense?: boolean }) {
  const { snapshot } = useLive();
  const mark = snapshot.markOf(item_id);
  const { waiting, of } = snapshot.photosLeft(item_id);
  const is_quiet = is_dense && mark === "on_server";
  return (
    <span class={`mark mark-${mark}`}>
      <Icon name={MARK_ICONS[mark] ?? "phone"} />
      <span class={is_quiet ? "sr" : ""}>{say(words.mark[mark], waiting, of)}</span>
    </span>
  );
}

export function PhotoSign({ count = 0 }: { count?: number | undefined }) {
  if (count === 0) return null;
  return <span class="sign"><Icon name="camera" />{count}<span class="sr"> {words.photo.heading}</span></span>;
}

export function PrioritySign({ priority }: { priority: string }) {
  if (priority !== "urgent" && priority !== "high") return null;
  return (
    <span class={`sign priority-${priority}`}>
      <Icon name="flag" />
      {wordOf(words.priority, priority)}
    </span>
  );
}

export function DueSign({ item, now, is_dense = false }: { item: Item; now: number; is_dense?: boolean }) {
  if (item.due_on === null) return null;
  const is_late = isOverdue(item, dayFrom(now, 0));
  const day = is_dense ? formatShortDay(item.due_on) : formatDay(item.due_on, now);
  return (
    <span class={is_late ? "sign late" : "sign"}>
      <Icon name={is_late ? "warning" : "calendar"} />
      {is_late ? say(words.browse.due_late, day) : say(words.browse.due, day)}
    </span>
  );
}
