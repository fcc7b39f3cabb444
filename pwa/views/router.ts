/** A router of one page's worth: the address bar is the state, links are ordinary links. */

import { useEffect, useState } from "preact/hooks";

export interface Route {
  readonly path: string;
  readonly query: URLSearchParams;
}

const OWN = /^\/(items\/[^/]+|new|outbox|needs-you|settings|sessions)?$/;
const listeners = new Set<() => void>();

function here(): Route {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

function tell(): void {
  for (const listener of listeners) listener();
}

/** Goes to an address of this app without loading the page. */
export function navigate(address: string, is_replacing = false): void {
  if (address === location.pathname + location.search) return;
  if (is_replacing) history.replaceState(null, "", address);
  else history.pushState({ is_ours: true }, "", address);
  tell();
}

/** Back to where the person came from, or to `otherwise` when this page was opened directly. */
export function goBack(otherwise: string): void {
  const state = history.state as { is_ours?: boolean } | null;
  if (state?.is_ours === true) history.back();
  else navigate(otherwise, true);
}

function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (link === null || link.target !== "" || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (!OWN.test(link.pathname)) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}

export function useRoute(): Route {
  const [route, setRoute] = useState(here);
  useEffect(() => {
    const refresh = (): void => setRoute(here());
    listeners.add(refresh);
    addEventListener("popstate", refresh);
    document.addEventListener("click", followLink);
    return () => {
      listeners.delete(refresh);
      removeEventListener("popstate", refresh);
      document.removeEventListener("click", followLink);
    };
  }, []);
  return route;
}
