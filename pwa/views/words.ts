/** The words in force. A terminology pack or a translation will be chosen here, before the first render. */

import { en, type Words } from "../locales/en.ts";

export const words: Words = en;

/** A word of a table by a key that came over the wire; an unknown key is shown as it is. */
export function wordOf(table: Readonly<Record<string, string>>, key: string): string {
  return Object.hasOwn(table, key) ? (table[key] ?? key) : key;
}
