"""What people do: a mutation on something they see, mostly sensible, sometimes not."""

from __future__ import annotations

from typing import Any

from sync.changes import Document
from sync.rules import TRANSITIONS
from sync.schema import ITEM_FIELDS, ITEM_TYPES, PHOTO_KINDS, PRIORITIES, Kind
from tests.simulation.chance import Chance
from tests.simulation.faults import Faults
from tests.simulation.phone import Client
from tests.simulation.site import Site

TEXTS = ("tile", "tile\nloose", "crack\ntile", "crack", "Fuge ✓")
TAGS = ("wet", "wall", "Öl")
DATES = (None, "2026-12-01", "2027-01-15")
WAYS = """create edit edit edit edit edit command command comment comment photo photo retouch retouch retouch
    move delete restore resolve dismiss""".split()
Work = tuple[str, dict[str, Any], int | None]


class Person:
    """Looks at one client's screens and does something."""

    def __init__(self, chance: Chance, site: Site, faults: Faults) -> None:
        self._chance = chance
        self._site = site
        self._faults = faults
        self._graves: list[str] = []
        self._albums: list[dict[str, Any]] = []
        self._heard_of: list[str] = []
        self._hot = [chance.one_of(list(ITEM_FIELDS)) for _ in range(4)]

    def work(self, client: Client) -> Work | None:
        """Name, args and base of a new mutation; None where the person finds nothing to do."""
        if self._chance.hits(self._faults.odd):
            return self._odd(client)
        rows = client.disk.rows()
        shown = client.shown()
        for entity, docs in shown.items():
            for row_id, doc in docs.items():
                if doc is None:
                    rows.pop((entity, row_id), None)
                else:
                    rows[(entity, row_id)] = doc
        by_entity: dict[str, list[Document]] = {}
        for (entity, _), doc in rows.items():
            by_entity.setdefault(entity, []).append(doc)
        way = self._chance.one_of(WAYS)
        return self._do(way, by_entity) or self._try_to_create(client, by_entity)

    def _try_to_create(self, client: Client, rows: dict[str, list[Document]]) -> Work | None:
        """People mostly know what they may do."""
        mine = [doc["role"] for doc in rows.get("memberships", []) if doc["user_id"] == client.user]
        is_allowed = any(role in ("worker", "supervisor", "admin", "storekeeper") for role in mine)
        return self._create(rows) if is_allowed or self._chance.below(8) == 0 else None

    def _do(self, way: str, rows: dict[str, list[Document]]) -> Work | None:
        items = rows.get("punch_items", [])
        if way == "resolve":
            cards = [doc for doc in rows.get("conflicts", []) if doc["state"] != "resolved"]
            return self._resolve(self._chance.one_of(cards)) if cards else None
        if way == "dismiss":
            held = rows.get("refusals", [])
            return self._dismiss(self._chance.one_of(held)) if held and self._chance.below(3) == 0 else None
        if way == "restore":
            gone = self._chance.one_of(self._graves) if self._graves else None
            return ("item.restore", {"id": gone}, None) if gone else None
        if way == "retouch":
            return self._retouch(rows)
        if not items or (way == "create" and len(items) < 3 * self._faults.crowd):
            return None
        if way == "create":
            way = "edit"
        items.sort(key=lambda doc: str(doc["id"]))
        item = self._chance.one_of(items[: self._faults.crowd])  # people crowd on few items, so that edits meet
        return self._on_item(way, item)

    def _on_item(self, way: str, item: Document) -> Work | None:
        if way == "edit":
            return self._edit(item)
        if way == "command":
            fit = [name for name, row in TRANSITIONS.items() if item["status"] in row.sources]
            name = self._chance.one_of(fit if fit and self._chance.below(4) else list(TRANSITIONS))
            return (
                name,
                {"id": item["id"], "reason": self._chance.one_of(("because", "because", None))},
                item["version"],
            )
        if way == "comment":
            args = {"id": self._chance.id(), "item_id": item["id"], "text": self._chance.one_of(TEXTS)}
            return "comment.add", args, item["version"]
        if way == "photo":
            return "photo.add", self._photo(item["id"]), item["version"]
        if way == "move":
            args = {"id": item["id"], "from_sector_id": item["sector_id"]}
            return "item.move", {**args, "sector_id": self._chance.one_of(self._site.sectors)}, item["version"]
        if self._chance.below(2):
            return None
        self._graves.append(item["id"])
        return "item.delete", {"id": item["id"]}, item["version"]

    def _photo(self, item_id: str) -> dict[str, Any]:
        sha256 = f"{self._chance.below(2**32):064x}"
        thumb = self._chance.one_of(((None, 0), ("e" * 64, 9_000)))
        return {
            "id": self._chance.id(),
            "item_id": item_id,
            "kind": self._chance.one_of(PHOTO_KINDS),
            "caption": self._chance.one_of(("", *TEXTS)),
            "media_type": "image/jpeg",
            "sha256": sha256,
            "size_bytes": 1 + self._chance.below(400_000),
            "width": 1_600,
            "height": 1_200,
            "taken_at": None,
            "position": None,
            "thumb_sha256": thumb[0],
            "thumb_bytes": thumb[1],
        }

    def _retouch(self, rows: dict[str, list[Document]]) -> Work | None:
        """Change, remove or bring back a photo, mostly one that is in sight."""
        shots = rows.get("photos", [])
        if self._albums and (not shots or self._chance.below(3) == 0):
            args = self._chance.one_of(self._albums)
            return "photo.restore", args, self._version_of(rows, args["item_id"])
        if not shots:
            return None
        shots.sort(key=lambda doc: str(doc["id"]))
        photo = self._chance.one_of(shots[: self._faults.crowd])
        args = {"id": photo["id"], "item_id": photo["item_id"]}
        base = self._version_of(rows, args["item_id"])
        if self._chance.below(2):
            self._albums.append(args)
            return "photo.remove", args, base
        wanted = {"caption": self._chance.one_of(TEXTS), "kind": self._chance.one_of(PHOTO_KINDS)}
        return "photo.edit", {**args, "set": wanted, "was": {name: photo[name] for name in wanted}}, base

    def _version_of(self, rows: dict[str, list[Document]], item_id: str) -> int | None:
        return next((doc["version"] for doc in rows.get("punch_items", []) if doc["id"] == item_id), None)

    def _create(self, rows: dict[str, list[Document]]) -> Work:
        sectors = [doc["id"] for doc in rows.get("sectors", [])] or self._site.sectors
        fields = {name: self._value(name) for name in self._chance.some_of(list(ITEM_FIELDS), 200)}
        args = {"id": self._chance.id(), "sector_id": self._chance.one_of(sectors), "provisional_number": "K7"}
        self._heard_of.append(args["id"])
        return "item.create", {**args, **fields, "title": self._chance.one_of(TEXTS)}, None

    def _edit(self, item: Document) -> Work:
        names = list(dict.fromkeys(self._chance.one_of(self._hot) for _ in range(1 + self._chance.below(2))))
        wanted = {name: self._value(name) for name in names}
        was = {name: item[name] for name in names}
        return "item.edit", {"id": item["id"], "set": wanted, "was": was}, item["version"]

    def _resolve(self, card: Document) -> Work:
        return (
            "conflict.resolve",
            {"id": card["id"], "choice": self._chance.one_of(("current", "other"))},
            card["version"],
        )

    def _dismiss(self, refusal: Document) -> Work:
        return "refusal.dismiss", {"id": refusal["id"]}, refusal["version"]

    def _odd(self, client: Client) -> Work:
        if self._heard_of and self._chance.below(2):  # a label on the wall names an item that may still be on its way
            heard = self._heard_of[-1 - self._chance.below(min(3, len(self._heard_of)))]
            if self._chance.below(2):
                return "photo.add", self._photo(heard), None
            return "comment.add", {"id": self._chance.id(), "item_id": heard, "text": "I saw it"}, None
        match self._chance.below(7):
            case 0:
                return "item.teleport", {"id": self._chance.id()}, None
            case 1:
                return "item.edit", {"id": self._chance.id(), "set": {"title": "x"}, "was": {"title": "y"}}, 1
            case 2:
                return "item.create", {"id": self._chance.id(), "sector_id": self._chance.id(), "title": "lost"}, None
            case 3:
                return "comment.add", {"id": self._chance.id(), "item_id": self._chance.id(), "text": "early"}, None
            case 4:
                args = {"id": self._chance.id(), "item_id": self._chance.id()}
                return "photo.edit", {**args, "set": {"caption": "x"}, "was": {"caption": ""}}, 1
            case 5:
                return "photo.add", {**self._photo(self._chance.id()), "size_bytes": 0}, None
        return "item.edit", {"id": 7}, None

    def _value(self, name: str) -> Any:
        field, chance = ITEM_FIELDS[name], self._chance
        match field.kind:
            case Kind.TEXT:
                return chance.one_of(TEXTS)
            case Kind.CHOICE:
                return chance.one_of(ITEM_TYPES[:2] if name == "type" else PRIORITIES[:3])
            case Kind.DATE:
                return chance.one_of(DATES)
            case Kind.REF:
                return chance.one_of([None, *(self._site.trades if name == "trade_id" else self._site.companies)])
            case Kind.REFS:
                return sorted(chance.some_of(self._site.users, 500))
            case Kind.TAGS:
                return sorted(chance.some_of(TAGS, 500))
