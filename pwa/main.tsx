/** The worker's app: shows what this phone has, or goes to the sign-in page, which it serves too, when nobody is signed in here. */

import { h, render } from "preact";
import { openHoldfast } from "./sync/client.ts";
import { App } from "./views/app.tsx";
import { watchInstallation } from "./views/install.ts";
import { startSignIn } from "./views/signin_page.ts";
import { applyTheme, readTheme } from "./views/theme.ts";
import { loadWords } from "./views/words.ts";

function place(): HTMLElement {
  const element = document.getElementById("app");
  if (element === null) throw new Error("The page has no #app");
  return element;
}

const REASONS: readonly (readonly [string, string])[] = [
  ["VersionError", "A newer Holdfast has been at work on this phone. Nothing is lost. Go online and try again to load it; if that does not help, ask whoever runs your server."],
  ["BlockedError", "Another tab with an older Holdfast keeps this phone’s storage open. Nothing is lost. Close it, then try again."],
  ["", "Something went wrong while opening this phone’s storage."],
];

/** The page without engine or words: a few sentences, so that nobody looks at an empty screen. */
function Failure({ error }: { error: unknown }) {
  return (
    <main class="failure">
      <h1>Holdfast</h1>
      <p role="alert">{REASONS.find(([name]) => String(error).includes(name))![1]}</p>
      <button type="button" class="primary" onClick={() => location.reload()}>Try again</button>
    </main>
  );
}

async function start(): Promise<void> {
  const [engine] = await Promise.all([openHoldfast(), loadWords()]);
  if (engine === null) return location.replace("/signin");
  place().replaceChildren();
  render(<App engine={engine} />, place());
}

applyTheme(readTheme());
watchInstallation();
if (document.getElementById("signin") !== null) startSignIn();
else start().catch((error: unknown) => {
  console.error(error);
  place().replaceChildren();
  render(<Failure error={error} />, place());
});
