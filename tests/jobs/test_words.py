"""Words of the outbox become job rows: once each, and none holds up another."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest

from server.actions import audit, jobs
from server.actions.office import Office
from server.actions.relay import Relay
from server.ids import new_id
from server.store import core_jobs, outbox
from server.store.core_jobs import NewJob
from server.store.outbox import Undelivered
from sync.changes import Unstorable
from tests.accounts.site import pen_of

WORD = '{"queue": "uploads", "actor": "make_previews", "args": {"photo_id": "p1", "file": "picture"}}'


async def tell(office: Office, kind: str, payload: str, count: int = 1) -> None:
    """Words as a push leaves them."""
    sql = """
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
        INSERT INTO outbox (kind, key, payload, created_at) SELECT ?, 'key/' || ? || '/' || n, ?, 1 FROM numbers"""
    await office.store.write_alone(lambda plain: plain.execute(sql, (count, kind, kind, payload)).rowcount)


async def edit(office: Office) -> str:
    """One more item by ana; returns the mutation's id."""
    pen, sector = await pen_of(office, "ana"), await office.sector("B-4")
    (receipt,) = await pen.push_all([("item.create", {"id": new_id(), "sector_id": sector["id"], "title": "x"}, None)])
    return str(receipt["id"])


def rows(plain: sqlite3.Connection) -> list[Any]:
    return plain.execute("SELECT source_key, queue, actor, args, state, error FROM jobs ORDER BY source_key").fetchall()


async def test_a_word_becomes_one_row_however_often_it_arrives(office: Office) -> None:
    await tell(office, "job", WORD)
    words = await outbox.undelivered(office.store, 10, "job")
    await jobs.take_words(office.core, words)
    # The process died here: nothing is ticked off, everything comes again.
    await Relay(office.store, office.core).drain()
    (row,) = await office.core.read_alone(rows)
    assert row == ("key/job/1", "uploads", "make_previews", '{"photo_id":"p1","file":"picture"}', "queued", None)
    assert await outbox.undelivered(office.store, 10, "job") == []


async def test_a_delivered_word_rings_the_bell(office: Office) -> None:
    rung: list[int] = []
    await tell(office, "job", WORD, 3)
    await jobs.take_words(office.core, await outbox.undelivered(office.store, 10, "job"), lambda: rung.append(1))
    assert rung == [1]


async def test_a_job_is_there_if_and_only_if_its_cause_is(office: Office) -> None:
    job = NewJob(new_id(), "cause", "uploads", "make_previews", {})

    def cause(plain: sqlite3.Connection, *, is_well: bool) -> None:
        core_jobs.add(plain, [job])
        if not is_well:
            raise ValueError("the cause came to nothing")

    with pytest.raises(Exception, match="came to nothing"):
        await office.core.write_alone(lambda plain: cause(plain, is_well=False))
    assert await office.core.read_alone(rows) == []
    await office.core.write_alone(lambda plain: cause(plain, is_well=True))
    assert [row[0] for row in await office.core.read_alone(rows)] == ["cause"]


async def test_five_hundred_words_nobody_takes_hold_up_no_audit_word(office: Office) -> None:
    await Relay(office.store, office.core).drain()
    await tell(office, "fax", "{}", 600)
    mutation_id = await edit(office)
    await Relay(office.store, office.core).drain()
    verdict = await audit.verify(office.core, office.store)
    assert (verdict.is_good, verdict.receipts) == (True, 1), mutation_id
    assert len(await outbox.undelivered(office.store, 1000)) == 600


async def test_words_their_consumer_refuses_hold_up_neither_their_kind_nor_another(office: Office) -> None:
    await tell(office, "fax", "{}", 600)
    await tell(office, "job", WORD)
    await edit(office)
    taken: list[str] = []

    async def take(words: Sequence[Undelivered]) -> None:
        if any(word.key != "key/fax/600" for word in words):
            raise Unstorable("no")
        taken.extend(word.key for word in words)

    relay = Relay(office.store, office.core, {"fax": take})
    await relay.drain()
    assert taken == ["key/fax/600"]
    assert (await audit.verify(office.core, office.store)).is_good
    assert len(await office.core.read_alone(rows)) == 1
    assert len(await outbox.undelivered(office.store, 1000)) == 599
    relay._refused.clear()  # What the hour does.
    assert await relay.drain() == 0


async def test_a_consumer_that_is_away_holds_up_no_other_and_is_told(office: Office) -> None:
    await tell(office, "job", WORD)
    await edit(office)

    async def away(_words: object) -> None:
        raise OSError("the other side is away")

    with pytest.raises(OSError, match="away"):
        await Relay(office.store, office.core, {"audit": away}).drain()
    assert len(await office.core.read_alone(rows)) == 1


NO_JOBS: list[tuple[str, str, str]] = [
    ("not json", "unreadable", "no JSON"),
    ("[1]", "unreadable", "no object"),
    ("{}", "'queue'", "nothing"),
    ('{"queue": 7, "actor": "a", "args": {}}', "7 is no str", "a queue that is no name"),
    ('{"queue": "q", "actor": "a", "args": [1]}', "no dict", "arguments without names"),
    ('{"queue": "q", "actor": "a", "args": {}, "max_attempts": true}', "no int", "a number that is none"),
    ('{"queue": "q", "actor": "a", "args": {}, "tags": [1]}', "no str", "a tag that is no word"),
    ('{"queue": "q", "actor": "a", "args": {}, "delay_ms": 9223372036854775807}', "not between", "a wait too long"),
    ('{"queue": "q", "actor": "a", "args": {}, "delay_ms": -1}', "not between", "a wait into the past"),
    ('{"queue": "q", "actor": "a", "args": {}, "max_attempts": 0}', "not between", "no attempt at all"),
]


@pytest.mark.parametrize(("payload", "reason", "why"), NO_JOBS)
async def test_a_word_that_asks_for_no_job_is_a_failed_one(office: Office, payload: str, reason: str, why: str) -> None:
    await tell(office, "job", payload)
    await Relay(office.store, office.core).drain()
    (row,) = await office.core.read_alone(rows)
    assert row[4] == "failed", why
    assert reason in f"{row[5]} {row[3]}"
    assert await outbox.undelivered(office.store, 10, "job") == []
