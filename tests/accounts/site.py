"""A small office on real databases: one project, two sectors, four people, and a clock moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from server.actions import accounts
from server.actions.accounts import NewUser
from server.actions.office import Office, open_office
from server.actions.passwords import Passwords
from server.actions.sessions import Sessions
from server.actions.sign_in import Asked
from server.ids import new_id
from server.settings import Settings
from sync import admin
from sync.push import PushContext, push
from sync.rules import Role
from sync.wire import Mutation, Request

PASSWORD = "four walls and a crooked door"
ROLES = {"ana": Role.WORKER, "bo": Role.WORKER, "sam": Role.SUPERVISOR, "max": Role.ADMIN}


@dataclass
class HandClock:
    """Milliseconds since 1970 UTC, moved by hand."""

    now: int = 1_795_000_000_000

    def __call__(self) -> int:
        return self.now

    def pass_(self, *, seconds: int = 0, days: int = 0) -> None:
        self.now += (seconds + days * 86_400) * 1000


@asynccontextmanager
async def open_site(folder: Path, clock: HandClock) -> AsyncIterator[Office]:
    """Both databases with the project and the people in them; ana and bo work in B-4."""
    async with open_office(Settings(data_folder=folder)) as real:
        office = Office(real.core, real.store, clock)
        if not await office.documents("projects"):
            await fill(office)
        yield office


async def fill(office: Office) -> None:
    project_id = new_id()
    sectors = [("B-4", "Building B, 4th floor"), ("C-2", "Building C, 2nd floor")]
    changes = [admin.put_sector(new_id(), project_id, code, name) for code, name in sectors]
    await office.enter(project_id, [admin.put_project(project_id, "Harbour Row"), *changes])
    sector_id = (await office.sector("B-4"))["id"]
    for login, role in ROLES.items():
        where = sector_id if role is Role.WORKER else None
        await accounts.add(office, NewUser(login, login.title(), PASSWORD, role, where))


def sessions_of(office: Office) -> Sessions:
    return Sessions(office.core, office.store, Passwords(), clock=office.clock)


def asked(login: str = "ana", password: str = PASSWORD, **more: Any) -> Asked:
    return Asked(login, password, **{"network": "192.0.2.1", **more})


class Pen:
    """Writes the mutations of one user's phone and pushes them."""

    def __init__(self, office: Office, user_id: str) -> None:
        self.office = office
        self.user_id = user_id
        self.client = new_id()
        self.made = 0

    async def push(self, name: str, args: dict[str, Any], base: int | None = None) -> dict[str, Any]:
        receipts = await self.push_all([(name, args, base)])
        return receipts[0]

    async def push_all(self, acts: Sequence[tuple[str, dict[str, Any], int | None]]) -> list[dict[str, Any]]:
        now = self.office.clock()
        mutations = tuple(
            Mutation(new_id(), self.client, self.made + place, name, args, base, 1, now)
            for place, (name, args, base) in enumerate(acts, 1)
        )
        self.made += len(mutations)
        request = Request(1, 1, self.client, self.user_id, now, None, mutations, None, 1)
        answer = await push(self.office.store, request, PushContext(self.user_id, now))
        return [orjson.loads(receipt) for receipt in answer.receipts]


async def pen_of(office: Office, login: str) -> Pen:
    return Pen(office, (await accounts.credential(office, login)).user_id)
