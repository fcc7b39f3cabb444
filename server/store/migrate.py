"""Brings a database's tables to what this code expects, and says how far a database is from it.

Each database has its own branch of revisions, in `migrations/<name>/`, and its own `alembic_version`.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from server.store.postgres import migrating
from sync.changes import Unavailable

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

FOLDER: Final = Path(__file__).resolve().parents[2] / "migrations"
"""Where the revisions stand."""

Place = Path | str
"""Where a database is: SQLite's file, or PostgreSQL's address."""

WAIT_S: Final = 30
"""Seconds a migration waits for another one."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The revisions this code knows; `head` is the one it works with."""

    head: str
    known: frozenset[str]


@dataclass(frozen=True, slots=True)
class State:
    """How a database stands to this code: `current` None is an empty one."""

    current: str | None
    head: str
    is_pending: bool
    """This code has revisions that the database has not seen."""
    is_ahead: bool
    """The database was written by newer code: its revision is not known here."""


def upgrade(name: str, place: Place) -> None:
    """Run the missing revisions of database `name`, all or none; two processes at once: the second finds it done.

    A database written by newer code is left as it is; `state` says so. Raises `Unavailable` for what is locked,
    damaged or no database.
    """
    if state(name, place).is_ahead:
        return
    if isinstance(place, Path):
        place.touch(mode=0o600)  # Its owner's alone; SQLite gives the files beside it the same mode.
    engine = _engine(place)
    try:
        with engine.begin() as connection:
            command.upgrade(_config(name, connection), "head")
    except DBAPIError as error:
        raise Unavailable(f"{place if isinstance(place, Path) else 'PostgreSQL'}: {error.orig}") from error
    finally:
        engine.dispose()


def expected(name: str) -> Expected:
    """What this code expects of database `name`; reads the revisions' files."""
    script = ScriptDirectory.from_config(_config(name))
    return Expected(str(script.get_current_head()), frozenset(each.revision for each in script.walk_revisions()))


def compare(current: str | None, wanted: Expected) -> State:
    """How a database at revision `current` stands to this code."""
    is_ahead = current is not None and current not in wanted.known
    return State(current, wanted.head, is_pending=current != wanted.head and not is_ahead, is_ahead=is_ahead)


def state(name: str, place: Place) -> State:
    """How the database stands; a file that is not there counts as empty and is not made. Raises `Unavailable`."""
    return compare(_current(place) if isinstance(place, Path) else migrating.current(place), expected(name))


def current_revision(plain: sqlite3.Connection) -> str | None:
    """The revision an open database is at; None: it has no tables of ours."""
    if not plain.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone():
        return None
    row = plain.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def differences(place: Place, metadata: MetaData) -> list[Any]:
    """What autogenerate would still change so that the database has the tables of `metadata`; empty when none."""
    engine = _engine(place)
    try:
        with engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))
    finally:
        engine.dispose()


def write_revision(name: str, path: Path, metadata: MetaData, message: str) -> None:
    """Write the next revision of database `name` from the differences; `path` is a database at the present head."""
    engine = _engine(path)
    try:
        with engine.begin() as connection:
            config = _config(name, connection, metadata)
            number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
            command.revision(config, message, autogenerate=True, rev_id=f"{name}_{number:04}")
    finally:
        engine.dispose()


def _config(name: str, connection: Connection | None = None, metadata: MetaData | None = None) -> Config:
    config = Config(attributes={"connection": connection, "metadata": metadata})
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("version_locations", str(FOLDER / name))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def _current(path: Path) -> str | None:
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=0.5)) as connection:
            return current_revision(connection)
    except sqlite3.Error as error:
        raise Unavailable(f"{path}: {error}") from error


def _to_wal(connection: DBAPIConnection) -> None:
    """Switch to write-ahead logging. Where another start is at it, SQLite says "locked" at once, without waiting."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=wal")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _engine(place: Place) -> Engine:
    """An engine whose transactions take turns: of two processes that migrate at once, the second finds it done."""
    return _sqlite_engine(place) if isinstance(place, Path) else migrating.engine(place, WAIT_S)


def _sqlite_engine(path: Path) -> Engine:
    """An engine whose transactions are SQLite's own, so that a crash amid a migration leaves nothing half done."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": WAIT_S})

    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        _to_wal(connection)
        connection.execute("PRAGMA synchronous=full")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
