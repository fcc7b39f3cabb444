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

    from server.store.postgres.lines import Asked, Line
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

    def of(self, records: Records) -> Asked:
        """The statement that writes them."""
        return self._sql, (json_text([dict(zip(self._columns, record, strict=True)) for record in records]),)


def _type(table: str, column: str) -> str:
    kind = Punchlist.metadata.tables[table].columns[column].type
    return "text" if isinstance(kind, Text) else kind.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]


def _upsert(table: str, key: Sequence[str], values: Sequence[str], condition: str = "") -> _Insert:
    news = ", ".join(f"{name} = excluded.{name}" for name in values)
    return _Insert(table, [*key, *values], f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {news} {condition}")


_ROWS: Final = {name: _upsert(name, ["id"], columns_of(entity)) for name, entity in ENTITIES.items()}
_CHANGES: Final = _upsert("changes", ["scope", "entity", "id"], ["number", "is_gone"])
# Numbers only rise: should two have been given the same one, the second is sent back (15).
_CLOCKS: Final = _upsert(
    "scope_clocks", ["scope"], ["number"], "WHERE scope_clocks.number < excluded.number RETURNING scope"
)
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
    clocks = list(plan.clocks.items())
    asked = [insert.of(records) for insert, records in ((_CLOCKS, clocks), *_others(plan, now)) if records]
    came = await line.run_all(asked) if asked else []
    if clocks and len(came[0]) < len(clocks):
        raise Moved(plan.clocks)


def _others(plan: Plan, now: int) -> list[tuple[_Insert, Records]]:
    """What is written beside the clocks."""
    return [
        *_rows(plan.rows.values()),
        (_CHANGES, [(c.scope, c.entity, c.id, c.number, int(c.is_gone)) for c in plan.changes.values()]),
        (_COUNTERS, list(plan.counters.items())),
        (_CLIENTS, [(c.id, c.user_id, c.last_n, int(c.is_revoked), now) for c in plan.clients.values()]),
        (
            _RECEIPTS,
            [(r.mutation_id, r.user_id, r.client, r.n, r.content_hash, r.body, r.received_at) for r in plan.receipts],
        ),
        (_AUDITS, _words(plan, "audit", now)),
        # A job told again is the same job; a poke is no record: rung again under the same name it is the same poke.
        (_JOBS, _words(plan, "job", now)),
        (_POKES, list({word[1]: word for word in _words(plan, "poke", now)}.values())),
    ]


def _words(plan: Plan, kind: str, now: int) -> list[tuple[str, str, str, int]]:
    return [(word.kind, word.key, json_text(word.payload), now) for word in plan.outbox if word.kind == kind]


def _rows(rows: Iterable[Row]) -> list[tuple[_Insert, Records]]:
    records: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for row in rows:
        records[row.entity].append(record_of(row))
    return [(_ROWS[entity], values) for entity, values in records.items()]
