"""Comments: append-only; they attach to an item in any state but deleted."""

from __future__ import annotations

from sync.acts import Act, Refused, Result
from sync.changes import Document, Row


def add(act: Act) -> Result:
    """Append a comment. The item counts it, which is how an acceptance learns of new evidence."""
    args = act.args
    item, _ = act.live_item(args["item_id"], "comment.add")
    if act.draft.row("comments", args["id"]) is not None:
        raise Refused("exists")
    count = item.doc["comment_count"]
    new = act.edited(item, {"comment_count": count + 1}, ("comment_count",))
    act.draft.put_item(item, new)
    doc: Document = {
        "id": args["id"],
        "version": 1,
        "item_id": item.id,
        "text": args["text"],
        "author_id": act.actor.id,
        "made_at": act.corrected_at,
        "received_at": act.now,
        "is_late": act.is_late,
    }
    act.draft.put_child(Row("comments", args["id"], 1, doc, {}, False, item.id), new)
    act.record(new, {"comment_count": [count, count + 1]})
    return Result("comments", args["id"], 1)
