/** Small things a person chose on this phone: theme, sticky sector, filters. Losing them loses no work. */

import { useState } from "preact/hooks";

export function readPreference<T>(owner: string, key: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(`holdfast:${owner}:${key}`);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

/** Storage that refuses costs the preference, never the page. */
export function writePreference(owner: string, key: string, value: unknown): void {
  try {
    localStorage.setItem(`holdfast:${owner}:${key}`, JSON.stringify(value));
  } catch {
    return;
  }
}

export function usePreference<T>(owner: string, key: string, otherwise: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => readPreference(owner, key, otherwise));
  const set = (next: T): void => {
    setValue(next);
    writePreference(owner, key, next);
  };
  return [value, set];
}
