"""The chain on a real database: it only grows, and whatever was done to it shows."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from server.actions import audit
from server.actions.office import Office
from server.actions.relay import KEPT_MS, Relay
from server.ids import new_id
from server.store import core_audit, outbox
from server.store.outbox import Undelivered
from sync.audit import Link
from sync.changes import Unstorable
from tests.accounts.site import HandClock, pen_of


async def work(office: Office, count: int = 5) -> list[str]:
    """So many new items by ana; returns the mutations' ids."""
    pen, sector = await pen_of(office, "ana"), await office.sector("B-4")
    acts = [("item.create", {"id": new_id(), "sector_id": sector["id"], "title": f"{n}"}, None) for n in range(count)]
    return [receipt["id"] for receipt in await pen.push_all(acts)]


def links(plain: sqlite3.Connection) -> list[Link]:
    return list(core_audit.chain(plain))


async def test_every_act_is_sealed_once_and_verifies(office: Office) -> None:
    ids = await work(office)
    waiting = await Relay(office.store, office.core).waiting()
    assert waiting.undelivered > len(ids)
    assert waiting.unsealed == 4, "the four users' credentials"
    await Relay(office.store, office.core).drain()
    assert (await Relay(office.store, office.core).waiting()).unsealed == 0
    keys = [link.entry.source_key for link in await office.core.read_alone(links)]
    assert len(keys) == len(set(keys))
    assert set(ids) <= set(keys)
    verdict = await audit.verify(office.core, office.store)
    assert verdict.is_good
    assert (verdict.links, verdict.receipts) == (len(keys), len(ids))


async def test_what_was_delivered_but_not_ticked_off_is_sealed_once(office: Office) -> None:
    await work(office)
    rows = [row for row in await outbox.undelivered(office.store, 1000) if row.kind == "audit"]
    await audit.seal_outbox(office.core, rows[:7])
    # The process died here: nothing is ticked off, everything comes again.
    await Relay(office.store, office.core).drain()
    sealed = [link.entry.source_key for link in await office.core.read_alone(links)]
    assert sorted(key for key in sealed if "/" not in key or key[0] != "c") == sorted(row.key for row in rows)
    assert (await audit.verify(office.core, office.store)).is_good


async def test_two_relays_at_once_seal_everything_once(office: Office) -> None:
    await work(office, 300)
    relays = [Relay(office.store, office.core) for _ in range(4)]
    await asyncio.gather(*(relay.drain() for relay in relays))
    keys = [link.entry.source_key for link in await office.core.read_alone(links)]
    assert len(keys) == len(set(keys))
    assert (await audit.verify(office.core, office.store)).is_good


async def test_a_ring_wakes_the_relay_and_a_lost_one_only_delays(office: Office) -> None:
    relay = Relay(office.store, office.core)
    task = asyncio.create_task(relay.run())
    await asyncio.sleep(0.2)
    await work(office)
    relay.ring()
    for _ in range(100):
        if (await relay.waiting()).undelivered == 0:
            break
        await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await relay.waiting()).undelivered == 0


async def test_a_word_nobody_takes_stays_and_holds_up_no_other(office: Office) -> None:
    sql = "INSERT INTO outbox (kind, key, payload, created_at) VALUES ('fax', 'k1', '{}', 1)"
    await office.store.write_alone(lambda plain: plain.execute(sql).rowcount)
    await work(office)
    relay = Relay(office.store, office.core)
    await relay.drain()
    assert [row.key for row in await outbox.undelivered(office.store, 10)] == ["k1"]
    assert (await relay.waiting()).oldest_at == 1
    heard: list[str] = []

    async def take(words: object) -> None:
        heard.extend(word.key for word in words)  # type: ignore[attr-defined]

    await Relay(office.store, office.core, {"fax": take}).drain()
    assert heard == ["k1"]


async def test_a_consumer_that_fails_gets_the_word_again(office: Office) -> None:
    await work(office)

    async def fails(_words: object) -> None:
        raise OSError("the other side is away")

    with pytest.raises(OSError, match="away"):
        await Relay(office.store, office.core, {"audit": fails}).drain()
    await Relay(office.store, office.core).drain()
    assert (await audit.verify(office.core, office.store)).is_good


async def test_delivered_words_are_kept_for_seven_days(office: Office, clock: HandClock) -> None:
    relay = Relay(office.store, office.core, clock=clock)
    await relay.drain()
    count = partial(_count, table="outbox")
    before = await office.store.read_alone(count)
    clock.now += KEPT_MS - 1
    await relay._forget()
    assert await office.store.read_alone(count) == before
    clock.now += 3_600_000
    await relay._forget()
    assert await office.store.read_alone(count) == 0


def _count(plain: sqlite3.Connection, table: str) -> int:
    return int(plain.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a name of this file


FORBIDDEN = [
    ("UPDATE audit_logs SET kind = 'x' WHERE position = 3", "a change"),
    ("DELETE FROM audit_logs WHERE position = 3", "a removal"),
    ("DELETE FROM audit_logs", "a removal of everything"),
    ("INSERT OR REPLACE INTO audit_logs SELECT * FROM audit_logs WHERE position = 3", "a replacement in place"),
    (
        "INSERT OR REPLACE INTO audit_logs SELECT (SELECT max(position) + 1 FROM audit_logs), source_key, at, actor_id,"
        " kind, cause, payload, (SELECT hash FROM audit_logs ORDER BY position DESC LIMIT 1), hash"
        " FROM audit_logs WHERE position = 3",
        "a replacement that moves an entry to the end",
    ),
    (
        "INSERT INTO audit_logs SELECT position + 1000, source_key || 'x', at, actor_id, kind, cause, payload,"
        " previous_hash, hash FROM audit_logs WHERE position = 3",
        "an entry behind a hole",
    ),
    (
        "INSERT INTO audit_logs SELECT (SELECT max(position) + 1 FROM audit_logs), 'new', at, actor_id, kind, cause,"
        " payload, previous_hash, hash FROM audit_logs WHERE position = 3",
        "an entry that follows another one than the last",
    ),
]


@pytest.mark.parametrize("sql", [pytest.param(sql, id=why) for sql, why in FORBIDDEN])
async def test_the_database_refuses(office: Office, sql: str) -> None:
    await Relay(office.store, office.core).drain()
    before = await office.core.read_alone(links)
    with pytest.raises(Unstorable, match="only grows"):
        await office.core.write_alone(lambda plain: plain.execute(sql).rowcount)
    assert await office.core.read_alone(links) == before


TAMPERED = [
    ("UPDATE audit_logs SET payload = replace(payload, '{', '{\"x\":1,') WHERE position = 3", 3, "another payload"),
    ("UPDATE audit_logs SET payload = 'no json' WHERE position = 3", 3, "a payload that is no JSON"),
    ("UPDATE audit_logs SET actor_id = 'somebody' WHERE position = 4", 4, "another actor"),
    ("UPDATE audit_logs SET at = at + 1 WHERE position = 2", 2, "another time"),
    ("UPDATE audit_logs SET cause = 'x' WHERE position = 5", 5, "another cause"),
    ("UPDATE audit_logs SET source_key = 'x' WHERE position = 5", 5, "another identity"),
    ("DELETE FROM audit_logs WHERE position = 1", 1, "the first removed"),
    ("DELETE FROM audit_logs WHERE position = 4", 4, "one removed"),
    ("UPDATE audit_logs SET position = -position WHERE position = 4", 4, "one moved"),
    ("UPDATE audit_logs SET hash = upper(hash) WHERE position = 6", 6, "another hash"),
]


@pytest.mark.parametrize(("sql", "position", "why"), TAMPERED)
async def test_tampering_behind_the_triggers_shows_where(
    office: Office, folder: Path, sql: str, position: int, why: str
) -> None:
    await Relay(office.store, office.core).drain()
    _tamper(folder, lambda plain: plain.execute(sql))
    assert (await audit.verify(office.core, office.store)).bad_position == position, why


async def test_a_chain_cut_off_at_its_end_shows_by_the_edits_without_entry(office: Office, folder: Path) -> None:
    ids = await work(office)
    await Relay(office.store, office.core).drain()
    _tamper(folder, lambda plain: plain.execute("DELETE FROM audit_logs WHERE source_key = ?", (ids[-1],)))
    verdict = await audit.verify(office.core, office.store)
    assert (verdict.is_good, verdict.missing, verdict.missing_count) == (False, (ids[-1],), 1)


def _tamper(folder: Path, damage: Callable[[sqlite3.Connection], object]) -> None:
    with closing(sqlite3.connect(folder / "core.db")) as plain:
        for (name,) in plain.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            plain.execute(f"DROP TRIGGER {name}")
        damage(plain)
        plain.commit()


def test_an_entry_says_who_did_what_and_why() -> None:
    payload = {"mutation_id": "m1", "user_id": "u1", "name": "item.start", "received_at": 7}
    entry = audit.entry_of(Undelivered(1, "audit", "m1", payload, 9))
    assert entry[:5] == ("m1", 7, "u1", "item.start", "m1")
    office = audit.entry_of(Undelivered(2, "audit", "a1/0", {"act_id": "a1", "user_id": None, "name": "sector.put"}, 9))
    assert office[:5] == ("a1/0", 9, None, "sector.put", "a1")
