"""SQL of single facts about the database `core`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def fact(plain: sqlite3.Connection, name: str) -> str | None:
    """The fact of this name."""
    row = plain.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else None


def put_fact(plain: sqlite3.Connection, name: str, value: str) -> None:
    """Write a fact, in place of the one before."""
    sql = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    plain.execute(sql, (name, value))
