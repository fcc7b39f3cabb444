"""Punch items: create, edit, move, delete, restore."""

from __future__ import annotations

from typing import Any

from sync.acts import ITEMS, Act, Refused, Result, last_change
from sync.arguments import tidy
from sync.changes import Document, Row
from sync.conflicts import note
from sync.merge import Settled, Verdict, settle
from sync.rules import Role, may, roles_in
from sync.schema import ITEM_FIELDS, Kind, Outcome, Status

_WATCHED = (*ITEM_FIELDS, "sector_id", "status")
"""Fields whose change by somebody else makes an edit `merged`."""


def create(act: Act) -> Result:
    """Put a new item in a sector and give it the project's next number."""
    args = act.args
    sector_id, company_id = args["sector_id"], args.get("company_id")
    act.roles("item.create", sector_id, company_id, None)
    sector = act.draft.row("sectors", sector_id)
    if sector is None or sector.is_deleted:
        raise Refused("not_found")
    if act.draft.row(ITEMS, args["id"]) is not None:  # an id once used stays used, so this is no oracle
        raise Refused("exists")
    _check_references(act, args, sector_id)
    project_id = sector.doc["project_id"]
    number = act.draft.next_number(project_id)
    doc = _new_document(act, project_id, number)
    item = Row(ITEMS, args["id"], 1, doc, {"": (1, act.mutation.client)})
    act.draft.put_item(None, item)
    act.record(item, {name: [None, doc[name]] for name in ITEM_FIELDS if name in args})
    return Result(ITEMS, item.id, 1, number=number)


def _new_document(act: Act, project_id: str, number: int) -> Document:
    args = act.args
    return {
        "id": args["id"],
        "version": 1,
        "project_id": project_id,
        "sector_id": args["sector_id"],
        "number": number,
        "provisional_number": args.get("provisional_number", ""),
        **{name: tidy(name, args[name]) if name in args else _default(name) for name in ITEM_FIELDS},
        "status": Status.OPEN.value,
        "status_reason": None,
        "disputed_from": None,
        "bounces": 0,
        "comment_count": 0,
        "photo_count": 0,
        "raised_by": act.actor.id,
        "raised_at": act.corrected_at,
        "submitted_by": None,
        "submitted_at": None,
        "closed_by": None,
        "closed_at": None,
        "updated_by": act.actor.id,
        "updated_at": act.now,
    }


def _default(name: str) -> Any:
    field = ITEM_FIELDS[name]
    return [] if field.kind in (Kind.TAGS, Kind.REFS) else field.default


def _check_references(act: Act, values: Any, sector_id: str) -> None:
    """What a field points to must exist; assignees must be in the sector."""
    for name, value in values.items():
        field = ITEM_FIELDS.get(name)
        if field is None or not value:
            continue
        if field.kind is Kind.REF:
            target = act.draft.row(field.entity, value)
            if target is None or target.is_deleted:
                raise Refused("not_found")
        elif field.kind is Kind.REFS:
            _check_assignees(act, value, sector_id)


def _check_assignees(act: Act, ids: list[str], sector_id: str) -> None:
    for user_id in ids:
        person = act.draft.actor(user_id)
        if not roles_in(person, sector_id, person.company_id, act.now):
            raise Refused("not_in_sector")


def edit(act: Act) -> Result:
    """Set fields, each by its policy; what lost or has to wait becomes a conflict row."""
    wanted: dict[str, Any] = act.args["set"]
    item, roles = act.live_item(act.args["id"], "item.edit")
    _refuse_ended(item)
    check_references(act, item, wanted)
    result = Result(ITEMS, item.id)
    values: Document = {}
    for name in ITEM_FIELDS:
        if name in wanted:
            settled = _settle(act, item, name, roles)
            _enter(act, item, name, settled, result)
            if settled.value != item.doc[name]:
                values[name] = settled.value
    if result.outcome is Outcome.APPLIED and _others_changed(act, item):
        result.outcome = Outcome.MERGED
    result.version = _write(act, item, values).version
    return result


def check_references(act: Act, item: Row, wanted: dict[str, Any]) -> None:
    """Raise `Refused` unless everything that `wanted` newly points to is there."""
    _check_references(act, _additions(item, wanted), item.doc["sector_id"])


def _additions(item: Row, wanted: dict[str, Any]) -> dict[str, Any]:
    """The references an edit adds; those that stand already are nobody's to question."""
    values = {name: value for name, value in wanted.items() if value != item.doc[name]}
    if "assignee_ids" in values:
        values["assignee_ids"] = [key for key in values["assignee_ids"] if key not in item.doc["assignee_ids"]]
    return values


def _settle(act: Act, item: Row, name: str, roles: frozenset[Role]) -> Settled:
    field, current = ITEM_FIELDS[name], item.doc[name]
    wanted, was = tidy(name, act.args["set"][name]), tidy(name, act.args["was"][name])
    if not field.is_direct and wanted != current and not may("item.decide", roles):
        return Settled(Verdict.SUGGESTED, current)
    version, client = last_change(item, name)
    return settle(field, was, current, wanted, is_seen=version <= act.base, is_own=client == act.mutation.client)


def _enter(act: Act, item: Row, name: str, settled: Settled, result: Result) -> None:
    """Enter a field's verdict in the result, and its loser in a conflict row (18)."""
    verdict = settled.verdict
    if verdict in (Verdict.SAME, Verdict.TAKEN):
        return
    result.fields[name] = verdict.value
    if verdict in (Verdict.CONFLICT, Verdict.SUGGESTED):
        result.outcome = Outcome.CONFLICT
    elif result.outcome is Outcome.APPLIED:
        result.outcome = Outcome.MERGED
    if verdict is not Verdict.MERGED:
        was, wanted = tidy(name, act.args["was"][name]), tidy(name, act.args["set"][name])
        result.conflicts.append(note(act, item, name, verdict, was, wanted))


def _others_changed(act: Act, item: Row) -> bool:
    changes = (last_change(item, name) for name in _WATCHED)
    return any(version > act.base and client != act.mutation.client for version, client in changes)


def _write(act: Act, item: Row, values: Document) -> Row:
    """Write the next version where anything differs, and the event in any case. Returns the row that stands."""
    changes = {name: [item.doc[name], value] for name, value in values.items()}
    if values:
        old, item = item, act.edited(item, values, tuple(values))
        act.draft.put_item(old, item)
    act.record(item, changes)
    return item


def _refuse_ended(item: Row) -> None:
    if item.doc["status"] in (Status.CLOSED, Status.VOID):
        raise Refused(str(item.doc["status"]))


def move(act: Act) -> Result:
    """Move an item to another sector; judged in both (12). Two different moves are a question for people."""
    args = act.args
    item, _ = act.live_item(args["id"], "item.move")
    target = args["sector_id"]
    result = Result(ITEMS, item.id, item.version)
    check_move(act, item, target)
    version, client = last_change(item, "sector_id")
    is_seen = version <= act.base or client == act.mutation.client or item.doc["sector_id"] == args["from_sector_id"]
    if target != item.doc["sector_id"] and not is_seen:
        result.outcome, result.fields["sector_id"] = Outcome.CONFLICT, Verdict.CONFLICT.value
        result.conflicts.append(note(act, item, "sector_id", Verdict.CONFLICT, args["from_sector_id"], target))
        act.record(item, {})
        return result
    values = {} if target == item.doc["sector_id"] else {"sector_id": target}
    result.version = _write(act, item, values).version
    return result


def check_move(act: Act, item: Row, sector_id: str) -> None:
    """Raise `Refused` unless the author may move the item into the sector."""
    act.roles("item.move", sector_id, item.doc["company_id"], item.id)
    sector = act.draft.row("sectors", sector_id)
    if sector is None or sector.is_deleted or sector.doc["project_id"] != item.doc["project_id"]:
        raise Refused("not_found")


def delete(act: Act) -> Result:
    """Take an item and all that hangs on it from every device; it stays in history (10)."""
    item, _ = act.item(act.args["id"], "item.delete")
    if item.is_deleted:
        act.record(item, {})
        return Result(ITEMS, item.id, item.version)
    return _set_deleted(act, item, is_deleted=True)


def restore(act: Act) -> Result:
    """Bring a deleted item back, unless it was deleted again since the author looked (10)."""
    item, _ = act.item(act.args["id"], "item.restore")
    if not item.is_deleted:
        act.record(item, {})
        return Result(ITEMS, item.id, item.version)
    version, client = last_change(item, "is_deleted")
    if act.mutation.base is not None and version > act.base and client != act.mutation.client:
        raise Refused("deleted")
    return _set_deleted(act, item, is_deleted=False)


def _set_deleted(act: Act, item: Row, *, is_deleted: bool) -> Result:
    new = act.edited(item, {}, ("is_deleted",), is_deleted=is_deleted)
    act.draft.put_item(item, new)
    act.record(new, {"is_deleted": [item.is_deleted, is_deleted]})
    return Result(ITEMS, item.id, new.version)
