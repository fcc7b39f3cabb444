/** The icons: strokes on a 24 by 24 field, drawn in pwa/icons/icons.svg. Beside every icon stands its word; the icon is silent. */

import { h } from "preact";
import type { Status } from "../sync/types.ts";

export type IconName =
  | "list"
  | "folder"
  | "camera"
  | "plus"
  | "outbox"
  | "hand"
  | "gear"
  | "check"
  | "cloud"
  | "cloud_off"
  | "up"
  | "clock"
  | "phone"
  | "split"
  | "refused"
  | "pause"
  | "search"
  | "filter"
  | "down"
  | "back"
  | "close"
  | "flag"
  | "person"
  | "calendar"
  | "pin"
  | "trade"
  | "tag"
  | "pencil"
  | "trash"
  | "download"
  | "lock"
  | "wifi"
  | "more"
  | Status // each has an icon of its name
  | "warning"
  | "sun";

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" aria-hidden="true">
      <use href={`/icons/icons.svg#${name}`} />
    </svg>
  );
}
