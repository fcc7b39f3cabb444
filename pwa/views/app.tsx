/** The shell: strip, one or two panes, messages, navigation. */

import { h } from "preact";
import { useEffect } from "preact/hooks";
import type { Holdfast } from "../sync/types.ts";
import { CapturePage } from "./capture.tsx";
import { useNewest } from "./engine.ts";
import { EditPage } from "./edit.tsx";
import { ItemPage } from "./item.tsx";
import { ListPage } from "./list.tsx";
import { useMedia, WIDE } from "./media.ts";
import { Navigation } from "./navigation.tsx";
import { NeedsPage } from "./needs.tsx";
import { OutboxPage } from "./outbox.tsx";
import { Page as Column } from "./page.tsx";
import { useRoute, type Route } from "./router.ts";
import { SessionsPage } from "./sessions.tsx";
import { SettingsPage } from "./settings.tsx";
import { Snackbar } from "./snackbar.tsx";
import { Strip } from "./strip.tsx";
import { UpdateNotice } from "./update.tsx";
import { words } from "./words.ts";

const itemIdOf = (path: string): string | null => (path.startsWith("/items/") ? path.slice("/items/".length) : null);

/** A new page begins at its heading, for the eye, the finger and the screen reader. */
function useFocus(route: Route): void {
  const address = `${route.path}?${route.query.toString()}`;
  useEffect(() => {
    if (document.querySelector("dialog[open]") !== null) return;
    const heading = document.querySelector<HTMLElement>("main h1");
    document.title = heading === null || heading.innerText === "" ? words.app : `${heading.innerText} · ${words.app}`;
    if (document.activeElement === document.body || document.activeElement?.matches("a, button") === true) heading?.focus({ preventScroll: true });
  }, [address]);
}

export function App({ engine }: { engine: Holdfast }) {
  useNewest(engine);
  const route = useRoute();
  const is_wide = useMedia(WIDE);
  useFocus(route);
  const item_id = itemIdOf(route.path);
  const has_list = route.path === "/" || (is_wide && item_id !== null);
  return (
    <div class="shell">
      <Strip />
      <UpdateNotice />
      <main class={has_list && is_wide ? "panes two" : "panes"}>
        {has_list && <ListPage open_id={item_id} />}
        {route.path === "/" && is_wide && <p class="pane nothing-chosen">{words.browse.choose_item}</p>}
        {route.path !== "/" && <Page route={route} item_id={item_id} />}
      </main>
      <Snackbar path={route.path} />
      <Navigation path={route.path} />
    </div>
  );
}

function Page({ route, item_id }: { route: Route; item_id: string | null }) {
  const refusal_id = route.query.get("refusal");
  if (item_id !== null && route.query.has("edit")) return <EditPage key={item_id} item_id={item_id} refusal_id={refusal_id} />;
  if (item_id !== null) return <ItemPage key={item_id} item_id={item_id} refusal_id={refusal_id} />;
  if (route.path === "/new") return <CapturePage key={refusal_id} refusal_id={refusal_id} />;
  if (route.path === "/outbox") return <OutboxPage />;
  if (route.path === "/needs-you") return <NeedsPage />;
  if (route.path === "/sessions") return <SessionsPage />;
  if (route.path === "/settings") return <SettingsPage />;
  return (
    <Column title={words.no_page}>
      <a class="button" href="/">{words.nav.list}</a>
    </Column>
  );
}
