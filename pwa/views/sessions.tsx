/** Where this person is signed in, and a way to end each. This list lives on the server only. */

import { h } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { asking } from "../sync/network.ts";
import { useNow } from "./engine.ts";
import { formatInstant } from "./format.ts";
import { Page } from "./page.tsx";
import { notify } from "./snackbar.tsx";
import { say, words } from "./words.ts";

interface Session {
  readonly id: string;
  readonly label: string | null;
  readonly user_agent: string | null;
  readonly created_at: number;
  readonly seen_at: number;
  readonly is_this: boolean;
}

function useSessions() {
  const [sessions, setSessions] = useState<readonly Session[] | null>(null);
  const [is_failed, setFailed] = useState(false);
  const load = useCallback(async (): Promise<void> => {
    const answer = await asking("/sessions", "GET");
    const is_answered = answer?.status === 200;
    setFailed(!is_answered);
    if (is_answered) setSessions(answer.body["sessions"] as Session[]);
  }, []);
  useEffect(() => void load(), [load]);
  const end = async (id: string): Promise<void> => {
    const answer = await asking(`/sessions/${encodeURIComponent(id)}`, "DELETE");
    notify(answer && answer.status < 300 ? { text: words.sessions.ended } : { text: words.sessions.offline, is_bad: true });
    await load();
  };
  return { sessions, is_failed, load, end };
}

export function SessionsPage() {
  const { sessions, is_failed, load, end } = useSessions();
  const now = useNow(60_000);
  return (
    <Page title={words.sessions.heading} up="/settings">
      {is_failed && (
        <div class="empty" role="alert">
          <p>{words.sessions.offline}</p>
          <button type="button" onClick={() => void load()}>{words.sessions.retry}</button>
        </div>
      )}
      <ul class="cards">
        {(sessions ?? []).map((session) => (
          <li key={session.id} class="card">
            <h2><span dir="auto">{session.label || session.user_agent || words.sessions.unknown}</span></h2>
            <p class="hint">{say(words.sessions.since, formatInstant(session.created_at, now))}, {say(words.sessions.seen, formatInstant(session.seen_at, now))}</p>
            {session.is_this ? <p><strong>{words.sessions.here}</strong></p> : <button type="button" onClick={() => void end(session.id)}>{words.sessions.end}</button>}
          </li>
        ))}
      </ul>
    </Page>
  );
}
