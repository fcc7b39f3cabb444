/** Look, person, app. */

import { Fragment, h } from "preact";
import { useState } from "preact/hooks";
import type { PhotoPolicy } from "../sync/types.ts";
import { Choices } from "./choices.tsx";
import { Dialog } from "./dialog.tsx";
import { useLive } from "./engine.ts";
import { formatBytes } from "./format.ts";
import { Icon } from "./icons.tsx";
import { useInstallation } from "./install.ts";
import { ExportButton } from "./outbox.tsx";
import { Page } from "./page.tsx";
import { usePreference } from "./preferences.ts";
import { notify } from "./snackbar.tsx";
import { levelWords, roughly, useStorage } from "./taking.tsx";
import { countWaiting, sectorName } from "./values.ts";
import { chooseTheme, readTheme, THEMES, type Theme } from "./theme.ts";
import { wordOf, say, words } from "./words.ts";

declare const __VERSION__: string;
const VERSION = typeof __VERSION__ === "string" ? __VERSION__.slice(0, 8) : "source";

export function SettingsPage() {
  return (
    <Page title={words.settings.heading}>
      <Look />
      <Photos />
      <Person />
      <App />
    </Page>
  );
}

function Look() {
  const [theme, setTheme] = useState(readTheme);
  const choose = (value: string): void => {
    setTheme(value as Theme);
    chooseTheme(value as Theme);
  };
  return (
    <section class="block">
      <Choices label={words.settings.look} options={THEMES.map((one) => [one, words.settings.theme[one]])} chosen={[theme]} onToggle={choose} />
      <p class="hint">{words.settings.theme_hint}</p>
    </section>
  );
}

function Photos() {
  const { engine, snapshot } = useLive();
  const [is_original, setOriginal] = usePreference(engine.me.id, "is_original", false);
  const [tells_position, setTells] = usePreference(engine.me.id, "tells_position", false);
  const storage = useStorage();
  /** The browser asks now, and never before. */
  const tell = (is_on: boolean): void => {
    if (is_on) navigator.geolocation.getCurrentPosition(() => setTells(true), () => notify({ text: words.photo.position_refused, is_bad: true }));
    else setTells(false);
  };
  return (
    <section class="block">
      <h2>{words.photo.heading}</h2>
      <Choices label={words.photo.over} options={Object.entries(words.photo.policy)} chosen={[snapshot.photo_policy]} onToggle={(one) => void engine.setPhotoPolicy(one as PhotoPolicy)} />
      <p class="hint">{words.photo.over_hint}</p>
      <Choices label={words.photo.size} options={Object.entries(words.photo.sizes)} chosen={[String(is_original)]} onToggle={(one) => setOriginal(one === "true")} />
      <Choices label={words.photo.position} options={Object.entries(words.photo.positions)} chosen={[String(tells_position)]} onToggle={(one) => tell(one === "true")} />
      <p class="hint">{words.photo.position_hint}</p>
      {storage !== null && (
        <>
          <p>{say(words.photo.used, formatBytes(storage.used_bytes), formatBytes(storage.quota_bytes))}{storage.photos_left !== null && say(words.photo.left, roughly(storage.photos_left))}</p>
          {storage.level !== "ok" && <p role="status" class="notice">{levelWords(storage)}</p>}
          {storage.freeable_bytes > 0 && <button type="button" onClick={() => void engine.freeStored()}>{words.photo.free} ({formatBytes(storage.freeable_bytes)})</button>}
        </>
      )}
    </section>
  );
}

function Person() {
  const { engine, snapshot } = useLive();
  const [is_leaving, setLeaving] = useState(false);
  const mine = snapshot.memberships.filter((one) => one.user_id === engine.me.id && (one.valid_to === null || one.valid_to > Date.now()));
  return (
    <section class="block">
      <h2>{words.settings.who}</h2>
      <p class="person"><Icon name="person" /><strong dir="auto">{engine.me.name}</strong></p>
      <ul class="plain">
        {mine.map((one) => (
          <li key={one.id} dir="auto">{wordOf(words.role, one.role)}, {one.sector_id === null ? words.settings.in_project : sectorName(snapshot, one.sector_id)}</li>
        ))}
      </ul>
      <div class="stack">
        <a class="button" href="/sessions"><Icon name="phone" />{words.settings.sessions}</a>
        {mine.some(({ role }) => role === "supervisor" || role === "admin") && <a class="button" href="/office/phones"><Icon name="phone" />{words.settings.phones}</a>}
        <button type="button" onClick={() => setLeaving(true)}><Icon name="lock" />{words.settings.sign_out}</button>
      </div>
      {is_leaving && <SignOutSheet onClose={() => setLeaving(false)} />}
    </section>
  );
}

/** Unsent work stays on this phone under its author; the person is told how much and may send it first. */
function SignOutSheet({ onClose }: { onClose: () => void }) {
  const { engine, snapshot } = useLive();
  const { kind, photos } = snapshot.strip;
  const waiting = countWaiting(snapshot);
  const can_send = kind !== "offline" && kind !== "server_away" && kind !== "not_our_server";
  const leave = async (): Promise<void> => {
    await engine.signOut();
    location.assign("/signin");
  };
  return (
    <Dialog title={words.settings.sign_out} onClose={onClose}>
      {waiting === 0 ? (
        <>
          <p>{words.settings.sign_out_clean}</p>
          <button type="button" class="primary wide" onClick={() => void leave()}>{words.settings.sign_out}</button>
        </>
      ) : (
        <>
          <p><strong>{say(words.settings.sign_out_unsent, waiting, engine.me.name)}</strong></p>
          <p>{words.settings.sign_out_hint}</p>
          <div class="stack">
            {can_send ? (
              <button type="button" class="primary" onClick={() => (engine.sendNow(), void (photos.waiting > 0 && engine.sendPhotosNow()))}><Icon name="up" />{words.settings.send_first}</button>
            ) : (
              <button type="button" class="primary" onClick={onClose}><Icon name="clock" />{words.settings.send_later}</button>
            )}
            <button type="button" onClick={() => void leave()}><Icon name="lock" />{words.settings.keep}</button>
            <ExportButton />
          </div>
        </>
      )}
    </Dialog>
  );
}

function App() {
  const { engine } = useLive();
  const { installation, install } = useInstallation();
  const { is_waiting, is_blocked } = engine.update;
  return (
    <section class="block">
      <h2>{words.settings.app}</h2>
      <p>{say(words.settings.version, VERSION)}</p>
      <p>{is_blocked ? words.settings.update_blocked : is_waiting ? words.settings.update_ready : words.settings.up_to_date}</p>
      {is_waiting && !is_blocked && <button type="button" onClick={() => void engine.applyUpdate()}>{words.settings.update_now}</button>}
      {installation === "offered" && <button type="button" onClick={install}><Icon name="download" />{words.settings.install}</button>}
      {installation === "installed" && <p>{words.settings.installed}</p>}
      {installation === "ios" && <p>{words.settings.install_ios}</p>}
      {installation === "menu" && <p>{words.settings.install_menu}</p>}
    </section>
  );
}
