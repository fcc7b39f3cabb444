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

/** A newer app has made the storage, or a tab with an older one does not let go. */
const OTHER = "Another version of Holdfast uses this phone’s storage. Nothing is lost. Close other tabs, go online and try again.";

/** The page without engine or words: a few sentences, so that nobody looks at an empty screen. */
function Failure({ error }: { error: unknown }) {
  return (
    <main class="failure">
      <h1>Holdfast</h1>
      <p role="alert">{/Version|Blocked/.test(String(error)) ? OTHER : "Something went wrong while opening this phone’s storage."}</p>
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
