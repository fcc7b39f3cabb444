"""What PostgreSQL must do beyond the contract: end every wait, survive its server, and let cost follow the change."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import anyio
import anyio.to_thread
import orjson
import psycopg
import pytest

from server.store import migrate
from server.store.postgres.lines import Asked, Limits, Line, Records
from server.store.postgres.load import load
from server.store.postgres.pages import page
from server.store.postgres.punchlist import PunchlistStore
from sync.changes import Change, Key, Plan, Row, Store, Unavailable, Unstorable
from sync.parse import parse
from sync.push import PushContext, push
from tests.server.place import Pen, build_place
from tests.services.postgres import Postgres
from tests.sync.site import ANA, NOON, uid

pytestmark = [pytest.mark.anyio, pytest.mark.services]

HASTE = Limits(connections=2, connect_ms=400, lock_ms=200, statement_ms=400, answer_ms=500)
SCOPE = "sector/x"
CLOCK = Key("clock", (SCOPE,))


@pytest.fixture
async def store(postgres_address: str) -> AsyncIterator[PunchlistStore]:
    opened = await PunchlistStore.open(postgres_address, limits=HASTE)
    yield opened
    await opened.close()


async def clock_of(store: Store) -> int:
    snapshot = await store.snapshot()
    try:
        return int((await snapshot.load([CLOCK]))[CLOCK])
    finally:
        await snapshot.close()


async def put(store: Store, number: int) -> None:
    transaction = await store.begin([SCOPE])
    try:
        await transaction.write(Plan(clocks={SCOPE: number}))
        await transaction.commit()
    finally:
        await transaction.rollback()


async def test_an_acknowledged_commit_is_on_the_disk(store: PunchlistStore) -> None:
    """Invariant 1: whatever the server's default, our connections wait for the disk."""
    line = await store._lines.lend()
    assert await line.run("SHOW synchronous_commit") == [("on",)]
    await line.give_back()


async def test_a_frozen_server_holds_up_nobody_and_the_store_goes_on_when_it_thaws(
    store: PunchlistStore, postgres: Postgres
) -> None:
    await put(store, 1)
    with anyio.fail_after(10):
        with postgres.frozen():
            for _ in range(3):  # Both connections, and then none.
                with pytest.raises(Unavailable):
                    await clock_of(store)
        while True:
            try:
                assert await clock_of(store) == 1
            except Unavailable:
                continue
            break


async def test_a_push_that_is_cut_off_in_the_middle_leaves_nothing(store: PunchlistStore, postgres: Postgres) -> None:
    transaction = await store.begin([SCOPE])
    await transaction.write(Plan(clocks={SCOPE: 7}))
    sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast'"
    await anyio.to_thread.run_sync(postgres.tell, sql)
    with pytest.raises(Unavailable):
        await transaction.commit()
    await transaction.rollback()
    await put(store, 1)
    assert await clock_of(store) == 1


async def test_who_waits_too_long_for_a_lock_is_told_to_come_again(store: PunchlistStore) -> None:
    first = await store.begin([SCOPE])
    await first.load([CLOCK])
    second = await store.begin([SCOPE])
    with pytest.raises(Unavailable, match="lock timeout"):
        await second.load([CLOCK])
    await second.rollback()
    await first.write(Plan(clocks={SCOPE: 1}))
    await first.commit()
    assert await clock_of(store) == 1


async def test_where_every_connection_is_lent_the_next_waits_only_so_long(store: PunchlistStore) -> None:
    lent = [await store.snapshot() for _ in range(HASTE.connections)]
    with pytest.raises(Unavailable, match="no connection"):
        await store.snapshot()
    for snapshot in lent:
        await snapshot.close()
        await snapshot.close()
    assert await clock_of(store) == 0


async def test_a_cancelled_push_gives_its_connection_back_sound(store: PunchlistStore) -> None:
    first = await store.begin([SCOPE])
    await first.load([CLOCK])
    for _ in range(2 * HASTE.connections):
        with anyio.move_on_after(0.02):
            await put(store, 9)
    await first.rollback()
    await put(store, 1)
    assert await clock_of(store) == 1


async def test_after_an_error_nothing_but_a_rollback_follows(store: PunchlistStore) -> None:
    """PostgreSQL would answer such a COMMIT with a rollback, and no error."""
    transaction = await store.begin(())
    with pytest.raises(Unstorable):
        await transaction.write(Plan(counters={"p": 2**63}))
    for go_on in (transaction.commit, lambda: transaction.load([CLOCK]), lambda: transaction.write(Plan())):
        with pytest.raises(Unavailable):
            await go_on()
    await transaction.rollback()


async def test_a_commit_that_became_a_rollback_is_not_taken_for_one(store: PunchlistStore) -> None:
    line = await store._lines.lend()
    await line.run("BEGIN")
    with pytest.raises(Unstorable):
        await line.run("SELECT 1 / 0")
    with pytest.raises(Unavailable, match="ROLLBACK"):
        await line.commit()
    await line.give_back()


async def test_a_snapshot_cannot_write(store: PunchlistStore) -> None:
    snapshot = await store.snapshot()
    with pytest.raises(Unavailable, match="read-only"):
        await snapshot._line.run("DELETE FROM meta")
    await snapshot.close()


@pytest.mark.parametrize(
    ("address", "why"),
    [("host=/nowhere dbname=punchlist", "nobody listens"), ("dbname=absent", "no such database")],
)
async def test_who_does_not_answer_is_unavailable(postgres: Postgres, address: str, why: str) -> None:
    whole = address if "host" in address else f"{postgres.address('')}absent"
    with pytest.raises(Unavailable):
        await PunchlistStore.open(whole, limits=HASTE)
    with pytest.raises(Unavailable):
        migrate.state("punchlist", whole)


async def test_a_database_that_does_not_hold_every_text_is_refused(postgres: Postgres) -> None:
    with postgres.database(encoding="LATIN1") as address:
        migrate.upgrade("punchlist", address)
        with pytest.raises(Unavailable, match="ENCODING 'UTF8'"):
            await PunchlistStore.open(address, limits=HASTE)


async def test_the_epoch_stays_when_the_store_is_opened_again(postgres_address: str) -> None:
    epochs = set()
    for _ in range(2):
        opened = await PunchlistStore.open(postgres_address)
        snapshot = await opened.snapshot()
        epochs.add(await snapshot.epoch())
        await snapshot.close()
        await opened.close()
    assert len(epochs) == 1


async def test_documents_leave_as_the_bytes_they_were_stored_as(store: PunchlistStore) -> None:
    row_id = uid(11, 1)
    doc: dict[str, Any] = {"id": row_id, "version": 1, "title": "Ü \U0001f9f1 \u202e", "z": None, "a": [1, {"b": True}]}
    plan = Plan(clocks={SCOPE: 1})
    plan.rows[("punch_items", row_id)] = Row("punch_items", row_id, 1, doc, {})
    plan.changes[(SCOPE, "punch_items", row_id)] = Change(SCOPE, 1, "punch_items", row_id, is_gone=False)
    transaction = await store.begin(())
    await transaction.write(plan)
    await transaction.commit()
    snapshot = await store.snapshot()
    found = await snapshot.page(SCOPE, 0, 10)
    await snapshot.close()
    assert found.rows == [("punch_items", orjson.dumps(doc).decode())]


async def test_rows_of_one_number_stay_together(store: PunchlistStore) -> None:
    """Invariant 15: a cursor between two rows of one number would lose the second."""
    plan = Plan(clocks={SCOPE: 2})
    for place in range(10):
        row = Row("trades", uid(3, place), 1, {"id": uid(3, place), "version": 1, "project_id": "p"}, {})
        plan.rows[("trades", row.id)] = row
        plan.changes[(SCOPE, "trades", row.id)] = Change(SCOPE, 1 + place // 5, "trades", row.id, is_gone=False)
    transaction = await store.begin(())
    await transaction.write(plan)
    await transaction.commit()
    snapshot = await store.snapshot()
    pages = [await snapshot.page(SCOPE, after, 3) for after in (0, 1)]
    await snapshot.close()
    assert [len(each.rows) for each in pages] == [5, 5]


EVERY_KEY = (
    *(Key("row", (entity, "x")) for entity in ("punch_items", "photos", "memberships", "refusals")),
    Key("children", ("x",)),
    Key("receipt", ("x",)),
    Key("client", ("x",)),
    Key("actor", ("x",)),
    Key("clock", ("x",)),
    Key("counter", ("x",)),
    Key("seen_at", ("x", "1")),
    Key("waiting", ("punch_items", "x")),
    Key("parked", ("x",)),
)


@pytest.mark.parametrize(
    "work", [lambda line: load(line, EVERY_KEY), lambda line: page(line, SCOPE, 3, 10)], ids=["load", "page"]
)
async def test_no_read_of_a_push_or_a_pull_scans_a_table(
    store: PunchlistStore, work: Callable[[Line], Awaitable[object]]
) -> None:
    """Cost follows the change: where an index can answer, it is asked, whatever the size."""
    await put(store, 9)
    line = await store._lines.lend()
    await line.run("SET enable_seqscan = off")
    run_all = Line.run_all
    asked: list[Asked] = []

    async def noted(self: Line, statements: Sequence[Asked]) -> list[Records]:
        asked.extend(statements)
        return await run_all(self, statements)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Line, "run_all", noted)
        await work(line)
    for sql, values in asked:
        plan = "\n".join(text for (text,) in await line.run(f"EXPLAIN {sql}", values))
        assert "Seq Scan" not in plan, plan
    await line.run("RESET enable_seqscan")
    await line.give_back()
    assert asked


async def _trips_of_push(store: PunchlistStore, pen: Pen, *mutations: dict[str, Any]) -> list[list[str]]:
    """The round trips a push takes but for its commit, each with its statements."""
    seen: list[list[str]] = []
    run_all = Line.run_all

    async def noted(self: Line, statements: Sequence[Asked]) -> list[Records]:
        seen.append([sql for sql, _ in statements])
        return await run_all(self, statements)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Line, "run_all", noted)
        answer = await push(store, parse(orjson.dumps(pen.request(*mutations))), PushContext(ANA, NOON))
    assert all(json.loads(body)["outcome"] == "applied" for body in answer.receipts)
    return seen


async def test_a_push_takes_as_many_statements_whatever_its_size(store: PunchlistStore) -> None:
    await build_place(store)
    few, many = Pen(ANA, 1), Pen(ANA, 2)
    one = await _trips_of_push(store, few, few.creation())
    assert one == await _trips_of_push(store, many, *(many.creation() for _ in range(100)))
    assert len(one) <= 9
    assert sum(map(len, one)) <= 30


async def test_nothing_of_a_test_is_left_behind(postgres: Postgres) -> None:
    with postgres.database() as address:
        name = address.rpartition("dbname=")[2]
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        postgres.tell("SELECT 1", name)
