"""Reads of the punch list that the office's commands need and no phone asks for. Nothing here writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from sync.schema import ENTITIES

if TYPE_CHECKING:
    import sqlite3

    from sync.changes import Document

_APPLIED: Final = "('applied', 'merged', 'conflict')"


def documents(plain: sqlite3.Connection, entity: str) -> list[Document]:
    """All documents of an entity that are not deleted, by id."""
    table = ENTITIES[entity].name
    return [orjson.loads(row[0]) for row in plain.execute(f"SELECT doc FROM {table} WHERE is_deleted = 0 ORDER BY id")]


def is_empty(plain: sqlite3.Connection) -> bool:
    """Whether nobody has put anything in this database yet."""
    return plain.execute("SELECT 1 FROM projects UNION ALL SELECT 1 FROM actors LIMIT 1").fetchone() is None


def unreadable_photos(plain: sqlite3.Connection) -> list[str]:
    """Ids of photos that are stored and that no previews could be made of."""
    sql = "SELECT id FROM photos WHERE is_deleted = 0 AND doc ->> 'preview' = 'unreadable' ORDER BY id"
    return [row[0] for row in plain.execute(sql)]


def applied_after(plain: sqlite3.Connection, after: str, limit: int) -> list[str]:
    """Ids above `after` of mutations that are in: received as such, or released after they had waited."""
    sql = f"""
        SELECT mutation_id FROM receipts WHERE mutation_id > :after AND body ->> 'outcome' IN {_APPLIED}
        UNION SELECT id FROM refusals WHERE id > :after AND doc ->> 'state' = 'applied'
        ORDER BY 1 LIMIT :limit"""
    return [row[0] for row in plain.execute(sql, {"after": after, "limit": limit})]
