"""Reads and ticks off the outbox of `punchlist`: words for the other database, delivered at least once, in order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from server.store.punchlist import PunchlistStore
    from sync.changes import Document


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An outbox row that waits; instants in ms since 1970 UTC."""

    id: int
    kind: str
    key: str
    payload: Document
    created_at: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many rows wait, and since when the oldest does (None: none waits)."""

    count: int
    oldest_at: int | None


async def undelivered(store: PunchlistStore, limit: int, kind: str | None = None, after: int = 0) -> list[Undelivered]:
    """The oldest `limit` rows that wait, of one kind or all, behind row `after`, in the order their causes committed.

    A payload that is not JSON comes as `{"unreadable": text}`: one such row must not hold up the others.
    """
    return await store.read_alone(partial(_undelivered, limit=limit, kind=kind, after=after))


async def mark_delivered(store: PunchlistStore, ids: Sequence[int], now: int) -> None:
    """Tick off rows that the other database has. They stay, so that a restore can deliver them again."""
    await store.write_alone(partial(_mark_delivered, ids=ids, now=now))


async def forget_delivered(store: PunchlistStore, before: int) -> int:
    """Remove rows delivered before `before`; returns how many."""
    return await store.write_alone(partial(_forget_delivered, before=before))


async def backlog(store: PunchlistStore) -> Backlog:
    """What waits now."""
    return await store.read_alone(_backlog)


def _undelivered(plain: sqlite3.Connection, limit: int, kind: str | None, after: int) -> list[Undelivered]:
    sql = """
        SELECT id, kind, key, payload, created_at FROM outbox
        WHERE delivered_at IS NULL AND id > :after AND (kind = :kind OR :kind IS NULL) ORDER BY id LIMIT :limit"""
    rows = plain.execute(sql, {"after": after, "kind": kind, "limit": limit})
    return [
        Undelivered(id_, row_kind, key, _document(payload), created_at)
        for id_, row_kind, key, payload, created_at in rows
    ]


def _document(payload: str) -> Document:
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {"unreadable": payload}
    return document if isinstance(document, dict) else {"unreadable": payload}


def _mark_delivered(plain: sqlite3.Connection, ids: Sequence[int], now: int) -> None:
    plain.executemany("UPDATE outbox SET delivered_at = ? WHERE id = ?", [(now, id_) for id_ in ids])


def _forget_delivered(plain: sqlite3.Connection, before: int) -> int:
    return plain.execute("DELETE FROM outbox WHERE delivered_at < ?", (before,)).rowcount


def _backlog(plain: sqlite3.Connection) -> Backlog:
    sql = "SELECT count(*), min(created_at) FROM outbox WHERE delivered_at IS NULL"
    return Backlog(*plain.execute(sql).fetchone())
