"""Random small sites with pending work on them, for the overlay."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from sync.overlay import overlay
from sync.rules import TRANSITIONS
from sync.schema import ITEM_FIELDS, ITEM_TYPES, PHOTO_KINDS, PRIORITIES, Kind, Status

TAGS = ("wall", "Fuge", "élan", "ﬁ", "😀", "", "zz")
TEXTS = ("", "Cracked tile", "two\nlines", "Ölfleck ✓")
KINDS = "create edit edit command command move delete restore comment photo photo photo other other".split()
AT = 1_795_457_000_000


def overlay_steps(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Endless steps, each its own site."""
    while True:
        yield _Site(chance).step()


class _Site:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._users = [self._id("a", k) for k in range(3)]
        self._sectors = [self._id("b", k) for k in range(2)]
        self._items = [self._id("f", k) for k in range(5)]
        self._made = 0
        self._docs: dict[str, dict[str, dict[str, Any]]] = {
            "sectors": {key: {"id": key, "version": 1, "project_id": self._id("9", 0)} for key in self._sectors[:1]},
            "punch_items": {key: self._item(key) for key in self._items[: chance.randint(0, 3)]},
            "comments": {},
            "photos": {},
            "conflicts": {},
            "refusals": {},
        }
        for k, key in enumerate(self._docs["punch_items"]):
            comment: dict[str, Any] = {"id": self._id("d", k), "version": 1, "item_id": key, "text": "seen"}
            self._docs["comments"][comment["id"]] = comment
            self._docs["photos"][self._id("8", k)] = self._photo(self._id("8", k), key)
            self._docs["conflicts"][self._id("e", k)] = self._conflict(self._id("e", k), key)

    def step(self) -> dict[str, Any]:
        user = self._users[0]
        entries = [self._entry() for _ in range(self._chance.randint(0, 8))]
        for k in range(self._chance.choice((0, 0, 1, 3))):
            row = self._refusal(k, entries)
            self._docs["refusals"][row["id"]] = row
        refusals = list(self._docs["refusals"].values())
        docs = self._docs
        after = overlay(lambda entity, key: docs.get(entity, {}).get(key), entries, refusals, user)
        return {"kind": "overlay", "user": user, "docs": docs, "entries": entries, "refusals": refusals, "after": after}

    def _item(self, key: str) -> dict[str, Any]:
        status = self._chance.choice(list(Status)).value
        return {
            "id": key,
            "version": self._chance.randint(1, 9),
            "sector_id": self._sectors[0],
            "status": status,
            "status_reason": None,
            "disputed_from": "in_progress" if status == "disputed" and self._chance.random() < 0.8 else None,
            "bounces": 0,
            "comment_count": 1,
            **({"photo_count": 1} if self._chance.random() < 0.8 else {}),
            "submitted_by": None,
            "submitted_at": None,
            "closed_by": None,
            "closed_at": None,
            "updated_by": self._users[1],
            "updated_at": AT,
            **{name: self._value(name) for name in ITEM_FIELDS},
        }

    def _photo(self, key: str, item_id: str) -> dict[str, Any]:
        state = self._chance.choice(("waiting", "stored"))
        said = {"kind": "before", "caption": "", "sha256": "ab" * 32, "size_bytes": 9, "state": state}
        return {"id": key, "version": 1, "item_id": item_id, "author_id": self._users[1], **said}

    def _conflict(self, key: str, item_id: str) -> dict[str, Any]:
        field = self._chance.choice(("due_on", "title", "priority"))
        return {
            "id": key,
            "version": 1,
            "item_id": item_id,
            "field": field,
            "state": self._chance.choice(("open", "noted", "noted", "resolved")),
            "current": self._value(field),
            "other": self._value(field),
            "current_by": self._chance.choice(self._users),
            "other_by": self._chance.choice(self._users),
            "choice": None,
            "resolved_by": None,
            "resolved_at": None,
            "seen_by": self._some(self._users[1:], 2),
        }

    def _refusal(self, k: int, entries: list[dict[str, Any]]) -> dict[str, Any]:
        work = self._entry()
        if entries and self._chance.random() < 0.3:
            work = self._chance.choice(entries)  # its row came before the end of its overlay
        return {
            "id": work["id"],
            "version": 1,
            "name": work["name"],
            "args": work["args"],
            "made_at": work["made_at"],
            "user_id": self._chance.choice((self._users[0], self._users[0], self._users[1])),
            "client": self._id("2", 1),
            "state": self._chance.choice(("parked", "parked", "refused", "applied")),
            "received_at": AT + self._chance.randrange(3),
        }

    def _entry(self) -> dict[str, Any]:
        self._made += 1
        name, args = self._work()
        return {
            "id": self._id("c", self._made),
            "n": self._made,
            "name": name,
            "args": args,
            "base": self._chance.choice((None, 1)),
            "schema": 1,
            "made_at": AT + self._made,
            "state": self._chance.choice(("waiting", "tried", "acked")),
            "tries": 0,
            "outcome": None,
        }

    def _work(self) -> tuple[str, dict[str, Any]]:
        item = self._chance.choice(self._items)
        kind = self._chance.choice(KINDS)
        if kind == "create":
            names = self._some(list(ITEM_FIELDS), 4)
            return "item.create", {
                "id": item,
                "sector_id": self._chance.choice(self._sectors),
                "provisional_number": f"K7-{self._made}",
                **{name: self._value(name) for name in names},
            }
        if kind == "edit":
            names = self._some([*ITEM_FIELDS, "tags", "tags"], 3)
            wanted, was = ({name: self._value(name) for name in names} for _ in range(2))
            return "item.edit", {"id": item, "set": wanted, "was": was}
        if kind == "command":
            reason = {} if self._chance.random() < 0.3 else {"reason": self._chance.choice(TEXTS)}
            return self._chance.choice(list(TRANSITIONS)), {"id": item, **reason}
        if kind == "move":
            return "item.move", {"id": item, "from_sector_id": self._sectors[0], "sector_id": self._sectors[1]}
        if kind in ("delete", "restore"):
            return f"item.{kind}", {"id": item}
        if kind == "comment":
            key = self._id("d", self._chance.randrange(6))
            return "comment.add", {"id": key, "item_id": item, "text": self._chance.choice(TEXTS)}
        if kind == "photo":
            return self._photo_work(item)
        return self._other()

    def _photo_work(self, item: str) -> tuple[str, dict[str, Any]]:
        name = self._chance.choice(("photo.add", "photo.edit", "photo.remove", "photo.restore"))
        args: dict[str, Any] = {"id": self._id("8", self._chance.randrange(5)), "item_id": item}
        kind, caption = self._chance.choice(PHOTO_KINDS), self._chance.choice(TEXTS)
        if name == "photo.add":
            args |= {"kind": kind, "media_type": "image/jpeg", "sha256": "cd" * 32, "size_bytes": 70_000}
            if self._chance.random() < 0.7:
                position = self._chance.choice((None, {"lat_e7": -1, "lon_e7": 2, "accuracy_m": 8}))
                args |= {"caption": caption, "width": 1600, "height": 1200, "taken_at": AT, "position": position}
                args |= {"thumb_sha256": "ef" * 32, "thumb_bytes": 9_000}
        elif name == "photo.edit":
            wanted = {"caption": caption} if self._chance.random() < 0.5 else {"caption": caption, "kind": kind}
            args |= {"set": wanted, "was": dict.fromkeys(wanted, "")}
        return name, args

    def _other(self) -> tuple[str, dict[str, Any]]:
        which = self._chance.randrange(4)
        if which == 0:
            return "refusal.dismiss", {"id": self._id("c", self._chance.randint(1, 9))}
        if which == 1:
            return self._chance.choice(("noop", "item.teleport")), {}
        choice = self._chance.choice(("current", "other"))
        return "conflict.resolve", {"id": self._id("e", self._chance.randrange(4)), "choice": choice}

    def _value(self, name: str) -> Any:
        field, chance = ITEM_FIELDS[name], self._chance
        match field.kind:
            case Kind.TEXT:
                return chance.choice(TEXTS)
            case Kind.CHOICE:
                return chance.choice(ITEM_TYPES if name == "type" else PRIORITIES)
            case Kind.DATE:
                return chance.choice((None, "2026-12-01", "2027-01-15"))
            case Kind.REF:
                return chance.choice((None, self._id("7", 1), self._id("7", 2)))
            case Kind.REFS:
                return self._some(self._users, 2)
            case Kind.TAGS:
                return self._some(list(TAGS), 4)

    def _some(self, values: list[str], most: int) -> list[str]:
        chosen = {value for value in values if self._chance.random() < 0.5}
        return sorted(chosen, key=lambda value: value.encode("utf-16-be"))[:most]

    @staticmethod
    def _id(kind: str, k: int) -> str:
        return f"0192f0c1-7a4e-7cc0-8000-{kind}{k:011x}"
