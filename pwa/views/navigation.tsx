/** The bar in thumb reach, on wide screens a rail at the side; Capture in its middle. */

import { h } from "preact";
import { useLive } from "./engine.ts";
import { formatNumber } from "./format.ts";
import { Icon, type IconName } from "./icons.tsx";
import { sectorsFor } from "./rights.ts";
import { countWaiting } from "./values.ts";
import { words } from "./words.ts";

interface Place {
  readonly href: string;
  readonly word: string;
  readonly icon: IconName;
  readonly count?: number;
}

export function Navigation({ path }: { path: string }) {
  const { engine, snapshot } = useLive();
  const { needs_you } = snapshot.strip;
  const may_capture = sectorsFor(snapshot, engine.me, "item.create").length > 0 || snapshot.memberships.length === 0; // none: not known yet
  const places: readonly Place[] = [
    { href: "/", word: words.nav.list, icon: "list" },
    { href: "/outbox", word: words.nav.outbox, icon: "outbox", count: countWaiting(snapshot) },
    ...(may_capture ? [{ href: "/new", word: words.nav.capture, icon: "plus" } as const] : []),
    { href: "/needs-you", word: words.nav.needs_you, icon: "hand", count: needs_you },
    { href: "/settings", word: words.nav.settings, icon: "gear" },
  ];
  const isHere = (href: string): boolean => path === href || (href === "/" && path.startsWith("/items/")) || (href === "/settings" && path === "/sessions");
  return (
    <nav class="navigation" aria-label={words.nav.label}>
      {places.map((place) => (
        <a key={place.href} href={place.href} class={place.href === "/new" ? "nav-capture" : ""} aria-current={isHere(place.href) ? "page" : undefined}>
          <span class="nav-icon">
            <Icon name={place.icon} />
            {place.count !== undefined && place.count > 0 && <span class="badge">{formatNumber(place.count)}</span>}
          </span>
          <span class="nav-word">{place.word}</span>
        </a>
      ))}
    </nav>
  );
}
