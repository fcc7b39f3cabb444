/** The words in force: data, fetched beside the code, so that terminology packs and translations need no other build. */

import en from "../locales/en.json";
import { formatNumber } from "./format.ts";

export type Words = typeof en;

/** The build gives this import as the file's address beside the code; its type is its content. */
const ENGLISH = new URL(en as unknown as string, import.meta.url);

export let words: Words;

/** To be awaited before the first render; the worker keeps the file with the shell, so it is there offline. */
export async function loadWords(): Promise<void> {
  words ??= (await (await fetch(ENGLISH)).json()) as Words;
}

/** Fills in a template: `{0}` is the first value, `{0|one|many}` a word that depends on it. Numbers are written as people write them. */
export function say(template: string, ...values: readonly (string | number)[]): string {
  return template.replace(/\{(\d)(?:\|(.*?)\|(.*?))?\}/g, (_whole, index: string, one?: string, many?: string) => {
    const value = values[Number(index)] ?? "";
    if (many !== undefined) return (value === 1 ? one : many) ?? "";
    return typeof value === "number" ? formatNumber(value) : value;
  });
}

/** A word of a table by a key that came over the wire; an unknown key is shown as it is. */
export function wordOf(table: Readonly<Record<string, string>>, key: string): string {
  return Object.hasOwn(table, key) ? (table[key] ?? key) : key;
}
