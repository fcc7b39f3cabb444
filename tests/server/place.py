"""The small site of tests/sync on a real store, and requests to it as a phone writes them."""

from __future__ import annotations

from itertools import count
from typing import Any

from sync import admin
from sync.changes import Store
from tests.sync.site import HOUR, NOON, NORTH, PEOPLE, PROJECT, SOUTH, TILER, TILES, membership, uid

OFFICE = admin.OfficeContext(uid(8, 1), None, NOON, PROJECT)


async def build_place(store: Store, began_at: int = NOON - 1000 * HOUR) -> None:
    """A project with two sectors and a person of every role, members since `began_at`."""
    changes = [
        admin.put_project(PROJECT, "Quay 7"),
        admin.put_sector(NORTH, PROJECT, "B-4", "North"),
        admin.put_sector(SOUTH, PROJECT, "B-5", "South"),
        admin.put_company(TILER, PROJECT, "Tiler"),
        admin.put_trade(TILES, PROJECT, "Tiles"),
    ]
    for user_id, (name, company_id, sector_id, role) in PEOPLE.items():
        changes.append(admin.put_actor(user_id, name, company_id))
        changes.append(admin.grant_membership(membership(user_id), user_id, sector_id, role, began_at))
    await admin.administer(store, changes, OFFICE)


class Pen:
    """Writes the requests of one client. Numbers go up by themselves; whatever is given instead is taken."""

    def __init__(self, user_id: str, client: int = 1, now: int = NOON) -> None:
        self.user_id = user_id
        self.client = uid(12, client)
        self.now = now
        self.number = client
        self._ns = count(1)
        self._ids = count(client * 100_000 + 1)

    def id(self, group: int = 11) -> str:
        return uid(group, next(self._ids))

    def mutation(self, name: str, args: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "id": self.id(10),
            "client": self.client,
            "n": more.pop("n", None) or next(self._ns),
            "name": name,
            "args": args,
            "base": None,
            "schema": 1,
            "made_at": self.now,
            **more,
        }

    def creation(self, title: str = "Cracked tile", **more: Any) -> dict[str, Any]:
        sector_id = more.pop("sector_id", NORTH)
        return self.mutation("item.create", {"id": self.id(), "sector_id": sector_id, "title": title}, **more)

    def request(self, *mutations: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "protocol": 1,
            "schema": 1,
            "client": self.client,
            "user": self.user_id,
            "sent_at": self.now,
            "cookie": None,
            "mutations": list(mutations),
            "limit": 5000,
            **more,
        }
