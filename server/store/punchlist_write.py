"""Writes the plan of one push, set-wise: one `executemany` for each table it touches."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from server.store.records import columns_of, json_text, record_of
from sync.schema import ENTITIES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from sync.changes import Plan, Row


def _upsert(table: str, key: Sequence[str], values: Sequence[str]) -> str:
    columns = [*key, *values]
    marks = ", ".join("?" * len(columns))
    news = ", ".join(f"{name} = excluded.{name}" for name in values)
    insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    return f"{insert} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {news}"


_ROWS: Final = {name: _upsert(name, ["id"], columns_of(entity)) for name, entity in ENTITIES.items()}
_CHANGES: Final = _upsert("changes", ["scope", "entity", "id"], ["number", "is_gone"])
_CLOCKS: Final = _upsert("scope_clocks", ["scope"], ["number"])
_COUNTERS: Final = _upsert("counters", ["project_id"], ["number"])
_CLIENTS: Final = _upsert("clients", ["id"], ["user_id", "last_n", "is_revoked", "seen_at"])
_RECEIPTS: Final = """
    INSERT INTO receipts (mutation_id, user_id, client, n, content_hash, body, received_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
_OUTBOX: Final = "INSERT INTO outbox (kind, key, payload, created_at) VALUES (?, ?, ?, ?)"
_JOB: Final = f"{_OUTBOX} ON CONFLICT (kind, key) DO NOTHING"
_POKE: Final = f"""{_OUTBOX}
    ON CONFLICT (kind, key) DO UPDATE
    SET payload = excluded.payload, created_at = excluded.created_at, delivered_at = NULL"""


def write(plain: sqlite3.Connection, plan: Plan, now: int) -> None:
    """Write everything in the plan; `now` (ms since 1970 UTC) is when outbox rows are made and clients were seen."""
    _write_rows(plain, plan.rows.values())
    for sql, records in (
        (_CHANGES, [(c.scope, c.entity, c.id, c.number, int(c.is_gone)) for c in plan.changes.values()]),
        (_CLOCKS, list(plan.clocks.items())),
        (_COUNTERS, list(plan.counters.items())),
        (_CLIENTS, [(c.id, c.user_id, c.last_n, int(c.is_revoked), now) for c in plan.clients.values()]),
        (
            _RECEIPTS,
            [(r.mutation_id, r.user_id, r.client, r.n, r.content_hash, r.body, r.received_at) for r in plan.receipts],
        ),
        (_OUTBOX, _words(plan, "audit", now)),
        # A job told again is the same job; a poke is no record: rung again under the same name it is the same poke.
        (_JOB, _words(plan, "job", now)),
        (_POKE, _words(plan, "poke", now)),
    ):
        if records:
            plain.executemany(sql, records)


def _words(plan: Plan, kind: str, now: int) -> list[tuple[str, str, str, int]]:
    return [(word.kind, word.key, json_text(word.payload), now) for word in plan.outbox if word.kind == kind]


def _write_rows(plain: sqlite3.Connection, rows: Iterable[Row]) -> None:
    records: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for row in rows:
        records[row.entity].append(record_of(row))
    for entity, values in records.items():
        plain.executemany(_ROWS[entity], values)
