"""What did not get in: content and reason of every refused or parked mutation, for its author (invariant 3)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sync.acts import Act, Refused, Result
from sync.changes import Document, Row
from sync.parse import is_uuid

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "invalid": "The server did not understand this entry.",
        "not_found": "This is not there, or not visible to you any more.",
        "forbidden": "Your role does not allow this here.",
        "moved_on": "The item has moved on since you looked.",
        "closed": "The item is closed.",
        "void": "The item was declared void.",
        "deleted": "The item was deleted.",
        "own_work": "Somebody else has to accept your work.",
        "new_evidence": "There is a newer comment or photo; look at it and accept again.",
        "reason_missing": "This needs a reason.",
        "not_in_sector": "A person you assigned does not work in this sector.",
        "already_resolved": "Somebody has settled this differently.",
        "depends_on": "The entry this one builds on was not taken.",
        "exists": "This exists already.",
        "mutation_reused": "Another entry has used this number.",
        "unstorable": "The server could not store this entry.",
        "waiting": "Waiting for another entry to arrive.",
        "unknown_mutation": "The server is older than the app; it will be taken up later.",
    }
)
"""Reason → one sentence for people; the `text` of receipts and refusals."""


def refusal(act: Act, state: str, reason: str, waiting_for: str | None, row_id: str) -> Row:
    """The row that keeps a mutation that is not in. `state` is `parked` or `refused`."""
    mutation = act.mutation
    doc: Document = {
        "id": row_id,
        "version": 1,
        "user_id": act.actor.id,
        "client": mutation.client,
        "n": mutation.n,
        "name": mutation.name,
        "args": mutation.args,
        "base": mutation.base,
        "schema": mutation.schema,
        "made_at": mutation.made_at,
        "corrected_at": act.corrected_at,
        "received_at": act.arrived_at,
        "state": state,
        "reason": reason,
        "text": SENTENCES[reason],
        "item_id": item_of(mutation.name, mutation.args),
        "waiting_for": waiting_for,
    }
    return Row("refusals", row_id, 1, doc, {})


def item_of(name: str, args: Mapping[str, Any]) -> str | None:
    """The punch item that a mutation speaks of, as far as its arguments tell."""
    is_child = name.startswith(("comment.", "photo."))
    value = args.get("item_id") if is_child else args.get("id") if name.startswith("item.") else None
    return value if is_uuid(value) else None


def changed(row: Row, **values: Any) -> Row:
    """The refusal's next version."""
    version = row.version + 1
    return Row(row.entity, row.id, version, {**row.doc, **values, "version": version}, row.field_versions)


def dismiss(act: Act) -> Result:
    """Take note of a refusal, or give up a parked mutation: a person was asked. Its content stays in the database."""
    row = act.draft.row("refusals", act.args["id"])
    if row is None or row.doc["user_id"] != act.actor.id:
        raise Refused("not_found")
    if row.doc["state"] in ("parked", "refused"):
        row = changed(row, state="dismissed", waiting_for=None)
        act.draft.put_refusal(row)
    return Result("refusals", row.id, row.version)
