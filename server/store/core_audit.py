"""SQL of the audit chain: entries that wait for the sealer, and the links it has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from sync.audit import Entry, Link

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from sync.changes import Document


_ENTRY = "source_key, at, actor_id, kind, cause, payload"


def add_pending(plain: sqlite3.Connection, entry: Entry) -> None:
    """Write an entry in the transaction of its cause; the sealer takes it from there."""
    marks = "(?, ?, ?, ?, ?, ?)"
    plain.execute(f"INSERT INTO audit_pending ({_ENTRY}) VALUES {marks}", _values(entry))


def pending(plain: sqlite3.Connection, limit: int) -> list[Entry]:
    """The oldest entries that wait."""
    rows = plain.execute(f"SELECT {_ENTRY} FROM audit_pending ORDER BY id LIMIT ?", (limit,))
    return [_entry(row) for row in rows]


def remove_pending(plain: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Forget waiting entries that are sealed."""
    plain.executemany("DELETE FROM audit_pending WHERE source_key = ?", [(entry.source_key,) for entry in entries])


def waiting(plain: sqlite3.Connection) -> tuple[int, int | None]:
    """How many entries wait in this database, and when the oldest was written (ms since 1970 UTC)."""
    count, oldest = plain.execute("SELECT count(*), min(at) FROM audit_pending").fetchone()
    return count, oldest


def tail(plain: sqlite3.Connection) -> tuple[int, str]:
    """Position and hash of the last link; (0, "") for an empty chain."""
    row = plain.execute("SELECT position, hash FROM audit_logs ORDER BY position DESC LIMIT 1").fetchone()
    return (row[0], row[1]) if row else (0, "")


def sealed_among(plain: sqlite3.Connection, source_keys: list[str]) -> set[str]:
    """Which of these keys are in the chain already."""
    sql = "SELECT source_key FROM audit_logs WHERE source_key IN (SELECT value FROM json_each(?))"
    return {row[0] for row in plain.execute(sql, (orjson.dumps(source_keys).decode(),))}


def append(plain: sqlite3.Connection, links: Iterable[Link]) -> None:
    """Write links behind the last one; triggers refuse any other place."""
    sql = f"INSERT INTO audit_logs (position, {_ENTRY}, previous_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    rows = [(link.position, *_values(link.entry), link.previous_hash, link.hash) for link in links]
    plain.executemany(sql, rows)


def chain(plain: sqlite3.Connection, after: int = 0, limit: int = -1) -> Iterator[Link]:
    """The links behind position `after`, in order; a payload that is not JSON comes as `{"unreadable": text}`."""
    sql = f"SELECT position, {_ENTRY}, previous_hash, hash FROM audit_logs WHERE position > ? ORDER BY position LIMIT ?"
    for position, *entry, previous_hash, digest in plain.execute(sql, (after, limit)):
        yield Link(position, _entry(entry), previous_hash, digest)


def _values(entry: Entry) -> tuple[object, ...]:
    payload = orjson.dumps(entry.payload, option=orjson.OPT_SORT_KEYS).decode()
    return (entry.source_key, entry.at, entry.actor_id, entry.kind, entry.cause, payload)


def _entry(row: list[object]) -> Entry:
    source_key, at, actor_id, kind, cause, payload = row
    return Entry(source_key, at, actor_id, kind, cause, _document(payload))  # type: ignore[arg-type]


def _document(payload: object) -> Document:
    try:
        document: Document = orjson.loads(str(payload))
    except orjson.JSONDecodeError:
        return {"unreadable": payload}
    return document
