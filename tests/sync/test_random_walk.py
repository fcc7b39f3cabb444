"""Random work of all people on one site: what must hold at any time holds (invariants 1-4, 7, 9, 15, 18, A1).

The rules are written a second time here, in the plainest way, and compared with what the engine did.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from sync import admin
from sync.memory import MemoryStore
from sync.rules import Role
from sync.uploads import note_preview, store_photo
from sync.wire import Mutation
from tests.sync.site import (
    ADA,
    ANA,
    AUD,
    BO,
    EVE,
    GUS,
    HOUR,
    NORTH,
    PAINTER,
    SAM,
    SOUTH,
    STO,
    SUE,
    TILER,
    Phone,
    Site,
    build_site,
    photo_args,
    uid,
)

PEOPLE = (ANA, BO, SUE, SAM, GUS, STO, AUD, ADA, EVE)
COMMANDS = ("start", "submit", "accept", "send_back", "dispute", "resolve", "void", "reopen")
VALUES: dict[str, list[Any]] = {
    "title": ["Tile", "Cracked tile", "Loose"],
    "description": ["", "a\nb\nc", "A\nb\nc", "a\nb\nC"],
    "priority": ["low", "normal", "urgent"],
    "company_id": [None, TILER, PAINTER],
    "due_on": [None, "2026-12-01", "2026-12-02"],
    "tags": [[], ["a"], ["a", "b"], ["c"]],
    "assignee_ids": [[], [ANA], [BO]],
    "location": ["", "Hall"],
}


class Walk:
    """One history: every phone keeps what it sent, sends some of it late and twice, and pulls when it likes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.site: Site = build_site(MemoryStore(uid(14, 1)))
        self.phones = [self.site.phone(user_id) for user_id in PEOPLE for _ in range(2)]
        self.unsent: dict[str, list[Mutation]] = {phone.client: [] for phone in self.phones}
        self.sent: list[tuple[Phone, Mutation, str]] = []
        self.items = [self.site.id(11) for _ in range(6)]
        supervisor = self.site.phone(SUE)
        for item_id in self.items[:3]:
            supervisor.do("item.create", {"id": item_id, "sector_id": NORTH, "title": "Cracked tile"})
        for phone in self.phones:
            phone.pull()

    def step(self) -> None:
        self.site.now += self.random.randrange(HOUR)
        phone = self.random.choice(self.phones)
        self.random.choice(
            [
                self.work,
                self.work,
                self.work,
                self.send,
                self.send,
                self.pull,
                self.pull,
                self.resend,
                self.hear_or_manage,
                self.bytes_arrive,
            ]
        )(phone)

    def work(self, phone: Phone) -> None:
        name, args, base = self.intent(phone)
        more = {"made_at": max(0, self.site.now - self.random.randrange(3 * HOUR))}
        self.unsent[phone.client].append(phone.mutation(name, args, base, **more))

    def intent(self, phone: Phone) -> tuple[str, dict[str, Any], int | None]:
        item_id = self.random.choice(self.items)
        seen = phone.sees("punch_items").get(item_id)
        base: int | None = seen["version"] if seen else None
        kind = self.random.randrange(10)
        if not seen and self.random.random() < 0.5:
            return "comment.add", {"id": self.site.id(), "item_id": item_id, "text": "I heard of it."}, None
        if not seen:
            sector = self.random.choice([NORTH, NORTH, SOUTH])
            fields = {name: self.random.choice(VALUES[name]) for name in ("company_id", "tags", "description")}
            return "item.create", {"id": item_id, "sector_id": sector, "title": "Cracked tile", **fields}, None
        if kind <= 2:
            names = self.random.sample(list(VALUES), self.random.randint(1, 3))
            was = {name: seen[name] for name in names}
            return (
                "item.edit",
                {"id": item_id, "set": {n: self.random.choice(VALUES[n]) for n in names}, "was": was},
                base,
            )
        if kind == 3:
            return "comment.add", {"id": self.site.id(), "item_id": item_id, "text": "Hm."}, base
        if kind in (4, 5):
            return f"item.{self.random.choice(COMMANDS)}", {"id": item_id, "reason": "because"}, base
        if kind >= 8:
            return self.photo_intent(phone, item_id, base)
        cards = list(phone.sees("conflicts"))
        if kind == 6 and cards:
            return (
                "conflict.resolve",
                {"id": self.random.choice(cards), "choice": self.random.choice(["current", "other"])},
                1,
            )
        others: list[tuple[str, dict[str, Any], int | None]] = [
            ("item.edit", {"id": item_id, "set": {"location": "Hall"}, "was": {"location": ""}}, 1),
            ("item.move", {"id": item_id, "from_sector_id": NORTH, "sector_id": SOUTH}, base),
            ("item.move", {"id": item_id, "from_sector_id": SOUTH, "sector_id": NORTH}, base),
            ("item.delete", {"id": item_id}, base),
            ("item.restore", {"id": item_id}, None),
            ("noop", {}, None),
        ]
        return self.random.choice(others)

    def photo_intent(self, phone: Phone, item_id: str, base: int | None) -> tuple[str, dict[str, Any], int | None]:
        photos = [doc for doc in phone.sees("photos").values() if doc["item_id"] == item_id]
        if not photos or self.random.random() < 0.3:
            args = photo_args(self.site, item_id, sha256=f"{self.random.randrange(16**8):064x}")
            return "photo.add", args, base
        photo = self.random.choice(photos)
        args = {"id": photo["id"], "item_id": item_id}
        name = self.random.choice(["photo.edit", "photo.remove", "photo.restore"])
        if name == "photo.edit":
            args |= {"set": {"caption": self.random.choice(["a", "b"])}, "was": {"caption": photo["caption"]}}
        return name, args, base

    def bytes_arrive(self, _phone: Phone) -> None:
        photos = self.site.rows("photos")
        if photos:
            doc = self.random.choice(photos).doc
            self.site.act(store_photo, doc["id"], self.random.choice([doc["sha256"], "f" * 64]))
            self.site.act(note_preview, doc["id"], self.random.choice(["thumb", "unreadable", "view"]))

    def send(self, phone: Phone) -> None:
        waiting = self.unsent[phone.client]
        batch = waiting[: self.random.randint(1, 6)]
        if not batch:
            return
        receipts = phone.push(*batch).receipts
        if self.random.random() < 0.3:
            assert phone.push(*batch).receipts == receipts
        self.sent += [(phone, mutation, body) for mutation, body in zip(batch, receipts, strict=True)]
        del waiting[: len(batch)]

    def resend(self, _phone: Phone) -> None:
        if self.sent:
            phone, mutation, body = self.random.choice(self.sent)
            assert phone.push(mutation).receipts == (body,)

    def pull(self, phone: Phone) -> None:
        phone.pull(self.random.choice([1, 3, 10, 1000]))

    def hear_or_manage(self, phone: Phone) -> None:
        if self.random.random() < 0.3:
            self.office(phone)
        else:
            phone.pull(1000)

    def office(self, _phone: Phone) -> None:
        user_id = self.random.choice([ANA, BO, GUS, EVE, SUE])
        held = [row for row in self.site.rows("memberships") if row.doc["user_id"] == user_id]
        live = [row for row in held if row.doc["valid_to"] is None]
        if live and self.random.random() < 0.4:
            self.site.office(admin.end_membership(self.random.choice(live).id, self.site.now))
        else:
            sector, role = self.random.choice([NORTH, SOUTH, None]), self.random.choice([Role.WORKER, Role.SUPERVISOR])
            role = Role.GUEST if user_id == GUS else role
            self.site.office(admin.grant_membership(self.site.id(5), user_id, sector, role, self.site.now))

    def settle(self) -> None:
        """Everything sent, everything pulled."""
        for phone in self.phones:
            while self.unsent[phone.client]:
                self.send(phone)
        for phone in self.phones:
            for _ in range(10_000):
                if phone.pull(self.random.choice([2, 7, 1000])).is_complete:
                    break


def visible(site: Site, user_id: str) -> set[tuple[str, str]]:
    """What a user may see, told without scopes."""
    actor = site.row("actors", user_id).doc
    held = [row.doc for row in site.rows("memberships") if row.doc["user_id"] == user_id]
    live = [d for d in held if d["valid_from"] <= site.now and (d["valid_to"] is None or site.now < d["valid_to"])]
    rows = {("memberships", doc["id"]) for doc in held} if held else set()
    rows |= {("refusals", row.id) for row in site.rows("refusals") if row.doc["user_id"] == user_id}
    sectors: set[str] = set()
    guest: set[str] = set()
    for doc in live:
        reach = {doc["sector_id"]} if doc["sector_id"] else {NORTH, SOUTH}
        sectors, guest = (sectors, guest | reach) if doc["role"] == "guest" else (sectors | reach, guest)
    if live:
        for entity in ("projects", "trades", "companies", "sectors", "actors"):
            rows |= {(entity, row.id) for row in site.rows(entity)}
        rows |= {("memberships", r.id) for r in site.rows("memberships") if r.doc["sector_id"] in {None, *sectors}}
    items = {row.id: row for row in site.rows("punch_items") if not row.is_deleted}
    seen = {
        key
        for key, row in items.items()
        if row.doc["sector_id"] in sectors
        or (
            row.doc["sector_id"] in guest
            and row.doc["company_id"] is not None
            and row.doc["company_id"] == actor["company_id"]
        )
    }
    rows |= {("punch_items", key) for key in seen}
    for entity in ("comments", "photos", "item_events", "conflicts"):
        rows |= {(entity, row.id) for row in site.rows(entity) if row.item_id in seen and not row.is_deleted}
    mine = [row for row in site.rows("conflicts") if user_id in (row.doc["current_by"], row.doc["other_by"])]
    return rows | {("conflicts", row.id) for row in mine if row.item_id in items}


def check(walk: Walk) -> None:
    site = walk.site
    assert isinstance(site.store, MemoryStore)
    items = site.rows("punch_items")
    for item in items:
        comments = [row for row in site.rows("comments") if row.item_id == item.id]
        assert item.doc["comment_count"] == len(comments), "conservation (4)"
        photos = [row for row in site.rows("photos") if row.item_id == item.id and not row.is_deleted]
        assert item.doc["photo_count"] == len(photos), "conservation (4)"
        versions = [row.doc["item_version"] for row in site.rows("item_events") if row.item_id == item.id]
        assert set(versions) == set(range(1, item.version + 1)), "every version has its event"
    assert sorted(row.doc["number"] for row in items) == list(range(1, len(items) + 1))
    audited = {row.key for row in site.store.state.outbox.values() if row.kind == "audit" and "client" in row.payload}
    kept = {row.id: row.doc["state"] for row in site.rows("refusals")}
    for _, mutation, body in walk.sent:
        is_in = '"outcome":"refused"' not in body and '"outcome":"parked"' not in body
        assert (mutation.id in audited) is (is_in or kept.get(mutation.id) == "applied"), "one audit row each (A1)"
        assert is_in or mutation.id in kept, "nothing vanishes (3)"
        assert site.store.state.receipts[mutation.id].body == body


@pytest.mark.parametrize("seed", range(25))
def test_whatever_people_do_the_promises_hold(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(250):
        walk.step()
    check(walk)
    walk.settle()
    check(walk)
    for phone in walk.phones:
        fresh = walk.site.phone(phone.user_id)
        fresh.pull(1_000_000)
        assert phone.rows == fresh.rows, "convergence (9)"
        held = {key for rows in phone.rows.values() for key in rows}
        assert held == visible(walk.site, phone.user_id), "exactly what the user may see (7)"
        for rows in phone.rows.values():
            for (entity, row_id), doc in rows.items():
                assert doc == walk.site.row(entity, row_id).doc
