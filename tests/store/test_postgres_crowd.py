"""Many people on two server processes' stores at once, by chance: what SQLite gives by its one lock holds here too."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import anyio
import orjson
import pytest

from server.store.postgres import locks
from server.store.postgres.punchlist import PunchlistStore
from sync import admin
from sync.changes import Moved
from sync.cookie import Cookie
from sync.parse import parse
from sync.pull import pull
from sync.push import PushContext, push
from sync.rules import Role
from tests.server.place import OFFICE, Pen, build_place
from tests.services.postgres import Postgres
from tests.sync.site import ADA, ANA, BO, EVE, NOON, NORTH, SAM, SOUTH, SUE, uid

pytestmark = [pytest.mark.anyio, pytest.mark.services]

PEOPLE = (ANA, BO, SUE, SAM, EVE)
TITLES = ("Cracked tile", "Loose tile", "No tile")
ITEMS = [uid(11, number) for number in range(1, 13)]
"""Few, so that people meet; each is made by whoever comes first, and the others have to wait for it or lose."""


class Crowd:
    """What everybody does and sees."""

    def __init__(self, stores: list[PunchlistStore], seed: int) -> None:
        self.stores = stores
        self.random = random.Random(seed)
        self.moved = 0
        self.is_over = False

    def mutation(self, pen: Pen) -> dict[str, Any]:
        item_id, here = self.random.choice(ITEMS), self.random.choice([NORTH, SOUTH])
        there = SOUTH if here == NORTH else NORTH
        title = self.random.choice(TITLES)
        kind = self.random.randrange(7)
        if kind <= 1:
            return pen.mutation("item.create", {"id": item_id, "sector_id": here, "title": title})
        if kind == 2:
            return pen.creation(sector_id=here)
        if kind == 3:
            return pen.mutation("comment.add", {"id": pen.id(9), "item_id": item_id, "text": "Hm."})
        if kind == 4:
            return pen.mutation("item.move", {"id": item_id, "from_sector_id": here, "sector_id": there}, base=1)
        if kind == 5:
            return pen.mutation("item.delete" if self.random.random() < 0.3 else "item.restore", {"id": item_id})
        was, wanted = self.random.choice(TITLES), self.random.choice(TITLES)
        return pen.mutation("item.edit", {"id": item_id, "set": {"title": wanted}, "was": {"title": was}}, base=1)

    async def write(self, user_id: str, client: int, pushes: int) -> None:
        pen, store = Pen(user_id, client), self.stores[client % len(self.stores)]
        for _ in range(pushes):
            mutations = [self.mutation(pen) for _ in range(self.random.randint(1, 3))]
            request = parse(orjson.dumps(pen.request(*mutations)))
            answer = await push(store, request, PushContext(user_id, NOON))
            again = await push(self.random.choice(self.stores), request, PushContext(user_id, NOON))
            assert again.receipts == answer.receipts, "the same receipts, byte for byte (2)"

    async def look(self, device: Device) -> None:
        while not self.is_over:
            await device.pull(self.random.choice(self.stores))


class Device:
    """ADA's phone: rows by scope and id."""

    def __init__(self) -> None:
        self.cookie: Cookie | None = None
        self.rows: dict[str, dict[str, str]] = {}

    async def pull(self, store: PunchlistStore) -> Device:
        answer = await pull(store, self.cookie, ADA, NOON, 50)
        for page in answer.scopes:
            held = self.rows.setdefault(page.scope, {})
            held.update({orjson.loads(text)["id"]: text for _, text in page.rows})
            for _, row_id in page.gone:
                held.pop(row_id, None)
        self.cookie = answer.cookie
        return self if answer.is_complete else await self.pull(store)


async def _run(crowd: Crowd, pushes: int) -> Device:
    await build_place(crowd.stores[0])
    grants = [
        admin.grant_membership(uid(6, place), user_id, None, Role.SUPERVISOR, 0) for place, user_id in enumerate(PEOPLE)
    ]
    await admin.administer(crowd.stores[0], grants, replace(OFFICE, act_id=uid(8, 2)))
    device = Device()
    async with anyio.create_task_group() as watching:
        watching.start_soon(crowd.look, device)
        async with anyio.create_task_group() as writing:
            for client, user_id in enumerate(PEOPLE * 2, 1):
                writing.start_soon(crowd.write, user_id, client, pushes)
        crowd.is_over = True
    return await device.pull(crowd.stores[0])


@pytest.mark.parametrize(
    ("seed", "pushes"), [(1, 12), *(pytest.param(seed, 60, marks=pytest.mark.full) for seed in range(2, 8))]
)
async def test_a_crowd_on_two_processes_loses_nothing(
    postgres: Postgres, seed: int, pushes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as exits:
        address = exits.enter_context(postgres.database("migrated"))
        stores = [await PunchlistStore.open(address) for _ in range(2)]
        for store in stores:
            exits.push_async_callback(store.close)
        crowd = Crowd(stores, seed)

        def counted(scopes: Any) -> Moved:
            crowd.moved += 1
            return Moved(scopes)

        monkeypatch.setattr(locks, "Moved", counted)
        with anyio.fail_after(120):
            device = await _run(crowd, pushes)
        fresh = await Device().pull(stores[0])
        database = address.rpartition("dbname=")[2]

        def ask(sql: str) -> list[tuple[Any, ...]]:
            return postgres.tell(sql, database)

        assert device.rows == fresh.rows, "no gap behind any cursor (9, 15)"
        numbers = [number for (number,) in ask("SELECT number FROM punch_items ORDER BY number")]
        assert numbers == list(range(1, len(numbers) + 1)), "each item its own number"
        written = defaultdict(set)
        for item_id, version in ask("SELECT item_id, item_version FROM item_events"):
            written[item_id].add(version)
        for item_id, version in ask("SELECT id, version FROM punch_items"):
            assert written[item_id] == set(range(1, version + 1)), "no edit overwrote one it had not seen (6)"
        parked = ask("SELECT waiting_for FROM refusals WHERE state = 'parked'")
        there = {f"punch_items/{item_id}" for (item_id,) in ask("SELECT id FROM punch_items")}
        assert not there & {waiting_for for (waiting_for,) in parked}, "nobody waits for what is there (8)"
        receipts = ask("SELECT client, count(*), max(n) FROM receipts GROUP BY client")
        assert all(count == newest for _, count, newest in receipts), "one receipt for each number (16)"
        outcomes = {json.loads(body)["outcome"] for (body,) in ask("SELECT body FROM receipts")}
        assert {"applied", "merged"} & outcomes
        assert crowd.moved, "people met: else nothing was tried"
