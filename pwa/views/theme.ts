/** The theme: `auto` follows the phone, the others are set on the root element. */

import { readPreference, writePreference } from "./preferences.ts";

export const THEMES = ["auto", "light", "dark", "sun"] as const;
export type Theme = (typeof THEMES)[number];

export const readTheme = (): Theme => readPreference<Theme>("device", "theme", "auto");

export function applyTheme(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

export function chooseTheme(theme: Theme): void {
  writePreference("device", "theme", theme);
  applyTheme(theme);
}
