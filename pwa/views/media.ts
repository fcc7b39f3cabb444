/** Whether a media query holds now. */

import { useEffect, useState } from "preact/hooks";

export function useMedia(query: string): boolean {
  const [is_on, setOn] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const refresh = (): void => setOn(list.matches);
    list.addEventListener("change", refresh);
    return () => list.removeEventListener("change", refresh);
  }, [query]);
  return is_on;
}

/** Room for the list beside the item. */
export const WIDE = "(min-width: 900px)";
