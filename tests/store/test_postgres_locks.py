"""What a transaction holds on PostgreSQL once it has read: everything whose change would make what it read untrue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from server.store.postgres import locks
from server.store.postgres.punchlist import PunchlistStore
from sync.changes import Key, Moved, Plan, Row, Unavailable
from tests.sync.site import BO, NORTH, SOUTH, uid

pytestmark = [pytest.mark.anyio, pytest.mark.services]

HERE, THERE, ASKED = f"sector/{NORTH}", f"sector/{SOUTH}", f"user/{BO}"
ITEM, ABSENT, COMMENT, REFUSAL, OTHER = uid(11, 1), uid(11, 2), uid(9, 1), uid(10, 1), uid(4, 1)


def item_in(sector_id: str, version: int = 1) -> Row:
    return Row("punch_items", ITEM, version, {"id": ITEM, "version": version, "sector_id": sector_id}, {})


def plan_of(*rows: Row) -> Plan:
    return Plan(rows={(row.entity, row.id): row for row in rows})


@pytest.fixture
async def store(postgres_address: str) -> AsyncIterator[PunchlistStore]:
    opened = await PunchlistStore.open(postgres_address)
    comment = Row("comments", COMMENT, 1, {"id": COMMENT}, {}, False, ITEM)
    waiting = {"id": REFUSAL, "user_id": OTHER, "state": "parked", "waiting_for": f"punch_items/{ABSENT}"}
    await _commit(opened, plan_of(item_in(NORTH), comment, Row("refusals", REFUSAL, 1, waiting, {})))
    yield opened
    await opened.close()


async def _commit(store: PunchlistStore, plan: Plan) -> None:
    transaction = await store.begin(())
    await transaction.write(plan)
    await transaction.commit()


def _key(kind: str, *names: str) -> Key:
    return Key(kind, names)


@pytest.mark.parametrize(
    ("key", "held", "why"),
    [
        (_key("row", "punch_items", ITEM), {HERE}, "an item is changed by who holds its sector"),
        (_key("row", "punch_items", ABSENT), {f"punch_items/{ABSENT}"}, "one may make it while another waits for it"),
        (_key("row", "comments", COMMENT), {HERE}, "what hangs on an item is where the item is"),
        (_key("row", "refusals", REFUSAL), {f"user/{OTHER}"}, "refusals are their author's"),
        (_key("row", "sectors", NORTH), set(), "only the office writes it, alone"),
        (_key("row", "no_table", "x"), set(), "there is nothing that could change"),
        (_key("children", ITEM), {HERE}, "children come and go with the sector held"),
        (_key("seen_at", ITEM, "1"), {HERE}, "so do events"),
        (_key("waiting", "punch_items", ABSENT), {f"user/{OTHER}"}, "who waits is planned anew"),
        (_key("parked", OTHER), {f"user/{OTHER}"}, "refusals are their author's"),
        (_key("clock", THERE), {THERE}, "numbers are given in the order of commits (15)"),
        (_key("counter", "p"), {"counter/p"}, "two items never have one number"),
        (_key("actor", OTHER), set(), "rights hold still under every push (12)"),
        (_key("client", uid(12, 1)), set(), "a client's pushes name its user"),
        (_key("receipt", uid(10, 2)), set(), "the same id of two users is stored once: the second is told"),
    ],
    ids=lambda value: value.kind if isinstance(value, Key) else "",
)
async def test_a_load_holds_what_its_keys_stand_for(store: PunchlistStore, key: Key, held: set[str], why: str) -> None:
    transaction = await store.begin([ASKED])
    await transaction.load([key])
    assert transaction._locks._held == {ASKED, *held}, why
    await transaction.rollback()


async def test_what_writes_holds_the_scopes_it_numbers(store: PunchlistStore) -> None:
    transaction = await store.begin([ASKED])
    await transaction.write(Plan(clocks={THERE: 1}))
    assert transaction._locks._held == {ASKED, THERE}
    await transaction.rollback()


async def test_a_row_that_moved_while_its_place_was_waited_for_is_held_where_it_is(store: PunchlistStore) -> None:
    """Else a third could change it there, between the read and the write (6)."""
    found: list[Any] = []
    first = await store.begin([HERE, THERE])
    await first.load([_key("row", "punch_items", ITEM)])

    async def second() -> None:
        transaction = await store.begin([ASKED])
        try:
            await transaction.load([_key("row", "punch_items", ITEM)])
        except Moved as moved:
            found.append(moved.scopes)
        else:
            found.append(transaction._locks._held)
        await transaction.rollback()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(second)
        await _somebody_waits(store)
        await first.write(plan_of(item_in(SOUTH, 2)))
        await first.commit()
    assert THERE in found[0]


async def test_what_is_taken_out_of_order_is_never_waited_for(store: PunchlistStore) -> None:
    """So no circle can close: what holds the later name asks again from the beginning."""
    low, high = sorted([HERE, THERE], key=locks._number)
    first, second = await store.begin([low]), await store.begin([high])
    await first.load([_key("clock", low)])
    await second.load([_key("clock", high)])
    with anyio.fail_after(2), pytest.raises(Moved) as moved:
        await second.load([_key("clock", low)])
    assert moved.value.scopes == {low, high}
    await second.rollback()
    with anyio.fail_after(2):
        await first.load([_key("clock", high)])
    await first.rollback()


async def test_a_counter_is_waited_for_whatever_is_held(store: PunchlistStore) -> None:
    """All who make items in a project meet there: beginning again each time would wear them out."""
    counter = _key("counter", "p")
    first, second = await store.begin([HERE]), await store.begin([THERE])
    await second.load([_key("clock", uid(1, number)) for number in range(50)])
    await first.load([counter])

    async def go_on() -> None:
        await second.load([counter])
        await second.rollback()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(go_on)
        await _somebody_waits(store)
        await first.rollback()


async def test_who_has_the_whole_is_never_told_to_begin_again(store: PunchlistStore) -> None:
    """The acts of the office know no `Moved`."""
    await _commit(store, Plan(clocks={HERE: 5}))
    transaction = await store.begin(())
    with pytest.raises(Unavailable):
        await transaction.write(Plan(clocks={HERE: 5}))
    await transaction.rollback()


async def test_a_number_that_was_given_is_not_given_again(store: PunchlistStore) -> None:
    """Should a lock ever be forgotten, the write itself finds it (15)."""
    await _commit(store, Plan(clocks={HERE: 5}))
    transaction = await store.begin([HERE])
    with pytest.raises(Moved):
        await transaction.write(Plan(clocks={HERE: 5}))
    await transaction.rollback()


async def _somebody_waits(store: PunchlistStore) -> None:
    line = await store._lines.lend()
    sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with anyio.fail_after(5):
        while (await line.run(sql))[0][0] == 0:
            pass
    await line.give_back()


def test_names_have_locks_of_their_own() -> None:
    """Two names with one lock would wait for each other without need."""
    names = [f"sector/{number}" for number in range(1000)]
    assert len({locks._number(name) for name in names}) == len(names)
