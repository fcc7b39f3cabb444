/** Comments of an item, and the box to add one; what is typed there is a draft until it is saved. */

import { h } from "preact";
import { useEffect } from "preact/hooks";
import { COMMENT_LIMIT } from "../sync/rules.ts";
import type { Comment, Id, Item } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { baseOf } from "./commands.tsx";
import { useDraft } from "./drafts.ts";
import { useLive, useNow } from "./engine.ts";
import { formatInstant } from "./format.ts";
import { mayOn } from "./rights.ts";
import { personName } from "./values.ts";
import { words } from "./words.ts";

export function Comments({ item, refusal_id }: { item: Item; refusal_id: Id | null }) {
  const { engine, snapshot } = useLive();
  const comments = snapshot.commentsOf(item.id);
  return (
    <section class="block" aria-labelledby="comments-head">
      <h2 id="comments-head">{words.item.comments}</h2>
      {comments.length === 0 && <p class="hint">{words.item.no_comments}</p>}
      <ul class="comments">{comments.map((comment) => <CommentRow key={comment.id} comment={comment} />)}</ul>
      {mayOn(snapshot, engine.me, item, "comment.add") && <CommentBox key={refusal_id} item={item} refusal_id={refusal_id} />}
    </section>
  );
}

function CommentRow({ comment }: { comment: Comment }) {
  const { engine, snapshot } = useLive();
  const now = useNow(60_000);
  const name = comment.author_id === engine.me.id ? words.you : personName(snapshot, comment.author_id);
  return (
    <li class="comment">
      <p class="comment-head">
        <strong dir="auto">{name}</strong> <span>{formatInstant(comment.made_at, now)}</span>
        {comment.received_at === null && <span> · {words.item.not_sent}</span>}
        {comment.is_late && <span> · {words.item.late}</span>}
      </p>
      <p class="prose" dir="auto">{comment.text}</p>
    </li>
  );
}

/** A refused comment comes back into a box of its own; what was already being typed is not touched. */
function CommentBox({ item, refusal_id }: { item: Item; refusal_id: Id | null }) {
  const { engine, snapshot } = useLive();
  const refused = refusal_id === null ? undefined : snapshot.refusals.get(refusal_id)?.args["text"];
  const draft = useDraft<{ text: string; id: Id }>(refusal_id === null ? `comment:${item.id}` : `comment:${refusal_id}`, () => ({
    text: typeof refused === "string" ? refused : "",
    id: engine.newId(),
  }));
  const { is_busy, act } = useActing();
  const form = draft.value;
  const saved = form === null ? undefined : snapshot.commentsOf(item.id).find((comment) => comment.id === form.id);
  const clear = (): void => draft.drop({ text: "", id: engine.newId() });
  useEffect(() => {
    if (form === null || saved === undefined || is_busy) return;
    if (saved.text === form.text.trim()) clear();
    else draft.set({ ...form, id: engine.newId() }); // another tab saved something else from the same draft
  }, [saved === undefined, is_busy]);
  if (form === null) return null;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const text = form.text.trim();
    if (text === "") return;
    const args = { id: form.id, item_id: item.id, text };
    if (!(await act(() => engine.mutate("comment.add", args, baseOf(item)), { text: `${words.command["comment.add"]}. ${words.saved}` }))) return;
    clear();
    if (refusal_id !== null) await act(() => engine.mutate("refusal.dismiss", { id: refusal_id }, null));
  };
  return (
    <form class="comment-box" onSubmit={(event) => void submit(event)}>
      <label class="field">
        <span class="label">{words.item.your_comment}</span>
        <textarea class="input" dir="auto" rows={2} maxLength={COMMENT_LIMIT} value={form.text} onInput={(event) => draft.set({ ...form, text: event.currentTarget.value })} />
      </label>
      {!draft.is_kept && <p class="error">{words.draft_not_kept}</p>}
      <button type="submit" disabled={is_busy || form.text.trim() === ""}>{words.item.add_comment}</button>
    </form>
  );
}
