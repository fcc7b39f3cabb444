/** Instants, days, ages, sizes and numbers as people read them; everything through Intl. */

import type { Instant, Item } from "../sync/types.ts";
import { say, words } from "./words.ts";

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const day_month = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const full_day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const short_day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const far_day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const whole = new Intl.NumberFormat();

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const amount = (n: number, unit: "minute" | "hour" | "day"): string =>
  new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay: unit === "day" ? "long" : "short" }).format(n);

export const formatNumber = (n: number): string => whole.format(n);
export const formatTime = (at: Instant): string => clock.format(at);

const isSameDay = (a: Instant, b: Instant): boolean => new Date(a).toDateString() === new Date(b).toDateString();

/** "14:32" today, "3 Mar, 14:32" on other days. */
export function formatInstant(at: Instant, now: Instant): string {
  return isSameDay(at, now) ? clock.format(at) : `${day_month.format(at)}, ${clock.format(at)}`;
}

/** "06:12 today" or "3 Mar, 06:12". */
export function formatReadyAt(at: Instant, now: Instant): string {
  return isSameDay(at, now) ? say(words.time.today, clock.format(at)) : formatInstant(at, now);
}

/** A length of time in its largest whole unit: "3 min", "5 hr", "2 days". */
export function formatSpan(span_ms: number): string {
  if (span_ms < HOUR_MS) return amount(Math.max(1, Math.round(span_ms / MINUTE_MS)), "minute");
  if (span_ms < 2 * DAY_MS) return amount(Math.round(span_ms / HOUR_MS), "hour");
  return amount(Math.round(span_ms / DAY_MS), "day");
}

export function formatAge(at: Instant, now: Instant): string {
  return now - at < MINUTE_MS ? words.time.now : say(words.time.ago, formatSpan(now - at));
}

/** A calendar day ("YYYY-MM-DD"), which has no time zone. */
export function formatDay(day: string, now: Instant = Date.now()): string {
  const at = Date.parse(day);
  return (Math.abs(at - now) < 180 * DAY_MS ? full_day : far_day).format(at);
}

export const formatShortDay = (day: string): string => short_day.format(Date.parse(day));

/** The calendar day on this phone, `days` from `now`. */
export function dayFrom(now: Instant, days: number): string {
  const date = new Date(now);
  date.setDate(date.getDate() + days);
  const pad = (n: number): string => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

export function formatBytes(bytes: number): string {
  const [size, unit] = bytes < 1e6 ? [1e3, "kilobyte"] : bytes < 1e9 ? [1e6, "megabyte"] : [1e9, "gigabyte"];
  return new Intl.NumberFormat(undefined, { style: "unit", unit, maximumFractionDigits: 1 }).format(bytes / size);
}

/** "#142", or "•K7-12" until the server has given the number. */
export function formatItemNumber(item: Pick<Item, "number" | "provisional_number">): string {
  return item.number === null ? `•${item.provisional_number}` : `#${item.number}`;
}
