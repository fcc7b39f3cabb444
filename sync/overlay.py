"""What this device shows: the rows it was given with the user's own pending work laid over them (invariant 11).

Pure, JSON in and JSON out; `pwa/sync/overlay.ts` is the twin, line by line, held to this by golden steps. It guesses
what the server will do and never argues: a status command that the row no longer allows, or an edit of a row that is
not here, shows nothing; the receipt will say why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from sync.changes import Document
from sync.rules import TRANSITIONS
from sync.schema import ITEM_FIELDS, Kind

Find = Callable[[str, str], Document | None]
"""(entity, id) → the row as the server gave it, or None."""

Shown = dict[str, dict[str, Document | None]]
"""entity → id → the document to show instead of the row; None: show none. Rows not named are shown as they are."""

Work = dict[str, Any]
"""An outbox entry or a parked refusal: `id`, `name`, `args`, `made_at` are read, and `client` where there is one."""


def overlay(find: Find, entries: Iterable[Work], refusals: Iterable[Document], user: str) -> Shown:
    """The documents that differ from the server's rows on this user's device.

    `entries` is the whole outbox by number, whatever the state. Of `refusals` (any order) only the parked ones count,
    as the older work; one whose entry is still in the outbox is left to the entry.
    """
    laid = _Laid(find, user)
    work = list(entries)
    ids = {entry["id"] for entry in work}
    parked = [row for row in refusals if row["state"] == "parked" and row["user_id"] == user and row["id"] not in ids]
    for one in [*sorted(parked, key=lambda row: (row["received_at"], row["id"])), *work]:
        laid.lay(one)
    return laid.shown


class _Laid:
    """The overlay while it is built: each mutation sees what the ones before it did."""

    def __init__(self, find: Find, user: str) -> None:
        self.shown: Shown = {}
        self._find = find
        self._user = user
        self._deleted: dict[str, Document] = {}

    def lay(self, one: Work) -> None:
        """Lay one mutation over what is shown so far; an unknown name shows nothing."""
        if one["name"] in TRANSITIONS:
            self._command(one)
        elif one["name"] in _LAYERS:
            _LAYERS[one["name"]](self, one)

    def _get(self, entity: str, row_id: str) -> Document | None:
        rows = self.shown.get(entity)
        return rows[row_id] if rows is not None and row_id in rows else self._find(entity, row_id)

    def _show(self, entity: str, row_id: str, doc: Document | None) -> None:
        self.shown.setdefault(entity, {})[row_id] = doc

    def _change(self, one: Work, item: Document, fields: Document) -> None:
        stamps = {"updated_by": self._user, "updated_at": one["made_at"]}
        self._show("punch_items", item["id"], {**item, **fields, **stamps})

    def create(self, one: Work) -> None:
        args = one["args"]
        if self._get("punch_items", args["id"]) is not None or args["id"] in self._deleted:
            return
        sector = self._get("sectors", args["sector_id"])
        item = {
            "id": args["id"],
            "version": 0,
            "project_id": "" if sector is None else sector["project_id"],
            "sector_id": args["sector_id"],
            "number": None,
            "provisional_number": args.get("provisional_number", ""),
            "status": "open",
            "status_reason": None,
            "disputed_from": None,
            "bounces": 0,
            "comment_count": 0,
            "photo_count": 0,
            "raised_by": self._user,
            "raised_at": one["made_at"],
            "submitted_by": None,
            "submitted_at": None,
            "closed_by": None,
            "closed_at": None,
        }
        for name, field in ITEM_FIELDS.items():
            empty: Any = [] if field.kind in (Kind.REFS, Kind.TAGS) else field.default
            item[name] = args.get(name, empty)
        self._change(one, item, {})

    def edit(self, one: Work) -> None:
        item = self._get("punch_items", one["args"]["id"])
        if item is None:
            return
        fields: Document = {}
        for name, value in one["args"]["set"].items():
            fields[name] = value if name != "tags" else _tags(item["tags"], one["args"]["was"].get("tags", []), value)
        self._change(one, item, fields)

    def move(self, one: Work) -> None:
        item = self._get("punch_items", one["args"]["id"])
        if item is not None:
            self._change(one, item, {"sector_id": one["args"]["sector_id"]})

    def _command(self, one: Work) -> None:
        item = self._get("punch_items", one["args"]["id"])
        if item is not None and item["status"] in TRANSITIONS[one["name"]].sources:
            self._change(one, item, self._moved(one, item))

    def _moved(self, one: Work, item: Document) -> Document:
        name = one["name"]
        target = TRANSITIONS[name].target
        fields: Document = {
            "status": (item["disputed_from"] or "open") if target is None else target.value,
            "status_reason": one["args"].get("reason") or None,
            "disputed_from": item["status"] if name == "item.dispute" else None,
        }
        if name == "item.submit":
            fields |= {"submitted_by": self._user, "submitted_at": one["made_at"]}
        if name == "item.send_back":
            fields["bounces"] = item["bounces"] + 1
        if name == "item.accept":
            fields |= {"closed_by": self._user, "closed_at": one["made_at"]}
        if name == "item.reopen":
            fields |= {"closed_by": None, "closed_at": None}
        return fields

    def delete(self, one: Work) -> None:
        item = self._get("punch_items", one["args"]["id"])
        if item is not None:
            self._deleted[item["id"]] = item
            self._show("punch_items", item["id"], None)

    def restore(self, one: Work) -> None:
        item = self._deleted.pop(one["args"]["id"], None)
        if item is not None:
            self._change(one, item, {})

    def comment(self, one: Work) -> None:
        args = one["args"]
        if self._get("comments", args["id"]) is not None:
            return  # the row came before the end of the overlay: it is counted already
        comment = {
            "id": args["id"],
            "version": 0,
            "item_id": args["item_id"],
            "text": args["text"],
            "author_id": self._user,
            "made_at": one["made_at"],
            "received_at": None,
            "is_late": False,
        }
        self._show("comments", args["id"], comment)
        self._count(one, args["item_id"], "comment_count", 1)

    def _count(self, one: Work, item_id: str, field: str, step: int) -> None:
        item = self._get("punch_items", item_id)
        if item is not None:
            self._change(one, item, {field: item.get(field, 0) + step})

    def photo(self, one: Work) -> None:
        args = one["args"]
        if self._get("photos", args["id"]) is not None:
            return  # as with comments
        photo = {
            "version": 0,
            "author_id": self._user,
            "client": one.get("client", ""),  # an entry's is this device
            **args,  # a phone says all there is to say
            "made_at": one["made_at"],
            "received_at": None,
            "is_late": False,
            "state": "waiting",
            "stored_at": None,
            "preview": "none",
        }
        self._show("photos", args["id"], photo)
        self._count(one, args["item_id"], "photo_count", 1)

    def edit_photo(self, one: Work) -> None:
        photo = self._get("photos", one["args"]["id"])
        if photo is not None:
            self._show("photos", photo["id"], {**photo, **one["args"]["set"]})

    def remove_photo(self, one: Work) -> None:
        photo = self._get("photos", one["args"]["id"])
        if photo is not None:
            self._deleted[photo["id"]] = photo
            self._show("photos", photo["id"], None)
            self._count(one, photo["item_id"], "photo_count", -1)

    def restore_photo(self, one: Work) -> None:
        photo = self._deleted.pop(one["args"]["id"], None)
        if photo is not None:
            self._show("photos", photo["id"], photo)
            self._count(one, photo["item_id"], "photo_count", 1)

    def resolve(self, one: Work) -> None:
        conflict = self._get("conflicts", one["args"]["id"])
        if conflict is None or conflict["state"] == "resolved":
            return
        choice = one["args"]["choice"]
        seen_by = sorted({*conflict["seen_by"], self._user})
        fields: Document = {"seen_by": seen_by}
        authors = (conflict["current_by"], conflict["other_by"])
        if conflict["state"] == "open" or choice == "other" or all(author in seen_by for author in authors):
            stamps = {"resolved_by": self._user, "resolved_at": one["made_at"]}
            fields |= {"state": "resolved", "choice": choice, **stamps}
        self._show("conflicts", conflict["id"], {**conflict, **fields})
        item = self._get("punch_items", conflict["item_id"])
        if item is not None and choice == "other":
            self._change(one, item, {conflict["field"]: conflict["other"]})

    def dismiss(self, one: Work) -> None:
        refusal = self._get("refusals", one["args"]["id"])
        if refusal is not None:
            self._show("refusals", refusal["id"], {**refusal, "state": "dismissed"})


def _tags(current: Sequence[str], was: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The tags with the person's additions and removals, sorted as JavaScript sorts: by UTF-16 units."""
    kept = [tag for tag in current if tag in wanted or tag not in was]
    added = [tag for tag in wanted if tag not in was and tag not in kept]
    return sorted([*kept, *added], key=lambda tag: tag.encode("utf-16-be", "surrogatepass"))


_LAYERS: Final[dict[str, Callable[[_Laid, Work], None]]] = {
    "item.create": _Laid.create,
    "item.edit": _Laid.edit,
    "item.move": _Laid.move,
    "item.delete": _Laid.delete,
    "item.restore": _Laid.restore,
    "comment.add": _Laid.comment,
    "photo.add": _Laid.photo,
    "photo.edit": _Laid.edit_photo,
    "photo.remove": _Laid.remove_photo,
    "photo.restore": _Laid.restore_photo,
    "conflict.resolve": _Laid.resolve,
    "refusal.dismiss": _Laid.dismiss,
}
