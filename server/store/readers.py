"""A few read-only connections, each lent for one consistent read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from server.store.connections import Connection, open_connection, translated
from sync.changes import Unavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

Result = TypeVar("Result")


class Reading:
    """One consistent read: everything run in it sees the database as of its first statement."""

    def __init__(self, pool: Readers, connection: Connection) -> None:
        self._pool = pool
        self._connection: Connection | None = connection
        self._is_begun = False

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` in the snapshot. Raises `Unstorable` or `Unavailable`."""
        if self._connection is None:
            raise Unavailable("the snapshot is closed")
        begin, self._is_begun = not self._is_begun, True
        try:
            return await self._connection.run(lambda plain: _within(plain, work, begin=begin))
        except Exception as error:
            raise translated(error) from error

    async def close(self) -> None:
        """Give the connection back; a second call does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.take_back(connection, is_begun=self._is_begun)


class Readers:
    """Lends each of its connections to one `Reading` at a time."""

    def __init__(self, connections: list[Connection]) -> None:
        self._all = connections
        self._free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        self._ending: set[asyncio.Task[None]] = set()
        for connection in connections:
            self._free.put_nowait(connection)

    @classmethod
    async def open(cls, path: Path, count: int, busy_timeout_ms: int) -> Readers:
        """Open `count` read-only connections to the database file."""
        return cls([await open_connection(path, busy_timeout_ms, is_read_only=True) for _ in range(count)])

    async def begin(self) -> Reading:
        """Wait for a free connection; the reading must be closed."""
        return Reading(self, await self._free.get())

    def take_back(self, connection: Connection, *, is_begun: bool) -> None:
        """End the connection's transaction and lend it on. Nobody waits: not even for a read that hangs."""
        if not is_begun:
            self._free.put_nowait(connection)
            return
        ending = asyncio.ensure_future(connection.run(_end))
        self._ending.add(ending)
        ending.add_done_callback(lambda _: self._ended(ending, connection))

    async def close(self) -> None:
        """Close every connection, once its last read has ended."""
        await asyncio.gather(*self._ending)
        for connection in self._all:
            await connection.close()

    def _ended(self, ending: asyncio.Task[None], connection: Connection) -> None:
        self._ending.discard(ending)
        self._free.put_nowait(connection)


def _within(plain: sqlite3.Connection, work: Callable[[sqlite3.Connection], Result], *, begin: bool) -> Result:
    if begin:
        plain.execute("BEGIN")
    return work(plain)


def _end(plain: sqlite3.Connection) -> None:
    if plain.in_transaction:
        plain.execute("ROLLBACK")
