"""Two writers on PostgreSQL at once, one held up in the middle: neither number, edit nor right gets lost between them.

Each case says what one does while the other has read and not yet written. Variants that are wrong on purpose show that
the case can tell: each of them loses something.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import anyio
import anyio.lowlevel
import orjson
import pytest

from server.store.postgres import write
from server.store.postgres.load import load
from server.store.postgres.locks import Locks
from server.store.postgres.punchlist import PunchlistStore, Transaction
from sync import admin
from sync.changes import Key, Plan, PullSnapshot, PushTransaction
from sync.cookie import Cookie
from sync.parse import parse
from sync.pull import pull
from sync.push import PushContext, push
from sync.rules import Role
from tests.server.place import OFFICE, Pen, build_place
from tests.services.postgres import Postgres
from tests.sync.site import ADA, ANA, BO, EVE, NOON, NORTH, SAM, SOUTH, SUE, membership, uid

pytestmark = [pytest.mark.anyio, pytest.mark.services]

ITEM = uid(11, 7)


class Held:
    """A store whose transactions wait before they write, until they are let go."""

    def __init__(self, store: PunchlistStore) -> None:
        self._store = store
        self.arrived = anyio.Event()
        self.go = anyio.Event()

    async def begin(self, scopes: Iterable[str]) -> PushTransaction:
        return _HeldTransaction(await self._store.begin(scopes), self)

    async def snapshot(self) -> PullSnapshot:
        return await self._store.snapshot()


class _HeldTransaction:
    def __init__(self, transaction: Transaction, held: Held) -> None:
        self._transaction = transaction
        self._held = held

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        return await self._transaction.load(keys)

    async def write(self, plan: Plan) -> None:
        self._held.arrived.set()
        await self._held.go.wait()
        await self._transaction.write(plan)

    async def commit(self) -> None:
        await self._transaction.commit()

    async def rollback(self) -> None:
        await self._transaction.rollback()


Act = Callable[[Any], Coroutine[Any, Any, None]]


@dataclass
class Device:
    """What ADA's phone has: rows by scope, and the cursor."""

    cookie: Cookie | None
    rows: dict[str, dict[str, dict[str, Any]]]

    async def pull(self, store: PunchlistStore) -> Device:
        answer = await pull(store, self.cookie, ADA, NOON, 5000)
        for page in answer.scopes:
            held = self.rows.setdefault(page.scope, {})
            held.update({doc["id"]: doc for doc in map(orjson.loads, (text for _, text in page.rows))})
            for _, row_id in page.gone:
                held.pop(row_id, None)
        self.cookie = answer.cookie
        return self

    def items(self) -> list[dict[str, Any]]:
        """Punch items of any scope, by number."""
        found = (doc for held in self.rows.values() for doc in held.values() if "external_ref" in doc)
        return sorted(found, key=lambda doc: int(doc["number"]))


def new_device() -> Device:
    return Device(None, {})


def pushing(user_id: str, *mutations: dict[str, Any], client: int = 1) -> Act:
    pen = Pen(user_id, client)
    numbered = [mutation | {"client": pen.client, "n": place} for place, mutation in enumerate(mutations, 1)]

    async def act(store: Any) -> None:
        request = parse(orjson.dumps(pen.request(*numbered)))
        answer = await push(store, request, PushContext(user_id, NOON))
        assert all(json.loads(body)["outcome"] != "refused" for body in answer.receipts), answer.receipts

    return act


def creating(user_id: str, client: int, item_id: str) -> Act:
    args = {"id": item_id, "sector_id": NORTH, "title": "Cracked tile"}
    return pushing(user_id, Pen(user_id, client).mutation("item.create", args), client=client)


def editing(user_id: str, client: int, was: dict[str, Any], wanted: dict[str, Any]) -> Act:
    args = {"id": ITEM, "set": wanted, "was": was}
    return pushing(user_id, Pen(user_id, client).mutation("item.edit", args, base=1), client=client)


def moving(user_id: str, client: int) -> Act:
    args = {"id": ITEM, "from_sector_id": NORTH, "sector_id": SOUTH}
    return pushing(user_id, Pen(user_id, client).mutation("item.move", args, base=1), client=client)


def commenting(user_id: str, client: int) -> Act:
    args = {"id": uid(9, 99), "item_id": ITEM, "text": "Where is it?"}
    return pushing(user_id, Pen(user_id, client).mutation("comment.add", args), client=client)


async def ending_the_membership(store: Any) -> None:
    context = replace(OFFICE, act_id=uid(8, 9))
    await admin.administer(store, [admin.end_membership(membership(ANA), NOON)], context)


@dataclass(frozen=True)
class Outcome:
    """How it ended: what a phone that pulled in the middle has, what a new one gets, whether the second waited."""

    device: Device
    fresh: Device
    is_second_waiting: bool
    parked: int


@dataclass(frozen=True)
class Case:
    why: str
    first: Act
    second: Act
    is_kept: Callable[[Outcome], bool]
    has_item: bool = True


CASES = {
    "two creations": Case(
        "an earlier number that commits later is behind nobody's cursor, and no number is given twice (15)",
        creating(ANA, 1, uid(11, 1)),
        creating(BO, 2, uid(11, 2)),
        lambda end: [item["number"] for item in end.device.items()] == [1, 2],
        has_item=False,
    ),
    "two edits": Case(
        "neither edit is overwritten by one that had not seen it (6)",
        editing(ANA, 1, {"title": "Cracked tile"}, {"title": "Broken tile"}),
        editing(SUE, 2, {"location": ""}, {"location": "Hall"}),
        lambda end: [(item["title"], item["location"]) for item in end.device.items()] == [("Broken tile", "Hall")],
    ),
    "an edit of what moves": Case(
        "the edit goes where the item went",
        moving(SUE, 1),
        editing(EVE, 2, {"location": ""}, {"location": "Hall"}),
        lambda end: [(item["sector_id"], item["location"]) for item in end.device.items()] == [(SOUTH, "Hall")],
    ),
    "a word on what is being made": Case(
        "nobody waits for what is there already (8)",
        creating(ANA, 1, ITEM),
        commenting(BO, 2),
        lambda end: end.parked == 0,
        has_item=False,
    ),
    "a right that ends": Case(
        "it ends after what was judged by it, not in the middle (12)",
        creating(ANA, 1, uid(11, 1)),
        ending_the_membership,
        lambda end: end.is_second_waiting,
        has_item=False,
    ),
}


async def _prepare(store: PunchlistStore, case: Case) -> None:
    await build_place(store)
    grants = [
        admin.grant_membership(uid(6, place), user_id, None, Role.SUPERVISOR, 0)
        for place, user_id in enumerate((SUE, SAM, EVE))
    ]
    await admin.administer(store, grants, replace(OFFICE, act_id=uid(8, 2)))
    if case.has_item:
        await creating(SAM, 3, ITEM)(store)


async def _is_waiting(postgres: Postgres, address: str) -> bool:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    found = await anyio.to_thread.run_sync(postgres.tell, sql, address.rpartition("dbname=")[2])
    return bool(found[0][0])


async def play(case: Case, postgres: Postgres) -> Outcome:
    """The first reads, the second does all it can, a phone pulls, then the first goes on."""
    async with AsyncExitStack() as exits:
        address = exits.enter_context(postgres.database("migrated"))
        store = await PunchlistStore.open(address)
        exits.push_async_callback(store.close)
        await _prepare(store, case)
        held, is_done = Held(store), anyio.Event()

        async def second() -> None:
            await case.second(store)
            is_done.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(case.first, held)
            await held.arrived.wait()
            tasks.start_soon(second)
            with anyio.fail_after(10):
                while not (is_done.is_set() or await _is_waiting(postgres, address)):
                    await anyio.lowlevel.checkpoint()
            is_waiting = not is_done.is_set()
            device = await new_device().pull(store)
            held.go.set()
        fresh = await new_device().pull(store)
        sql = "SELECT count(*) FROM refusals WHERE state = 'parked'"
        parked = postgres.tell(sql, address.rpartition("dbname=")[2])[0][0]
        return Outcome(await device.pull(store), fresh, is_waiting, parked)


@pytest.mark.parametrize("name", CASES)
async def test_two_at_once_lose_nothing(postgres: Postgres, name: str) -> None:
    case = CASES[name]
    end = await play(case, postgres)
    assert case.is_kept(end), (case.why, end)
    assert end.device.rows == end.fresh.rows, "a phone that pulled in the middle has all that a new one gets (9, 15)"


async def _nothing(_self: Locks, *_: object) -> None:
    """Lock nothing."""


async def _begin(self: Locks) -> None:
    await self._line.run("BEGIN")


def _unlocked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Locks, "cover", _nothing)
    patch.setattr(write, "_CLOCKS", write._upsert("scope_clocks", ["scope"], ["number"], "RETURNING scope"))


def _locked_last(patch: pytest.MonkeyPatch) -> None:
    async def loaded(self: Transaction, keys: Iterable[Key]) -> Mapping[Key, Any]:
        return await load(self._line, keys)

    patch.setattr(Transaction, "load", loaded)
    patch.setattr(write, "_CLOCKS", write._upsert("scope_clocks", ["scope"], ["number"], "RETURNING scope"))


def _numbered_by_sequence(patch: pytest.MonkeyPatch) -> None:
    async def loaded(self: Transaction, keys: Iterable[Key]) -> Mapping[Key, Any]:
        wanted = list(keys)
        await self._line.run("CREATE SEQUENCE IF NOT EXISTS numbers INCREMENT 10")
        rows = await load(self._line, wanted)
        clocks = [key for key in wanted if key.kind == "clock"]
        taken = {key: (await self._line.run("SELECT nextval('numbers')"))[0][0] for key in clocks}
        return {**rows, **taken}

    _unlocked(patch)
    patch.setattr(Transaction, "load", loaded)


def _absent_rows_unlocked(patch: pytest.MonkeyPatch) -> None:
    whole = Locks._places

    async def places(self: Locks, rows: Mapping[str, set[str]], waited: Sequence[str]) -> set[str]:
        return {name for name in await whole(self, rows, waited) if name.startswith(("sector/", "user/"))}

    patch.setattr(Locks, "_places", places)


def _whole_not_taken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Locks, "begin", _begin)


PLANTS: list[tuple[str, Callable[[pytest.MonkeyPatch], None], str]] = [
    ("two creations", _unlocked, "both take the same number"),
    ("two creations", _numbered_by_sequence, "the lower number commits behind the cursor"),
    ("two creations", _locked_last, "the number was read before the lock"),
    ("two edits", _locked_last, "the row was read before the lock"),
    ("a word on what is being made", _absent_rows_unlocked, "one makes what the other did not find"),
    ("a right that ends", _whole_not_taken, "the right ends under the push"),
]


@pytest.mark.parametrize(("name", "plant", "why"), PLANTS, ids=lambda value: getattr(value, "__name__", None))
async def test_a_wrong_way_to_lock_is_found(
    postgres: Postgres, name: str, plant: Callable[[pytest.MonkeyPatch], None], why: str
) -> None:
    case = CASES[name]
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        end = await play(case, postgres)
    assert not (case.is_kept(end) and end.device.rows == end.fresh.rows), why
