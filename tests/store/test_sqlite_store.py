"""What SQLite must do beyond the contract: keep what it acknowledged, and let cost follow the change."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from server.store import outbox
from server.store.connections import Connection, open_connection
from server.store.migrate import upgrade
from server.store.punchlist import PunchlistStore
from server.store.punchlist_load import load
from server.store.punchlist_pages import page
from sync.changes import Change, Key, OutboxRow, Plan, Row
from sync.parse import parse
from sync.push import PushContext, push
from tests.server.place import Pen, build_place
from tests.sync.site import ANA, NOON, NORTH, uid

pytestmark = pytest.mark.anyio

POWER_CUT = {"journal_mode": "wal", "synchronous": 2, "fullfsync": 1, "foreign_keys": 1, "busy_timeout": 5000}
"""What must be set for an acknowledged commit to survive a power cut; synchronous 2 is FULL."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "punchlist.db"
    upgrade("punchlist", found)
    return found


@pytest.fixture
async def store(path: Path) -> AsyncIterator[PunchlistStore]:
    opened = await PunchlistStore.open(path)
    yield opened
    await opened.close()


def _pragmas(plain: sqlite3.Connection) -> dict[str, object]:
    return {name: plain.execute(f"PRAGMA {name}").fetchone()[0] for name in POWER_CUT}


async def test_writer_and_readers_are_set_up_for_power_cuts(store: PunchlistStore) -> None:
    assert await store._connection.run(_pragmas) == POWER_CUT
    assert await store.read_alone(_pragmas) == POWER_CUT


async def test_a_reader_cannot_write(path: Path) -> None:
    reader = await open_connection(path, is_read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await reader.run(lambda plain: plain.execute("DELETE FROM meta"))
    await reader.close()


async def test_the_epoch_stays_when_the_store_is_opened_again(path: Path) -> None:
    epochs = set()
    for _ in range(2):
        opened = await PunchlistStore.open(path)
        snapshot = await opened.snapshot()
        epochs.add(await snapshot.epoch())
        await snapshot.close()
        await opened.close()
    assert len(epochs) == 1


def _plan_of(plain: sqlite3.Connection, sql: str, values: tuple[object, ...] = ()) -> list[str]:
    return [row[3] for row in plain.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def _statements(connection: sqlite3.Connection, work: object) -> list[str]:
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    work(connection)  # type: ignore[operator]
    connection.set_trace_callback(None)
    return seen


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
)


@pytest.mark.parametrize("work", [lambda plain: load(plain, EVERY_KEY), lambda plain: page(plain, "x", 3, 10)])
def test_no_read_of_a_push_or_a_pull_scans_a_table(path: Path, work: object) -> None:
    """Cost follows the change: each table is searched by an index, whatever its size."""
    plain = sqlite3.connect(path, isolation_level=None)
    plain.execute("INSERT INTO scope_clocks (scope, number) VALUES ('x', 9)")
    for statement in _statements(plain, work):
        steps = [step for step in _plan_of(plain, statement) if step.startswith("SCAN")]
        assert all("json_each" in step or "wanted" in step or "VIRTUAL" in step for step in steps), (statement, steps)
    plain.close()


def test_a_page_reads_changes_from_the_index_alone(path: Path) -> None:
    plain = sqlite3.connect(path, isolation_level=None)
    plain.execute("INSERT INTO scope_clocks (scope, number) VALUES ('x', 9)")
    statements = _statements(plain, lambda each: page(each, "x", 3, 10))
    steps = [step for statement in statements for step in _plan_of(plain, statement)]
    assert any("COVERING INDEX ix_changes_scope_number" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
    plain.close()


def _photo(pen: Pen, item_id: str) -> dict[str, Any]:
    said = {"kind": "after", "media_type": "image/jpeg", "sha256": "ab" * 32, "size_bytes": 9}
    return pen.mutation("photo.add", {"id": pen.id(13), "item_id": item_id, **said}, base=1)


async def _some_photo(store: PunchlistStore) -> str:
    sql = "SELECT min(id) FROM photos"
    return str(await store.read_alone(lambda plain: plain.execute(sql).fetchone()[0]))


async def _statements_of_push(store: PunchlistStore, pen: Pen, *mutations: dict[str, Any]) -> tuple[int, int]:
    """How many reads and how many hops to the writer's thread a push takes."""
    request = parse(orjson.dumps(pen.request(*mutations)))
    seen: list[str] = []
    hops = 0
    run = Connection.run

    async def counted(self: Connection, work: object) -> object:
        nonlocal hops
        hops += 1
        return await run(self, work)  # type: ignore[arg-type]

    await store._connection.run(lambda plain: plain.set_trace_callback(seen.append))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "run", counted)
        answer = await push(store, request, PushContext(ANA, NOON))
    await store._connection.run(lambda plain: plain.set_trace_callback(None))
    assert all(b'"outcome":"applied"' in body.encode() for body in answer.receipts)
    return sum(statement.lstrip().startswith("SELECT") for statement in seen), hops


async def test_a_push_reads_in_as_many_statements_whatever_its_size(store: PunchlistStore) -> None:
    await build_place(store)
    few, many = Pen(ANA, 1), Pen(ANA, 2)
    item = few.creation()
    one = await _statements_of_push(store, few, item)
    assert one == await _statements_of_push(store, many, *(many.creation() for _ in range(100)))
    assert one[0] <= 24
    assert one[1] <= 8
    photo = await _statements_of_push(store, few, _photo(few, item["args"]["id"]))
    assert photo == await _statements_of_push(store, many, *(_photo(many, item["args"]["id"]) for _ in range(100)))
    assert photo[0] <= one[0]
    for name in ("photo.remove", "photo.restore"):
        args = {"id": await _some_photo(store), "item_id": item["args"]["id"]}
        assert await _statements_of_push(store, few, few.mutation(name, args, base=None)) <= photo


async def test_documents_leave_as_the_bytes_they_were_stored_as(store: PunchlistStore) -> None:
    row_id = uid(11, 1)
    doc: dict[str, Any] = {"id": row_id, "version": 1, "title": "Ü \U0001f9f1", "z": None, "a": [1, {"b": True}]}
    plan = Plan(clocks={"s": 1})
    plan.rows[("punch_items", row_id)] = Row("punch_items", row_id, 1, doc, {})
    plan.changes[("s", "punch_items", row_id)] = Change("s", 1, "punch_items", row_id, is_gone=False)
    transaction = await store.begin(())
    await transaction.write(plan)
    await transaction.commit()
    found = await store.read_alone(lambda plain: page(plain, "s", 0, 10))
    assert found.rows == [("punch_items", orjson.dumps(doc).decode())]


async def test_rows_of_one_number_stay_together(store: PunchlistStore) -> None:
    """Invariant 15: a cursor between two rows of one number would lose the second."""
    plan = Plan(clocks={"s": 2})
    for place in range(10):
        row = Row("trades", uid(3, place), 1, {"id": uid(3, place), "version": 1, "project_id": "p"}, {})
        plan.rows[("trades", row.id)] = row
        plan.changes[("s", "trades", row.id)] = Change("s", 1 + place // 5, "trades", row.id, is_gone=False)
    transaction = await store.begin(())
    await transaction.write(plan)
    await transaction.commit()
    seen, after = [], 0
    while True:
        found = await store.read_alone(partial(page, scope="s", after=after, limit=3))
        seen.append(len(found.rows))
        after = found.upto
        if found.is_last:
            break
    assert seen[:2] == [5, 5]
    assert sum(seen) == 10


async def test_the_outbox_gives_words_in_order_until_they_are_ticked_off(store: PunchlistStore) -> None:
    for number in range(3):
        transaction = await store.begin(())
        await transaction.write(Plan(outbox=[OutboxRow("audit", f"k{number}", {"n": number})]))
        await transaction.commit()
    words = await outbox.undelivered(store, 2)
    assert [(word.key, word.payload) for word in words] == [("k0", {"n": 0}), ("k1", {"n": 1})]
    await outbox.mark_delivered(store, [word.id for word in words], NOON)
    assert (await outbox.backlog(store)).count == 1
    assert await outbox.forget_delivered(store, NOON) == 0
    assert await outbox.forget_delivered(store, NOON + 1) == 2
    assert [word.key for word in await outbox.undelivered(store, 9)] == ["k2"]


async def test_a_poke_rung_again_is_delivered_again(store: PunchlistStore) -> None:
    for _ in range(2):
        transaction = await store.begin(())
        await transaction.write(Plan(outbox=[OutboxRow("poke", "p", {"scopes": [f"sector/{NORTH}"]})]))
        await transaction.commit()
        words = await outbox.undelivered(store, 9)
        assert len(words) == 1
        await outbox.mark_delivered(store, [words[0].id], NOON)
