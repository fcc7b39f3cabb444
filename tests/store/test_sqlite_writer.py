"""The SQLite writer: who shares a write to the disk, and what becomes of a push when something breaks in its middle."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from server.store import migrate, writer
from server.store.connections import Connection
from server.store.punchlist import PunchlistStore
from sync.changes import Key, Plan, Unavailable, Unstorable

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[PunchlistStore]:
    path = tmp_path / "punchlist.db"
    migrate.upgrade("punchlist", path)
    opened = await PunchlistStore.open(path, group_max=8)
    yield opened
    await opened.close()


def connection_of(store: PunchlistStore) -> Connection:
    return store._connection


async def trace(store: PunchlistStore) -> list[str]:
    """Every statement of the writer from now on."""
    seen: list[str] = []
    await connection_of(store).run(lambda plain: plain.set_trace_callback(seen.append))
    return seen


async def count_to(store: PunchlistStore, name: str, number: int) -> None:
    """A push that leaves one counter."""
    transaction = await store.begin(())
    await transaction.write(Plan(counters={name: number}))
    await transaction.commit()


async def counter(store: PunchlistStore, name: str) -> int:
    """The counter as another connection sees it: only what was committed."""
    snapshot = await store.snapshot()
    key = Key("counter", (name,))
    number: int = (await snapshot.load([key]))[key]
    await snapshot.close()
    return number


async def test_pushes_that_wait_for_each_other_share_one_commit(store: PunchlistStore) -> None:
    seen = await trace(store)
    await asyncio.gather(*(count_to(store, f"c{number}", number) for number in range(1, 9)))
    assert seen.count("COMMIT") == 1
    assert [await counter(store, f"c{number}") for number in range(1, 9)] == list(range(1, 9))


async def test_a_group_is_bounded_so_that_the_first_does_not_wait_for_ever(store: PunchlistStore) -> None:
    seen = await trace(store)
    await asyncio.gather(*(count_to(store, f"c{number}", 1) for number in range(20)))
    assert seen.count("COMMIT") == 3, "20 pushes in groups of at most 8"


async def test_a_push_alone_commits_alone(store: PunchlistStore) -> None:
    seen = await trace(store)
    for number in range(3):
        await count_to(store, "c", number)
    assert seen.count("COMMIT") == 3


async def test_nobody_is_told_of_success_before_the_commit_returned(store: PunchlistStore) -> None:
    """Invariant 1: whoever returns from `commit` finds its work through another connection."""

    async def push(name: str) -> int:
        await count_to(store, name, 7)
        return await counter(store, name)

    assert set(await asyncio.gather(*(push(f"c{number}") for number in range(30)))) == {7}


async def _look(store: PunchlistStore) -> int:
    """A push that finds its work done already, and writes nothing."""
    transaction = await store.begin(())
    key = Key("counter", ("a",))
    found: int = (await transaction.load([key]))[key]
    await transaction.rollback()
    return found


async def test_a_push_that_only_read_what_its_group_wrote_waits_for_the_commit_too(store: PunchlistStore) -> None:
    """Invariant 1: a mutation sent twice at once is not acknowledged by its second copy before the first is durable."""

    async def look() -> tuple[int, int]:
        found = await _look(store)
        return found, await counter(store, "a")

    _, (found, durable) = await asyncio.gather(count_to(store, "a", 1), look())
    assert (found, durable) == (1, 1)


async def test_a_push_that_only_read_what_never_became_durable_hears_it(store: PunchlistStore) -> None:
    await connection_of(store).run(_refuse_commits)
    outcomes = await asyncio.gather(count_to(store, "a", 1), _look(store), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 2


def _refuse_commits(plain: sqlite3.Connection) -> None:
    def authorize(action: int, first: str | None, *_more: str | None) -> int:
        is_commit = action == sqlite3.SQLITE_TRANSACTION and first == "COMMIT"
        return sqlite3.SQLITE_DENY if is_commit else sqlite3.SQLITE_OK

    plain.set_authorizer(authorize)


async def test_when_the_commit_fails_everybody_in_the_group_hears_it(store: PunchlistStore) -> None:
    """Invariant 1: nobody is acknowledged, nothing is there, and the next push works."""
    await connection_of(store).run(_refuse_commits)
    outcomes = await asyncio.gather(*(count_to(store, f"c{number}", 1) for number in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 5
    await connection_of(store).run(lambda plain: plain.set_authorizer(None))
    assert [await counter(store, f"c{number}") for number in range(5)] == [0] * 5
    await count_to(store, "after", 1)
    assert await counter(store, "after") == 1


async def test_a_push_that_is_rolled_back_leaves_its_group_alone(store: PunchlistStore) -> None:
    async def give_up() -> None:
        transaction = await store.begin(())
        await transaction.write(Plan(counters={"lost": 1}))
        await transaction.rollback()

    seen = await trace(store)
    await asyncio.gather(count_to(store, "a", 1), give_up(), count_to(store, "b", 1))
    assert seen.count("COMMIT") == 1
    assert [await counter(store, name) for name in ("a", "lost", "b")] == [1, 0, 1]


@pytest.mark.parametrize("sql", ["ROLLBACK; no SQL", "INSERT INTO meta (name) VALUES (NULL)"])
async def test_after_an_error_a_push_can_only_be_undone(store: PunchlistStore, sql: str) -> None:
    """SQLite may have undone the transaction by itself: what would follow is not protected by it any more."""
    transaction = await store.begin(())
    await transaction.write(Plan(counters={"c": 1}))

    def fail(plain: sqlite3.Connection) -> None:
        for statement in sql.split(";"):
            plain.execute(statement)

    with pytest.raises((Unavailable, Unstorable)):
        await transaction.run(fail)
    with pytest.raises(Unavailable):
        await transaction.write(Plan(counters={"c": 1}))
    with pytest.raises(Unavailable):
        await transaction.commit()
    assert await counter(store, "c") == 0
    await count_to(store, "c", 2)
    assert await counter(store, "c") == 2


async def test_a_full_disk_refuses_the_push_and_lies_to_nobody(store: PunchlistStore) -> None:
    def fill(plain: sqlite3.Connection) -> None:
        pages = plain.execute("PRAGMA page_count").fetchone()[0]
        plain.execute(f"PRAGMA max_page_count={pages + 2}")

    async def push(name: str, bytes_: int) -> str:
        transaction = await store.begin(())
        try:
            await transaction.run(
                lambda plain: (
                    plain.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (name, "x" * bytes_)) and None
                )
            )
            await transaction.commit()
        except Unavailable:
            with suppress(Unavailable):  # SQLite may have undone the whole group by itself.
                await transaction.rollback()
            return "unavailable"
        return "durable"

    await connection_of(store).run(fill)
    names = {"small": 10, "huge": 500_000, "after": 10}
    said = dict(zip(names, await asyncio.gather(*(push(*each) for each in names.items())), strict=True))
    assert said["huge"] == "unavailable"
    there = await store.read_alone(lambda plain: {row[0] for row in plain.execute("SELECT name FROM meta")})
    assert {name for name, word in said.items() if word == "durable"} == there & set(names)
    await connection_of(store).run(lambda plain: plain.execute("PRAGMA max_page_count=1000000") and None)
    assert await push("again", 500_000) == "durable"


@pytest.mark.parametrize("steps", range(12))
async def test_a_push_cancelled_anywhere_is_there_whole_or_not_at_all_and_stops_nobody(
    store: PunchlistStore, steps: int
) -> None:
    async def push() -> None:
        transaction = await store.begin(())
        try:
            await transaction.load([Key("counter", ("c",))])
            await transaction.write(Plan(counters={"c": 1}, clocks={"sector/x": 1}))
            await transaction.commit()
        except BaseException:
            await transaction.rollback()
            raise

    task = asyncio.ensure_future(push())
    for _ in range(steps):
        await asyncio.sleep(0.0005 if steps > 6 else 0)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.wait_for(count_to(store, "next", 1), 5)
    key_c, key_x = Key("counter", ("c",)), Key("clock", ("sector/x",))
    snapshot = await store.snapshot()
    loaded = await snapshot.load([key_c, key_x])
    await snapshot.close()
    assert loaded[key_c] == loaded[key_x]
    assert not connection_of(store).in_transaction


async def test_a_push_cancelled_while_it_waits_does_not_hold_its_group(store: PunchlistStore) -> None:
    first = await store.begin(())
    waiting = asyncio.ensure_future(store.begin(()))
    last = asyncio.ensure_future(count_to(store, "last", 1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    await first.write(Plan(counters={"first": 1}))
    await asyncio.wait_for(first.commit(), 5)
    await asyncio.wait_for(last, 5)
    assert [await counter(store, name) for name in ("first", "last")] == [1, 1]


async def test_a_push_that_nobody_ends_is_dropped(store: PunchlistStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "TURN_LIMIT_S", 0.05)
    forgotten = await store.begin(())
    await forgotten.write(Plan(counters={"lost": 1}))
    await asyncio.wait_for(count_to(store, "next", 1), 5)
    with pytest.raises(Unavailable):
        await forgotten.write(Plan(counters={"lost": 2}))
    with pytest.raises(Unavailable):
        await forgotten.commit()
    assert [await counter(store, name) for name in ("lost", "next")] == [0, 1]


async def test_another_process_that_holds_the_lock_makes_a_push_unavailable_not_lost(
    store: PunchlistStore, tmp_path: Path
) -> None:
    await connection_of(store).run(lambda plain: plain.execute("PRAGMA busy_timeout=50") and None)
    other = sqlite3.connect(tmp_path / "punchlist.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await count_to(store, "c", 1)
    other.execute("ROLLBACK")
    other.close()
    await count_to(store, "c", 2)
    assert await counter(store, "c") == 2


async def test_closing_lets_begun_pushes_end(tmp_path: Path) -> None:
    path = tmp_path / "punchlist.db"
    migrate.upgrade("punchlist", path)
    opened = await PunchlistStore.open(path)
    pushes = [asyncio.ensure_future(count_to(opened, f"c{number}", 1)) for number in range(5)]
    await asyncio.sleep(0)
    await opened.close()
    assert await asyncio.gather(*pushes, return_exceptions=True) == [None] * 5
    with pytest.raises(Unavailable):
        await opened.begin(())
