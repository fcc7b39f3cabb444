"""Conflict rows: the value that did not win stays, both authors are told, and one answer settles it for all (18)."""

from __future__ import annotations

from typing import Any

from sync.acts import Act, last_change
from sync.canonical import derived_id
from sync.changes import Document, Row
from sync.merge import Verdict
from sync.schema import ITEM_FIELDS, Policy


def note(act: Act, item: Row, name: str, verdict: Verdict, was: Any, wanted: Any) -> str:
    """Write the conflict row of a field and return its id. The author's open one of that field is updated instead.

    With `Verdict.KEPT` the newcomer won and `other` is the value that stood; otherwise `other` is the newcomer's.
    """
    current = item.doc[name]
    standing_by, standing_at = last_author(act, item, name)
    newcomer: tuple[Any, str, int] = (wanted, act.actor.id, act.corrected_at)
    standing: tuple[Any, str, int] = (current, standing_by, standing_at)
    winner, loser = (newcomer, standing) if verdict is Verdict.KEPT else (standing, newcomer)
    kind = _kind(name, verdict)
    old = None if verdict is Verdict.KEPT else _open(act, item, name, kind)
    values: Document = {
        "current": winner[0],
        "other": loser[0],
        "current_by": winner[1],
        "current_at": winner[2],
        "other_by": loser[1],
        "other_at": loser[2],
        "mutation_id": act.mutation.id,
    }
    row = again(old, values) if old is not None else _first(act, item, name, kind, was, values)
    act.draft.put_child(row, item, old)
    return row.id


def _kind(name: str, verdict: Verdict) -> str:
    if verdict is Verdict.SUGGESTED:
        return "suggestion"
    if verdict is Verdict.KEPT:
        return "latest"
    field = ITEM_FIELDS.get(name)
    return "text" if field is not None and field.policy is Policy.TEXT else "ask"


def _open(act: Act, item: Row, name: str, kind: str) -> Row | None:
    wanted = ("open", name, kind, act.actor.id)
    for child in act.draft.children(item.id):
        doc = child.doc
        if child.entity == "conflicts" and (doc["state"], doc["field"], doc["kind"], doc["other_by"]) == wanted:
            return child
    return None


def _first(act: Act, item: Row, name: str, kind: str, was: Any, values: Document) -> Row:
    conflict_id = derived_id("conflict", act.mutation.id, name)
    doc: Document = {
        "id": conflict_id,
        "version": 1,
        "item_id": item.id,
        "field": name,
        "kind": kind,
        "state": "noted" if kind == "latest" else "open",
        "base": was,
        **values,
        "choice": None,
        "resolved_by": None,
        "resolved_at": None,
        "seen_by": [],
    }
    return Row("conflicts", conflict_id, 1, doc, {}, False, item.id)


def again(old: Row, values: Document) -> Row:
    version = old.version + 1
    return Row("conflicts", old.id, version, {**old.doc, **values, "version": version}, {}, False, old.item_id)


def last_author(act: Act, item: Row, name: str) -> tuple[str, int]:
    """Who gave the field its current value, and when; whoever raised the item where no event tells."""
    version, _ = last_change(item, name)
    for child in act.draft.children(item.id):
        doc = child.doc
        if child.entity == "item_events" and doc["item_version"] == version and name in doc["changes"]:
            return doc["actor_id"], doc["corrected_at"]
    return item.doc["raised_by"], item.doc["raised_at"]
