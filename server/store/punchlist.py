"""The punch list on SQLite: the engine's store port, and the few things the server asks beyond it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from server.clock import clock_ms
from server.ids import new_id
from server.store.connections import Connection, open_connection
from server.store.punchlist_load import load
from server.store.punchlist_pages import page
from server.store.punchlist_write import write
from server.store.readers import Readers, Reading
from server.store.writer import Turn, Writer
from sync.changes import Key, Plan, ScopePage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

Result = TypeVar("Result")

GROUP_MAX: Final = 16
"""Pushes that may share one commit, where nothing else is said."""


class Transaction:
    """One push's turn at the writer; see `sync.changes.PushTransaction`."""

    def __init__(self, turn: Turn, clock: Callable[[], int]) -> None:
        self._turn = turn
        self._clock = clock

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        return await self._turn.run(partial(load, keys=tuple(keys)))

    async def write(self, plan: Plan) -> None:
        await self._turn.run(partial(write, plan=plan, now=self._clock()))

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run SQL of the store's own in this transaction."""
        return await self._turn.run(work)

    async def commit(self) -> None:
        await self._turn.commit()

    async def rollback(self) -> None:
        await self._turn.rollback()


class Snapshot:
    """One consistent read; see `sync.changes.PullSnapshot`."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        return await self._reading.run(partial(load, keys=tuple(keys)))

    async def epoch(self) -> str:
        return str(await self._reading.run(_epoch))

    async def project_of(self, user_id: str) -> str | None:
        return await self._reading.run(partial(_project_of, user_id=user_id))

    async def sectors(self, project_id: str) -> Sequence[str]:
        return await self._reading.run(partial(_sectors, project_id=project_id))

    async def page(self, scope: str, after: int, limit: int) -> ScopePage:
        return await self._reading.run(partial(page, scope=scope, after=after, limit=limit))

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run SQL of the store's own in this snapshot."""
        return await self._reading.run(work)

    async def close(self) -> None:
        await self._reading.close()


class PunchlistStore:
    """The store of the database `punchlist`. One process holds one; another process may write beside it."""

    def __init__(self, connection: Connection, readers: Readers, group_max: int, clock: Callable[[], int]) -> None:
        self._connection = connection
        self._readers = readers
        self._writer = Writer(connection, group_max)
        self._clock = clock

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        readers: int = 3,
        group_max: int = GROUP_MAX,
        busy_timeout_ms: int = 5000,
        clock: Callable[[], int] = clock_ms,
    ) -> PunchlistStore:
        """Open the migrated database file; `clock` gives ms since 1970 UTC."""
        connection = await open_connection(path, busy_timeout_ms)
        await connection.run(_ensure_epoch)
        return cls(connection, await Readers.open(path, readers, busy_timeout_ms), group_max, clock)

    async def begin(self, scopes: Iterable[str]) -> Transaction:  # noqa: ARG002 - one write lock covers all scopes
        return Transaction(await self._writer.begin(), self._clock)

    async def snapshot(self) -> Snapshot:
        return Snapshot(await self._readers.begin())

    async def write_alone(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` in a transaction of its own; returns when it is durable, also if the caller is cancelled."""
        return await self._writer.write_alone(work)

    async def read_alone(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` in a snapshot of its own."""
        reading = await self._readers.begin()
        try:
            return await reading.run(work)
        finally:
            await reading.close()

    @property
    def trouble(self) -> str:
        """Why the last write did not get through (a full disk, another process); "" since one did."""
        return self._writer.trouble

    @property
    def is_in_place(self) -> bool:
        """Whether the file that is open still stands at its path."""
        return self._connection.is_in_place()

    async def close(self) -> None:
        """Let begun pushes end, then close every connection."""
        await self._writer.close()
        await self._connection.close()
        await self._readers.close()


def _ensure_epoch(plain: sqlite3.Connection) -> None:
    """A new database starts its first epoch; only a restore starts another."""
    plain.execute("INSERT INTO meta (name, value) VALUES ('epoch', ?) ON CONFLICT (name) DO NOTHING", (new_id(),))


def _epoch(plain: sqlite3.Connection) -> str:
    return str(plain.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0])


def _project_of(plain: sqlite3.Connection, user_id: str) -> str | None:
    """One project a server: whoever has a membership has it in that project."""
    sql = """
        SELECT id FROM projects WHERE is_deleted = 0
        AND EXISTS (SELECT 1 FROM memberships WHERE user_id = ? AND is_deleted = 0) ORDER BY id LIMIT 1"""
    row = plain.execute(sql, (user_id,)).fetchone()
    return str(row[0]) if row else None


def _sectors(plain: sqlite3.Connection, project_id: str) -> list[str]:
    sql = "SELECT id FROM sectors WHERE project_id = ? AND is_deleted = 0 ORDER BY code, id"
    return [row[0] for row in plain.execute(sql, (project_id,))]
