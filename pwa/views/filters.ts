/** Which items a list shows and in which order; pure. */

import type { Id, Instant, Item, Status } from "../sync/types.ts";
import { dayFrom, formatItemNumber } from "./format.ts";

export type Sort = "attention" | "newest" | "due" | "number";

export interface Filters {
  readonly sector_id: Id | null;
  readonly statuses: readonly Status[];
  readonly is_mine: boolean;
  readonly is_overdue: boolean;
  readonly trade_id: Id | null;
  readonly priorities: readonly string[];
  readonly sort: Sort;
}

export const NO_FILTERS: Filters = {
  sector_id: null,
  statuses: [],
  is_mine: false,
  is_overdue: false,
  trade_id: null,
  priorities: [],
  sort: "attention",
};

export const TODO: readonly Status[] = ["open", "in_progress", "not_accepted"];
export const REVIEW: readonly Status[] = ["ready_for_review"];

/** How many filters beside sector and order are on. */
export function countFilters(filters: Filters): number {
  const flags = [filters.statuses.length > 0, filters.is_mine, filters.is_overdue, filters.trade_id !== null, filters.priorities.length > 0];
  return flags.filter(Boolean).length;
}

export const isFinished = (item: Item): boolean => item.status === "closed" || item.status === "void";
export const isOverdue = (item: Item, today: string): boolean => item.due_on !== null && item.due_on < today && !isFinished(item);

/** Items are immutable, so the text they are searched by is made once for each. */
const haystacks = new WeakMap<Item, string>();

function haystackOf(item: Item): string {
  let haystack = haystacks.get(item);
  if (haystack === undefined) {
    haystack = [formatItemNumber(item), `•${item.provisional_number}`, item.title, item.location, item.external_ref, ...item.tags].join("\n").toLowerCase();
    haystacks.set(item, haystack);
  }
  return haystack;
}

/** Every word of the search must occur in number (given or provisional), title, place, reference or tags. */
export function matchesSearch(item: Item, search: string): boolean {
  const haystack = haystackOf(item);
  return search.toLowerCase().split(/\s+/).every((word) => haystack.includes(word));
}

export function matchesFilters(item: Item, filters: Filters, me_id: Id, today: string): boolean {
  return (
    (filters.sector_id === null || item.sector_id === filters.sector_id) &&
    (filters.statuses.length === 0 || filters.statuses.includes(item.status)) &&
    (!filters.is_mine || item.assignee_ids.includes(me_id)) &&
    (!filters.is_overdue || isOverdue(item, today)) &&
    (filters.trade_id === null || item.trade_id === filters.trade_id) &&
    (filters.priorities.length === 0 || filters.priorities.includes(item.priority))
  );
}

const PRIORITY_RANK: Readonly<Record<string, number>> = { urgent: 0, high: 1, normal: 2, low: 3 };
const LAST_DAY = "9999-12-31";

const byNewest = (a: Item, b: Item): number => b.raised_at - a.raised_at || (a.id < b.id ? 1 : -1);
const byDue = (a: Item, b: Item): number => {
  const [left, right] = [a.due_on ?? LAST_DAY, b.due_on ?? LAST_DAY];
  return left === right ? byNewest(a, b) : left < right ? -1 : 1;
};
const byNumber = (a: Item, b: Item): number => (b.number ?? Infinity) - (a.number ?? Infinity) || byNewest(a, b);

/** Unfinished first; there: what only this phone has, then overdue, then by priority and due date. */
function byAttention(today: string): (a: Item, b: Item) => number {
  const rankOf = (item: Item): number =>
    (isFinished(item) ? 100 : 0) + (item.version === 0 ? -50 : 0) + (isOverdue(item, today) ? 0 : 10) + (PRIORITY_RANK[item.priority] ?? 2);
  return (a, b) => rankOf(a) - rankOf(b) || byDue(a, b);
}

/** The items to show, in order. */
export function selectItems(items: Iterable<Item>, filters: Filters, search: string, me_id: Id, now: Instant): Item[] {
  const today = dayFrom(now, 0);
  const wanted = search.trim();
  const chosen: Item[] = [];
  for (const item of items) {
    if (matchesFilters(item, filters, me_id, today) && (wanted === "" || matchesSearch(item, wanted))) chosen.push(item);
  }
  const orders = { attention: byAttention(today), newest: byNewest, due: byDue, number: byNumber };
  return chosen.sort(orders[filters.sort]);
}
