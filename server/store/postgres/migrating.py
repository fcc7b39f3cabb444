"""What migrations need of PostgreSQL: a connection, one process at a time, and the revision a database is at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from server.store.postgres.locks import TAKE_MIGRATION
from sync.changes import Unavailable

CONNECT_S: Final = 5

if TYPE_CHECKING:
    from psycopg import Connection as Plain


def engine(address: str, wait_s: int) -> Engine:
    """An engine whose transactions wait at most `wait_s` for another process that migrates, and see what it did."""
    options = f"-c synchronous_commit=on -c lock_timeout={wait_s}s"

    def connect() -> Plain:
        return psycopg.connect(address, connect_timeout=CONNECT_S, options=options)

    made = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)

    @event.listens_for(made, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(TAKE_MIGRATION)

    return made


def current(address: str) -> str | None:
    """The revision the database is at; None: it has no tables of ours. Raises `Unavailable`."""
    try:
        with psycopg.connect(address, connect_timeout=CONNECT_S, options="-c statement_timeout=5s") as plain:
            found = plain.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
            if found is None or not found[0]:
                return None
            row = plain.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else None
    except psycopg.Error as error:
        raise Unavailable(f"PostgreSQL: {error}") from error
