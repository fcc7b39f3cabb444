"""A sequential model: items rebuilt from their events alone, in commit order, and every field judged again.

It shares no code with the planner: roles, transitions and merge rules stand here a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sync.changes import Document, Plan, Row
from sync.memory import State
from tests.simulation.ledger import Ledger, Saved
from tests.simulation.sight import in_force
from tests.simulation.violations import hold, violated

POLICY = {
    "title": "text",
    "description": "text",
    "type": "latest",
    "priority": "latest",
    "trade_id": "latest",
    "company_id": "ask",
    "assignee_ids": "ask",
    "location": "latest",
    "due_on": "ask",
    "tags": "set",
    "external_ref": "latest",
}
DECIDED = {"priority", "company_id", "assignee_ids", "due_on"}
LEAD = {"supervisor", "admin"}
WORK = {"worker", *LEAD}
SITE = {"storekeeper", *WORK}
MAY = {
    "item.create": SITE,
    "item.edit": SITE,
    "item.move": LEAD,
    "item.start": {"guest", *WORK},
    "item.submit": {"guest", *WORK},
    "item.dispute": {"guest", *WORK},
    "item.accept": LEAD,
    "item.send_back": LEAD,
    "item.resolve": LEAD,
    "item.void": LEAD,
    "item.reopen": LEAD,
    "item.delete": LEAD,
    "item.restore": LEAD,
    "comment.add": {"guest", "auditor", *SITE},
    "photo.add": {"guest", *SITE},
    "photo.edit": {"guest", *SITE},
    "photo.remove": {"guest", *SITE},
    "photo.restore": {"guest", *SITE},
}
MOVES = {
    "item.start": ({"open", "not_accepted"}, {"in_progress"}),
    "item.submit": ({"open", "in_progress", "not_accepted"}, {"ready_for_review"}),
    "item.accept": ({"ready_for_review"}, {"closed"}),
    "item.send_back": ({"ready_for_review"}, {"not_accepted"}),
    "item.dispute": ({"open", "in_progress", "not_accepted"}, {"disputed"}),
    "item.resolve": ({"disputed"}, {"open", "in_progress", "not_accepted"}),
    "item.void": ({"open", "in_progress", "ready_for_review", "not_accepted", "disputed"}, {"void"}),
    "item.reopen": ({"closed", "void"}, {"open"}),
}
EMPTY: dict[str, Any] = {"tags": [], "assignee_ids": [], "type": "defect", "priority": "normal"}
NULL = ("trade_id", "company_id", "due_on")
LATE_MS = 72 * 3_600_000


@dataclass
class Item:
    """One item as the events tell it. `changed` maps a field to the version and client of its last change."""

    doc: Document
    created_by: str
    version: int = 1
    is_deleted: bool = False
    changed: dict[str, tuple[int, str]] = field(default_factory=dict)
    written_at: dict[int, int] = field(default_factory=dict)

    def last(self, name: str) -> tuple[int, str]:
        return self.changed.get(name, (1, self.created_by))


class Model:
    """Fed with each commit; raises `Violation`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._items: dict[str, Item] = {}

    def commit(self, plan: Plan, state: State) -> None:
        notes = [row.doc for row in plan.rows.values() if row.entity == "conflicts"]
        for row in plan.rows.values():
            if row.entity == "item_events":
                self._event(row.doc, notes, state)
        for row in plan.rows.values():
            if row.entity == "punch_items":
                self._compare(row)

    def _compare(self, row: Row) -> None:
        item = self._items.get(row.id)
        if item is None:
            violated(3, f"item {row.id} was written without an event")
        for name, value in item.doc.items():
            hold(6, row.doc[name] == value, f"item {row.id}: {name} is {row.doc[name]!r}, its events say {value!r}")
        hold(10, row.is_deleted == item.is_deleted, f"item {row.id} is deleted or not without an event")

    def _event(self, event: Document, notes: list[Document], state: State) -> None:
        if event["name"] == "item.create":
            doc: Document = {name: EMPTY.get(name, None if name in NULL else "") for name in POLICY}
            doc |= {name: change[1] for name, change in event["changes"].items()}
            row = state.rows[("punch_items", event["item_id"])]
            item = Item(doc | {"status": "open", "comment_count": 0, "photo_count": 0}, event["client"])
            args = self._args(event)
            item.doc["sector_id"] = args["sector_id"] if args else row.doc["sector_id"]
            self._items[event["item_id"]] = item
            self._right(event, item, item, state)
            item.written_at[1] = event["received_at"]
            return
        item = self._items[event["item_id"]]
        before = Item(dict(item.doc), item.created_by, item.version, item.is_deleted, dict(item.changed))
        self._replay(event, item)
        self._right(event, before, item, state)
        saved = self._ledger.saved.get(event["id"])
        if event["name"] in MOVES and "status" in event["changes"]:
            sources, targets = MOVES[event["name"]]
            old, new = event["changes"]["status"]
            hold(12, old in sources and new in targets, f"{event['name']} moved {old} to {new}")
        if event["name"] == "item.edit" and saved is not None:
            hold(10, not before.is_deleted, f"edit {event['id']} on a deleted item")
            for name in saved.args["set"]:
                self._judge(name, event, saved, before, item, notes, state)

    def _args(self, event: Document) -> dict[str, Any] | None:
        saved = self._ledger.saved.get(event["id"])
        return None if saved is None else saved.args

    def _replay(self, event: Document, item: Item) -> None:
        for name, (old, new) in event["changes"].items():
            if name == "is_deleted":
                is_restore = event["name"] == "item.restore"
                hold(10, new or is_restore, f"{event['name']} {event['id']} brought a deleted item back")
                item.is_deleted = new
            elif name in item.doc:
                words = f"{event['id']} changed {name} from {old!r} where it was {item.doc[name]!r}: a lost update"
                hold(6, item.doc[name] == old, words)
                item.doc[name] = new
            item.changed[name] = (event["item_version"], event["client"])
        hold(6, event["item_version"] >= item.version, f"{event['id']} put the version back")
        item.version = event["item_version"]
        item.written_at.setdefault(item.version, event["received_at"])

    def _judge(
        self, name: str, event: Document, saved: Saved, before: Item, after: Item, notes: list[Document], state: State
    ) -> None:
        """One field of one edit against the rules of docs/PROTOCOL.md, "Merging" (6, 18)."""
        of_item = [note for note in notes if note["item_id"] == event["item_id"]]
        tidy = sorted if name in ("tags", "assignee_ids") else lambda value: value
        wanted, was = tidy(saved.args["set"][name]), tidy(saved.args["was"][name])
        old, new = before.doc[name], after.doc[name]
        version, client = before.last(name)
        is_free = version <= (saved.base or 0) or client == event["client"] or old == was
        what = f"edit {saved.id} of {name}: {was!r} to {wanted!r} on {old!r} gave {new!r}"
        if POLICY[name] == "set":
            expected = sorted({tag for tag in old if tag in wanted or tag not in was} | (set(wanted) - set(was)))
            hold(6, new == expected, f"{what}, not {expected!r}")
        elif new not in (old, wanted):
            hold(6, POLICY[name] == "text", what)
        elif wanted != old and new == old:
            is_kept = any(note["field"] == name and note["other_by"] == event["actor_id"] for note in of_item)
            is_merged = POLICY[name] == "text" and (_is_within(wanted, old) or _is_within(wanted, was))
            hold(18, is_kept or is_merged, f"{what}, and is lost")
            if is_free and name not in DECIDED and POLICY[name] != "text":
                violated(6, f"{what}, which its author had seen")
            if is_free and name in DECIDED and not event["is_late"]:
                roles = roles_of(state, event["actor_id"], before.doc, event["received_at"])
                hold(6, not roles & LEAD, f"{what}, by one who decides and had seen it")
        elif wanted != old and not is_free and POLICY[name] in ("latest", "ask"):
            hold(18, POLICY[name] == "latest", f"{what}, unseen")
            kept = [note for note in notes if note["field"] == name and note["mutation_id"] == saved.id]
            hold(18, any(note["other"] == old for note in kept), f"{what}, and the loser is not kept")

    def _right(self, event: Document, before: Item, after: Item, state: State) -> None:
        """The author could do this on the old and on the new row, judged at its commit (12)."""
        allowed = MAY.get(event["name"])
        if allowed is None:
            return
        if event["is_late"]:
            self._late(event, before, state)
            return
        for doc in (before.doc, after.doc) if event["name"] == "item.move" else (before.doc,):
            roles = roles_of(state, event["actor_id"], doc, event["received_at"])
            hold(12, roles & allowed, f"{event['name']} {event['id']} by {event['actor_id']} as {sorted(roles)}")

        self._own_photo(event, before, state)

    def _own_photo(self, event: Document, item: Item, state: State) -> None:
        """Photos are changed by their author alone, and removed and restored by few others (12)."""
        saved = self._ledger.saved.get(event["id"])
        if saved is None or event["name"] not in ("photo.edit", "photo.remove", "photo.restore"):
            return
        if state.rows[("photos", saved.args["id"])].doc["author_id"] != event["actor_id"]:
            is_lead = roles_of(state, event["actor_id"], item.doc, event["received_at"]) & LEAD
            words = f"{event['name']} {event['id']} by {event['actor_id']} on another's photo"
            hold(12, event["name"] != "photo.edit" and is_lead, words)

    def _late(self, event: Document, item: Item, state: State) -> None:
        saved = self._ledger.saved[event["id"]]
        arrived_at = state.receipts[event["id"]].received_at if event["id"] in state.receipts else event["received_at"]
        for key in state.memberships.get(event["actor_id"], ()):
            doc = state.rows[("memberships", key)].doc
            ended_at = doc["valid_to"]
            if ended_at is None or ended_at > event["received_at"] or arrived_at - ended_at > LATE_MS:
                continue
            seen_at = item.written_at.get(saved.base or 0, ended_at - 1)
            if in_force(doc, event["corrected_at"]) and seen_at < ended_at:
                return
        violated(12, f"{event['name']} {event['id']} was taken as late work and is none")


def _is_within(text: Any, other: Any) -> bool:
    """Whether every line of a text is in the other: merged already, or lines taken away that are gone already."""
    return all(line in other.split("\n") for line in text.split("\n"))


def roles_of(state: State, user: str, doc: Document, now: int) -> set[str]:
    """Roles of a user on an item's place at an instant, guests only on their own company's."""
    actor = state.rows.get(("actors", user))
    if actor is None or actor.doc["is_disabled"]:
        return set()
    roles = set()
    for key in state.memberships.get(user, ()):
        row = state.rows[("memberships", key)]
        is_here = row.doc["sector_id"] in (None, doc["sector_id"])
        is_own = row.doc["role"] != "guest" or (doc["company_id"] and doc["company_id"] == actor.doc["company_id"])
        if is_here and is_own and not row.is_deleted and in_force(row.doc, now):
            roles.add(row.doc["role"])
    return roles
