/** The strip on every page: where the person's work is, in words and icon. Green is "all on server" alone. */

import { Fragment, h } from "preact";
import { useState } from "preact/hooks";
import type { Strip as StripState, StripKind } from "../sync/types.ts";
import { useLive, useNow } from "./engine.ts";
import { formatBytes, formatInstant } from "./format.ts";
import { Icon, type IconName } from "./icons.tsx";
import { SignInSheet } from "./signin_sheet.tsx";
import { recordsOf } from "./values.ts";
import { say, words } from "./words.ts";

const ICONS: Readonly<Record<StripKind, IconName>> = {
  all_on_server: "cloud",
  never_synced: "warning",
  offline: "cloud_off",
  sending: "up",
  waiting: "clock",
  set_aside: "warning",
  server_away: "cloud_off",
  not_our_server: "wifi",
  sign_in: "lock",
  other_user: "person",
  revoked: "lock",
  upgrade: "download",
  storage_failed: "warning",
  photos_sending: "up",
  photos_waiting: "clock",
  photos_held: "wifi",
  photos_storage: "cloud_off",
  photos_stuck: "warning",
};

/** The sentence of the strip; `now` only decides whether a time needs its day. */
export function stripWords(strip: StripState, now: number): string {
  const { kind } = strip;
  const waiting = strip.waiting + (kind === "set_aside" ? 0 : strip.photos.waiting); // a photo waits as a change does
  const table: Readonly<Record<string, string>> = words.strip;
  if (kind === "all_on_server") return say(words.strip.all_on_server, strip.synced_at === null ? "" : formatInstant(strip.synced_at, now)).trim();
  if (kind === "sending") return strip.of === 0 ? words.strip.waiting_0 : say(words.strip.sending, strip.sent, strip.of);
  const { photos } = strip;
  if (kind.startsWith("photos_")) {
    const count = kind === "photos_held" ? photos.held : kind === "photos_stuck" ? photos.stuck : photos.waiting;
    return say(table[kind] ?? kind, count, formatBytes(photos.bytes), photos.sent + 1, photos.of, photos.percent);
  }
  const text = say((waiting === 0 ? table[`${kind}_0`] : undefined) ?? table[kind] ?? kind, waiting);
  const is_silent = kind === "server_away" || kind === "not_our_server";
  return is_silent && waiting > 0 ? `${text}, ${say(words.strip.and_waiting, waiting)}` : text;
}

export function Strip() {
  const { snapshot } = useLive();
  const now = useNow(30_000);
  const [is_signing_in, setSigningIn] = useState(false);
  const { strip } = snapshot;
  const text = stripWords({ ...strip, waiting: strip.waiting - recordsOf(snapshot).size }, now);
  const inside = (
    <>
      <Icon name={ICONS[strip.kind]} />
      <span class="strip-words">{text}</span>
      <NextTry strip={strip} />
    </>
  );
  return (
    <section class={`strip strip-${strip.kind}`} aria-label={words.strip.label}>
      {/* Around the button: what is inside of one is no live region. */}
      <div role="status" class="strip-place">
        {strip.kind === "sign_in" ? (
          <button type="button" class="strip-main" onClick={() => setSigningIn(true)}>{inside}</button>
        ) : (
          <a class="strip-main" href={strip.kind === "upgrade" ? "/settings" : "/outbox"}>{inside}</a>
        )}
      </div>
      {strip.needs_you > 0 && (
        <a class="strip-needs" href="/needs-you">
          <Icon name="hand" />
          {say(words.strip.need_you, strip.needs_you)}
        </a>
      )}
      {is_signing_in && <SignInSheet onClose={() => setSigningIn(false)} />}
    </section>
  );
}

/** Counts down beside the status, silently: a screen reader must not hear every second. */
function NextTry({ strip }: { strip: StripState }) {
  const now = useNow(1_000);
  if (strip.retry_at === null || (strip.kind !== "server_away" && strip.kind !== "not_our_server")) return null;
  const seconds = Math.max(0, Math.ceil((strip.retry_at - now) / 1000));
  if (seconds > 900) return null; // no wait is that long: the clock was put back
  return <span class="strip-retry" aria-live="off">{say(words.strip.next_try, seconds)}</span>;
}
