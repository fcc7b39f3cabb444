"""One row of a trade's file → the mutations that bring its punch item to what the row says.

The importer is a device like any other: what it saw last is what the file said last. A row that did not change makes
nothing, whatever people did to the item meanwhile. A row that changed becomes an edit on the version that the import
made, so that the engine merges it with everybody's edits, and asks where both changed the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sync.canonical import canonical, derived_id, sha256
from sync.schema import ITEM_FIELDS, Kind, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from server.actions.row_values import Wanted
    from sync.changes import Document, Row

REASON: Final = "As imported from the trade's punch list."

PATHS: Final[Mapping[Status, Mapping[Status, tuple[str, ...]]]] = MappingProxyType(
    {
        Status.OPEN: {
            Status.IN_PROGRESS: ("item.start",),
            Status.READY_FOR_REVIEW: ("item.submit",),
            Status.NOT_ACCEPTED: ("item.submit", "item.send_back"),
            Status.DISPUTED: ("item.dispute",),
            Status.CLOSED: ("item.submit", "item.accept"),
            Status.VOID: ("item.void",),
        },
        Status.IN_PROGRESS: {
            Status.READY_FOR_REVIEW: ("item.submit",),
            Status.NOT_ACCEPTED: ("item.submit", "item.send_back"),
            Status.DISPUTED: ("item.dispute",),
            Status.CLOSED: ("item.submit", "item.accept"),
            Status.VOID: ("item.void",),
        },
        Status.READY_FOR_REVIEW: {
            Status.NOT_ACCEPTED: ("item.send_back",),
            Status.CLOSED: ("item.accept",),
            Status.VOID: ("item.void",),
        },
        Status.NOT_ACCEPTED: {
            Status.IN_PROGRESS: ("item.start",),
            Status.READY_FOR_REVIEW: ("item.submit",),
            Status.DISPUTED: ("item.dispute",),
            Status.CLOSED: ("item.submit", "item.accept"),
            Status.VOID: ("item.void",),
        },
        Status.CLOSED: {Status.OPEN: ("item.reopen",)},
        Status.VOID: {Status.OPEN: ("item.reopen",)},
    }
)
"""Status now → status in the file → the commands that lead there; what is missing is a way people have to go."""

_ENDS: Final = {
    "item.start": Status.IN_PROGRESS,
    "item.submit": Status.READY_FOR_REVIEW,
    "item.accept": Status.CLOSED,
    "item.send_back": Status.NOT_ACCEPTED,
    "item.dispute": Status.DISPUTED,
    "item.void": Status.VOID,
    "item.reopen": Status.OPEN,
}


@dataclass(frozen=True, slots=True)
class Step:
    """A mutation to be. `is_for_other`: somebody else than the importer submits it, so that the importer may accept."""

    line: int
    id: str
    name: str
    args: Document
    base: int | None
    is_for_other: bool = False


@dataclass(slots=True)
class RowPlan:
    """What a row comes to. `left_alone` says why a changed row changes nothing, for people."""

    steps: list[Step] = field(default_factory=list)
    is_new: bool = False
    left_alone: str = ""


def item_id_of(project_id: str, sector_id: str, row: Wanted, ordinal: int) -> str:
    """The item of a row, for ever: by its reference, else by its words and which of several equal rows it is."""
    if ref := row.values.get("external_ref"):
        return derived_id("import", project_id, sector_id, "ref", ref)
    words = canonical([row.values.get(name, "") for name in ("title", "description", "location")])
    return derived_id("import", project_id, sector_id, "words", sha256(words), str(ordinal))


def plan_row(
    row: Wanted, values: Mapping[str, Any], new_item: Document, item: Row | None, seen: Sequence[Row]
) -> RowPlan:
    """`values` are the row's fields with ids instead of names, `new_item` holds `id` and `sector_id`.

    `seen` are the events that imports made on the item, oldest first.
    """
    digest = _digest(row)
    if item is None:
        first = Step(
            row.line, derived_id(new_item["id"], "row", "", digest), "item.create", {**new_item, **values}, None
        )
        plan = RowPlan([first], is_new=True)
        _lead_to(plan, row, new_item["id"], Status.OPEN, 1)
        return plan
    return _plan_known(row, values, item, seen, digest)


def _plan_known(row: Wanted, values: Mapping[str, Any], item: Row, seen: Sequence[Row], digest: str) -> RowPlan:
    made = [event.id for event in seen if event.doc["name"] in ("item.create", "item.edit")]
    before, last = ["", "", *made][-2:]
    if last == derived_id(item.id, "row", before, digest):
        return RowPlan()
    old = _as_imported(seen)
    changed = {name: value for name, value in values.items() if value != old.get(name, _default(name))}
    status, said = Status(item.doc["status"]), _status_as_imported(seen)
    is_moving = row.status is not None and row.status not in (said, status)
    if not changed and not is_moving:
        return RowPlan()
    if item.is_deleted:
        return RowPlan(left_alone="was deleted here")
    plan = RowPlan()
    base = max((event.doc["item_version"] for event in seen), default=item.version)
    if changed and status in (Status.CLOSED, Status.VOID):
        plan.left_alone = f"is {status.value} here"
    elif changed:
        was = {name: old.get(name, _default(name)) for name in changed}
        args = {"id": item.id, "set": changed, "was": was}
        plan.steps.append(Step(row.line, derived_id(item.id, "row", last, digest), "item.edit", args, base))
    if is_moving:
        _lead_to(plan, row, item.id, status, item.version)
    return plan


def _lead_to(plan: RowPlan, row: Wanted, item_id: str, status: Status, version: int) -> None:
    """Add the commands from the status now to the file's."""
    if row.status is None or row.status is status:
        return
    path = PATHS.get(status, {}).get(row.status)
    if path is None:
        plan.left_alone = (
            f"is {status.value.replace('_', ' ')} here, and {row.status.value.replace('_', ' ')} in the file"
        )
        return
    for name in path:
        args = (
            {"id": item_id}
            if name in ("item.start", "item.submit", "item.accept")
            else {"id": item_id, "reason": REASON}
        )
        step_id = derived_id(item_id, name, str(version), row.status.value)
        is_for_other = name == "item.submit" and path[-1] == "item.accept"
        base = version if name != "item.accept" else version + len(plan.steps)
        plan.steps.append(Step(row.line, step_id, name, args, base, is_for_other))


def _as_imported(seen: Sequence[Row]) -> Document:
    """The fields as imports set them last."""
    values: Document = {}
    for event in seen:
        if event.doc["name"] in ("item.create", "item.edit"):
            values.update({name: pair[1] for name, pair in event.doc["changes"].items() if name in ITEM_FIELDS})
    return values


def _status_as_imported(seen: Sequence[Row]) -> Status:
    ends = [_ENDS[event.doc["name"]] for event in seen if event.doc["name"] in _ENDS]
    return ends[-1] if ends else Status.OPEN


def _digest(row: Wanted) -> str:
    names = [row.trade, row.company, row.assignees and list(row.assignees), row.status and row.status.value]
    return sha256(canonical([dict(row.values), names]))


def _default(name: str) -> Any:
    schema = ITEM_FIELDS[name]
    return [] if schema.kind in (Kind.TAGS, Kind.REFS) else schema.default
