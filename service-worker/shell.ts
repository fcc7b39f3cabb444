/** The shell: the pages and files without which no screen opens, kept whole and per version. */

declare const self: ServiceWorkerGlobalScope;
declare const __VERSION__: string;
declare const __PRECACHE__: readonly string[];

const CACHE = "holdfast-shell-" + __VERSION__;
const APP = "/";
const SIGN_IN = "/signin";

/** Addresses that the server alone can answer; everything else that is navigated to is a screen of the app. */
const SERVED = /\.|^\/(healthz|livez|readyz|sync|session|photos|office|operations)\b/;

/**
 * Keeps the whole shell or nothing. Rejects, and so leaves the version before in charge, when one answer is not our server's: a captive
 * portal must never become the shell.
 */
export async function installShell(): Promise<void> {
  const paths = [APP, SIGN_IN, ...__PRECACHE__];
  const answers = await Promise.all(paths.map((path) => fetch(path, { cache: "no-cache" })));
  if (!answers.every(isOurs)) throw new TypeError("not our server");
  const cache = await caches.open(CACHE);
  await Promise.all(paths.map((path, index) => cache.put(path, answers[index]!)));
}

function isOurs(response: Response): boolean {
  return response.status === 200 && !response.redirected && response.headers.get("Holdfast") === "1";
}

export async function removeOldShells(): Promise<void> {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
}

/** Whether the shell may answer: navigations to screens of the app, and the files it keeps. */
export function isShellRequest(request: Request): boolean {
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin) return false;
  return request.mode === "navigate" ? !SERVED.test(pathname) : __PRECACHE__.includes(pathname);
}

/** The kept answer with all its headers (CSP too); the network only where it is missing. */
export async function answerFromShell(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const path = request.mode !== "navigate" ? pathname : pathname === SIGN_IN ? SIGN_IN : APP;
  const kept = await caches.match(path, { cacheName: CACHE });
  return kept ?? fetch(request);
}
