/** One short message at a time, with Undo for as long as the entry has not left the phone. */

import { h } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Id } from "../sync/types.ts";
import { useLive } from "./engine.ts";
import { words } from "./words.ts";

export interface Message {
  readonly text: string;
  /** Bad news stays until it is closed. */
  readonly is_bad?: boolean;
  /** The outbox entry that Undo would take back. */
  readonly entry?: Id;
  /** What Undo does instead when the entry is already sent. */
  readonly otherwise?: () => Promise<unknown>;
  readonly link?: { readonly href: string; readonly text: string };
}

const SHOWN_MS = 8_000;
let show: ((message: Message) => void) | null = null;

export function notify(message: Message): void {
  show?.(message);
}

/** A message stays with the page it was said on, or the one that its act led to. */
const ACT_MS = 1_000;

function useMessage(path: string) {
  const [message, setMessage] = useState<Message | null>(null);
  const said_at = useRef(0);
  useEffect(() => {
    if (Date.now() - said_at.current > ACT_MS) setMessage(null);
  }, [path]);
  useEffect(() => {
    show = (message) => {
      said_at.current = Date.now();
      setMessage(message);
    };
    return () => {
      show = null;
    };
  }, []);
  useEffect(() => {
    if (message === null || message.is_bad === true) return;
    const timer = setTimeout(() => setMessage(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [message]);
  return { message, setMessage };
}

export function Snackbar({ path }: { path: string }) {
  const { engine, snapshot } = useLive();
  const { message, setMessage } = useMessage(path);
  const is_held = snapshot.outbox.some((row) => row.id === message?.entry && row.state === "waiting");
  const is_undoable = is_held || message?.otherwise !== undefined;
  const undo = async (): Promise<void> => {
    const is_gone = message?.entry !== undefined && is_held && (await engine.discard(message.entry));
    if (!is_gone && message?.otherwise === undefined) return setMessage({ text: words.too_late_to_undo });
    if (!is_gone) await message?.otherwise?.();
    setMessage({ text: words.undone });
  };
  return (
    <section class="snackbar-place" aria-label={words.messages}>
      <div role="status">{message !== null && <p class={message.is_bad ? "snackbar-text bad" : "snackbar-text"}>{message.text}</p>}</div>
      {message !== null && (
        <div class="snackbar-acts">
          {message.link && <a href={message.link.href} onClick={() => setMessage(null)}>{message.link.text}</a>}
          {is_undoable && <button type="button" onClick={() => void undo()}>{words.undo}</button>}
          {message.is_bad && <button type="button" onClick={() => setMessage(null)}>{words.close}</button>}
        </div>
      )}
    </section>
  );
}
