/** The sign-in page: makes the template's form send JSON, and shows who has work waiting on this phone. */

import { signIn, waitingOnThisPhone } from "../sync/session.ts";
import { loadWords, say, words } from "./words.ts";

/** To be called on that page alone. Words are a courtesy here: the template has its own. */
export function startSignIn(): void {
  element<HTMLFormElement>("signin-form").addEventListener("submit", (event) => {
    submit(event).catch(() => showProblem("Our server does not answer. Check the network and try again."));
  });
  showWaiting().catch(console.error);
  for (const change of ["online", "offline"]) addEventListener(change, () => void sayOffline());
  void sayOffline();
}

function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}`);
  return found as T;
}

function showProblem(text: string | null): void {
  const problem = element("problem");
  problem.textContent = text ?? "";
  problem.hidden = text === null;
}

/** A hint alone: whether our server answers is known only once it was asked. */
async function sayOffline(): Promise<void> {
  await loadWords();
  showProblem(navigator.onLine ? null : words.signin.offline);
}

async function submit(event: SubmitEvent): Promise<void> {
  event.preventDefault();
  const form = element<HTMLFormElement>("signin-form");
  await loadWords();
  const button = form.querySelector("button");
  const login = element<HTMLInputElement>("login").value.trim();
  const password = element<HTMLInputElement>("password").value;
  if (login === "" || password === "") return showProblem(words.signin.missing);
  setBusy(button, true);
  const { error } = await signIn(login, password).catch(() => ({ error: words.signin.failed }));
  setBusy(button, false);
  showProblem(error);
  if (error === null) location.replace("/");
  else element("password").focus();
}

function setBusy(button: HTMLButtonElement | null, is_busy: boolean): void {
  if (button === null) return;
  button.disabled = is_busy;
  button.textContent = is_busy ? words.signin.busy : words.signin.submit;
}

/** Names and counts only: whoever stands here may be somebody else. */
async function showWaiting(): Promise<void> {
  const people = await waitingOnThisPhone();
  if (people.length === 0) return;
  await loadWords();
  const place = element("waiting");
  place.replaceChildren(words.signin.others, ...people.map(({ name, waiting }) => line(say(words.signin.waiting, name, waiting))));
  place.hidden = false;
}

function line(text: string): HTMLElement {
  const row = document.createElement("span");
  row.className = "waiting-person";
  row.dir = "auto";
  row.textContent = text;
  return row;
}

