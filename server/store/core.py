"""The open database `core`: whole transactions as functions, run in the connection's own thread."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from server.store.connections import Connection, open_connection
from server.store.readers import Readers
from server.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Result = TypeVar("Result")

Transaction: TypeAlias = sqlite3.Connection
"""What a function that makes a transaction is handed, and hands on to the functions that know SQL."""

GROUP_MAX: Final = 64
"""Transactions that may share one write to the disk."""


class Core:
    """Reads and writes `core`. What was written is durable on return; raises `Unstorable` or `Unavailable` alone."""

    def __init__(self, connection: Connection, readers: Readers) -> None:
        self._connection = connection
        self._writer = Writer(connection, GROUP_MAX)
        self._readers = readers

    @classmethod
    async def open(cls, path: Path, busy_timeout_ms: int = 5000, readers: int = 2) -> Core:
        """Open the migrated database at `path`."""
        connection = await open_connection(path, busy_timeout_ms)
        return cls(connection, await Readers.open(path, readers, busy_timeout_ms))

    async def write_alone(self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` as one transaction: all of it or, when it raises, nothing. Goes on if the caller is cancelled."""
        return await self._writer.write_alone(work)

    async def read_alone(self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` on one consistent state of the database."""
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
        """Let running transactions end, then close every connection."""
        await self._writer.close()
        await self._readers.close()
        await self._connection.close()
