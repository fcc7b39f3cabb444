"""Settling a conflict: one answer, for everybody."""

from __future__ import annotations

from typing import Any

from sync import items
from sync.acts import Act, Refused, Result
from sync.changes import Document, Row
from sync.conflicts import again, last_author
from sync.rules import Role, may, roles_in
from sync.schema import ITEM_FIELDS


def resolve(act: Act) -> Result:
    """Settle a conflict: keep the current value or put the other one in its place."""
    conflict = act.draft.row("conflicts", act.args["id"])
    if conflict is None:
        raise Refused("not_found")
    item = act.draft.row("punch_items", conflict.item_id)
    if item is None or not _sees(act, conflict, item):
        raise Refused("not_found")
    if item.is_deleted:
        raise Refused("deleted")
    choice = act.args["choice"]
    if conflict.doc["state"] == "resolved":
        if conflict.doc["choice"] != choice:
            raise Refused("already_resolved")
        act.record(item, {})
        return Result("conflicts", conflict.id, conflict.version)
    _check_right(act, conflict, item, choice)
    if choice == "other":
        return _take_other(act, conflict, item)
    return _keep_current(act, conflict, item)


def _sees(act: Act, conflict: Row, item: Row) -> bool:
    if _is_author(act, conflict):
        return True
    return bool(_roles(act, item))


def _is_author(act: Act, conflict: Row) -> bool:
    return act.actor.id in (conflict.doc["current_by"], conflict.doc["other_by"])


def _roles(act: Act, item: Row) -> frozenset[Role]:
    return roles_in(act.actor, item.doc["sector_id"], item.doc["company_id"], act.now)


def _check_right(act: Act, conflict: Row, item: Row, choice: str) -> None:
    """An author may always let the current value stand; anything else takes the right on the field."""
    if choice == "current" and act.actor.id == conflict.doc["other_by"]:
        return
    if choice == "current" and conflict.doc["state"] == "noted" and _is_author(act, conflict):
        return
    roles = _roles(act, item)
    field = ITEM_FIELDS.get(conflict.doc["field"])
    is_decision = field is not None and not field.is_direct
    if not may("conflict.resolve", roles) or (is_decision and not may("item.decide", roles)):
        raise Refused("forbidden")


def _take_other(act: Act, conflict: Row, item: Row) -> Result:
    name, other = conflict.doc["field"], conflict.doc["other"]
    if item.doc["status"] in ("closed", "void"):
        raise Refused(item.doc["status"])
    if item.doc[name] not in (conflict.doc["current"], other):
        _show_present(act, conflict, item)
        raise Refused("moved_on")
    if name == "sector_id":
        act.roles("item.move", item.doc["sector_id"], item.doc["company_id"], None)
        items.check_move(act, item, other)
    else:
        items.check_references(act, item, {name: other})
    changes: Document = {}
    new = item
    if item.doc[name] != other:
        changes = {name: [item.doc[name], other]}
        new = act.edited(item, {name: other}, (name,))
        act.draft.put_item(item, new)
    settled = _settled(act, conflict, "other")
    act.draft.put_child(settled, new, conflict)
    act.record(new, changes)
    return Result("conflicts", conflict.id, settled.version)


def _show_present(act: Act, conflict: Row, item: Row) -> None:
    """Put the card right before refusing: the value it showed as current is not current any more."""
    name = conflict.doc["field"]
    current_by, current_at = last_author(act, item, name)
    values = {"current": item.doc[name], "current_by": current_by, "current_at": current_at}
    act.draft.put_child(again(conflict, values), item, conflict)


def _keep_current(act: Act, conflict: Row, item: Row) -> Result:
    doc = conflict.doc
    seen_by = sorted({*doc["seen_by"], act.actor.id})
    authors = {doc["current_by"], doc["other_by"]}
    if doc["state"] == "noted" and not authors <= set(seen_by):
        new = again(conflict, {"seen_by": seen_by})
    else:
        new = _settled(act, conflict, "current", seen_by=seen_by)
    act.draft.put_child(new, item, conflict)
    act.record(item, {})
    return Result("conflicts", conflict.id, new.version)


def _settled(act: Act, conflict: Row, choice: str, **values: Any) -> Row:
    settled = {"state": "resolved", "choice": choice, "resolved_by": act.actor.id, "resolved_at": act.corrected_at}
    return again(conflict, {**settled, **values})
