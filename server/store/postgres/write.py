"""Writes the plan of one push, set-wise: one statement for each table it touches, its records as one JSON text."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

from server.store.punchlist_tables import Punchlist
from server.store.records import columns_of, json_text, record_of
from sync.changes import Moved
from sync.schema import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from server.store.postgres.lines import Line
    from sync.changes import Plan, Row

    Records = Sequence[Sequence[Any]]


class _Insert:
    """An INSERT of many records, with what to do about those that are there already."""

    def __init__(self, table: str, columns: Sequence[str], conflict: str = "") -> None:
        self._columns = columns
        types = ", ".join(f"{name} {_type(table, name)}" for name in columns)
        names = ", ".join(columns)
        self._sql = f"""
            INSERT INTO {table} ({names}) SELECT {names} FROM json_to_recordset(%s) AS new ({types}) {conflict}"""

    async def run(self, line: Line, records: Records, returning: str = "") -> list[tuple[Any, ...]]:
        """Write them; values must fit their columns exactly."""
        if not records:
            return []
        named = json_text([dict(zip(self._columns, record, strict=True)) for record in records])
        return await line.run(self._sql + returning, (named,))


def _type(table: str, column: str) -> str:
    kind = Punchlist.metadata.tables[table].columns[column].type
    return "text" if isinstance(kind, Text) else kind.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]


def _upsert(table: str, key: Sequence[str], values: Sequence[str], condition: str = "") -> _Insert:
    news = ", ".join(f"{name} = excluded.{name}" for name in values)
    return _Insert(table, [*key, *values], f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {news} {condition}")


_ROWS: Final = {name: _upsert(name, ["id"], columns_of(entity)) for name, entity in ENTITIES.items()}
_CHANGES: Final = _upsert("changes", ["scope", "entity", "id"], ["number", "is_gone"])
# Numbers only rise: should two have been given the same one, the second is sent back (15).
_CLOCKS: Final = _upsert("scope_clocks", ["scope"], ["number"], "WHERE scope_clocks.number < excluded.number")
_COUNTERS: Final = _upsert("counters", ["project_id"], ["number"])
_CLIENTS: Final = _upsert("clients", ["id"], ["user_id", "last_n", "is_revoked", "seen_at"])
_RECEIPTS: Final = _Insert("receipts", ["mutation_id", "user_id", "client", "n", "content_hash", "body", "received_at"])
_WORD: Final = ["kind", "key", "payload", "created_at"]
_AUDITS: Final = _Insert("outbox", _WORD)
_JOBS: Final = _Insert("outbox", _WORD, "ON CONFLICT (kind, key) DO NOTHING")
_POKES: Final = _Insert(
    "outbox",
    _WORD,
    """ON CONFLICT (kind, key) DO UPDATE
    SET payload = excluded.payload, created_at = excluded.created_at, delivered_at = NULL""",
)


async def write(line: Line, plan: Plan, now: int) -> None:
    """Write everything in the plan; `now` (ms since 1970 UTC) is when outbox rows are made and clients were seen."""
    await _write_rows(line, plan.rows.values())
    await _CHANGES.run(line, [(c.scope, c.entity, c.id, c.number, int(c.is_gone)) for c in plan.changes.values()])
    await _write_clocks(line, plan)
    await _COUNTERS.run(line, list(plan.counters.items()))
    await _CLIENTS.run(line, [(c.id, c.user_id, c.last_n, int(c.is_revoked), now) for c in plan.clients.values()])
    receipts = [(r.mutation_id, r.user_id, r.client, r.n, r.content_hash, r.body, r.received_at) for r in plan.receipts]
    await _RECEIPTS.run(line, receipts)
    await _AUDITS.run(line, _words(plan, "audit", now))
    # A job told again is the same job; a poke is no record: rung again under the same name it is the same poke.
    await _JOBS.run(line, _words(plan, "job", now))
    await _POKES.run(line, list({word[1]: word for word in _words(plan, "poke", now)}.values()))


async def _write_clocks(line: Line, plan: Plan) -> None:
    written = await _CLOCKS.run(line, list(plan.clocks.items()), " RETURNING scope")
    if len(written) < len(plan.clocks):
        raise Moved(plan.clocks)


def _words(plan: Plan, kind: str, now: int) -> list[tuple[str, str, str, int]]:
    return [(word.kind, word.key, json_text(word.payload), now) for word in plan.outbox if word.kind == kind]


async def _write_rows(line: Line, rows: Iterable[Row]) -> None:
    records: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for row in rows:
        records[row.entity].append(record_of(row))
    for entity, values in records.items():
        await _ROWS[entity].run(line, values)
