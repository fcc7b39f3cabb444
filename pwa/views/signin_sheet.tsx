/** Signing in again without leaving the page: whatever is open and half typed stays as it is. */

import { h } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "./dialog.tsx";
import { useLive } from "./engine.ts";
import { say, words } from "./words.ts";

export function SignInSheet({ onClose }: { onClose: () => void }) {
  const { engine, snapshot } = useLive();
  const [error, setError] = useState<string | null>(null);
  const [is_busy, setBusy] = useState(false);
  const waiting = snapshot.strip.waiting + snapshot.strip.photos.waiting;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const [login, password] = [String(form.get("login") ?? "").trim(), String(form.get("password") ?? "")];
    if (login === "" || password === "") return setError(words.signin.missing);
    setBusy(true);
    const problem = await engine.signIn(login, password).catch(() => words.signin.no_answer);
    setBusy(false);
    setError(problem);
    if (problem === null) onClose();
  };
  return (
    <Dialog title={say(words.signin.again, engine.me.name)} onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <p>{waiting === 0 ? words.signin.again_why_0 : say(words.signin.again_why, waiting)}</p>
        <label class="field">
          <span class="label">{words.signin.login}</span>
          <input autofocus class="input" name="login" autocomplete="username" autocapitalize="none" spellcheck={false} required />
        </label>
        <label class="field">
          <span class="label">{words.signin.password}</span>
          <input class="input" name="password" type="password" autocomplete="current-password" required />
        </label>
        <p role="alert" class="error">{error}</p>
        <button type="submit" class="primary wide" disabled={is_busy}>{is_busy ? words.signin.busy : words.signin.submit}</button>
      </form>
    </Dialog>
  );
}
