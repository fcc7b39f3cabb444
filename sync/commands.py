"""Status commands: judged against the state now by the transition table, never raw writes of a field."""

from __future__ import annotations

from typing import Final

from sync.acts import ITEMS, Act, Refused, Result, last_change
from sync.changes import Document, Row
from sync.rules import TRANSITIONS, Transition
from sync.schema import Status

_EVIDENCE: Final = ("comment.add", "photo.add", "photo.restore")
"""What an acceptance must have seen."""


def move_status(act: Act) -> Result:
    """Do the command that the mutation's name says."""
    name = act.mutation.name
    transition = TRANSITIONS[name]
    item, _ = act.live_item(act.args["id"], name)
    reason = act.args.get("reason") or None
    if transition.needs_reason and not (reason and reason.strip()):
        raise Refused("reason_missing")
    status = Status(item.doc["status"])
    if transition.is_repeatable and status is transition.target:
        act.record(item, {}, reason)  # two people started or submitted it: both are on record
        return Result(ITEMS, item.id, item.version)
    _check_source(status, transition)
    if name == "item.accept":
        _check_acceptance(act, item)
    values = _values(act, item, status, transition, reason)
    new = act.edited(item, values, ("status",))
    act.draft.put_item(item, new)
    changes = {field: [item.doc[field], value] for field, value in values.items() if value != item.doc[field]}
    act.record(new, changes, reason)
    return Result(ITEMS, item.id, new.version)


def _check_source(status: Status, transition: Transition) -> None:
    if status in transition.sources:
        return
    if status in (Status.CLOSED, Status.VOID):
        raise Refused(status.value)
    raise Refused("moved_on")


def _check_acceptance(act: Act, item: Row) -> None:
    if item.doc["submitted_by"] == act.actor.id:
        project = act.draft.row("projects", item.doc["project_id"])
        if project is None or not project.doc["is_own_work_accepted"]:
            raise Refused("own_work")
    changed_at = max(last_change(item, name)[0] for name in ("comment_count", "photo_count"))
    if changed_at > act.base and _has_new_evidence(act, item):
        raise Refused("new_evidence")


def _has_new_evidence(act: Act, item: Row) -> bool:
    """Whether somebody else commented or showed a photo after the version the author saw."""
    return any(
        child.entity == "item_events"
        and child.doc["name"] in _EVIDENCE
        and child.doc["item_version"] > act.base
        and child.doc["actor_id"] != act.actor.id
        for child in act.draft.children(item.id)
    )


def _values(act: Act, item: Row, status: Status, transition: Transition, reason: str | None) -> Document:
    target = transition.target or Status(item.doc["disputed_from"] or Status.OPEN)
    values: Document = {"status": target.value, "status_reason": reason, "disputed_from": None}
    match act.mutation.name:
        case "item.submit":
            values |= {"submitted_by": act.actor.id, "submitted_at": act.corrected_at}
        case "item.accept":
            values |= {"closed_by": act.actor.id, "closed_at": act.corrected_at}
        case "item.send_back":
            values |= {"bounces": item.doc["bounces"] + 1}
        case "item.dispute":
            values |= {"disputed_from": status.value}
        case "item.reopen":
            values |= {"closed_by": None, "closed_at": None}
    return values
