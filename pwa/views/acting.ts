/** Doing something durable and saying so only afterwards. */

import { useRef, useState } from "preact/hooks";
import type { Id } from "../sync/types.ts";
import { notify, type Message } from "./snackbar.tsx";
import { words } from "./words.ts";

/**
 * Runs one write at a time, so that a double tap is one act. The message is shown after the write is durable; when nothing
 * was stored the person is told so and gets `false`, and whatever was typed must stay where it is (invariant 23).
 */
export function useActing() {
  const [is_busy, setBusy] = useState(false);
  const is_running = useRef(false);
  const mark = (is_on: boolean): void => {
    is_running.current = is_on;
    setBusy(is_on);
  };
  const act = async (write: () => Promise<Id | boolean | void>, message?: Omit<Message, "entry">): Promise<boolean> => {
    if (is_running.current) return false;
    mark(true);
    try {
      const entry = await write();
      if (message !== undefined && entry !== false) notify({ ...message, ...(typeof entry === "string" && { entry }) });
      return entry !== false;
    } catch (error) {
      notify({ text: words.not_saved, is_bad: true });
      if (!(error instanceof Error && error.name === "StorageError")) console.error(error);
      return false;
    } finally {
      mark(false);
    }
  };
  return { is_busy, act };
}
