"""SQLite connections, each with its own thread, set up so that an acknowledged commit survives a power cut."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Final, TypeVar

import aiosqlite

from sync.changes import Unavailable, Unstorable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Result = TypeVar("Result")

PRAGMAS: Final = {
    "journal_mode": "wal",
    # NORMAL loses acknowledged commits in a power cut; FULL none. Group commit pays for it (invariant 1).
    "synchronous": "full",
    "fullfsync": "on",
    "foreign_keys": "on",
    "trusted_schema": "off",
    "temp_store": "memory",
    "cache_size": "-16000",
    "journal_size_limit": "67108864",
}
"""What every connection is told before anything else."""

_REFUSED: Final = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    UnicodeError,
    TypeError,
)


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that also runs a whole function in its thread: one hop for many statements."""

    trouble: str = ""
    """Why the last write did not get through; "" since one did."""

    is_in_place: Callable[[], bool]
    """Whether the file that is open still stands at its path: what is written to a deleted one is lost."""

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` with the plain connection in the connection's thread.

        A cancelled caller does not stop `work`; whatever is run next waits for it, because the thread has one queue.
        """
        result: Result = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return result


async def open_connection(path: Path, busy_timeout_ms: int = 5000, *, is_read_only: bool = False) -> Connection:
    """Open the database file, made if it is not there. Transactions are begun and ended by the caller, in SQL.

    Raises `Unavailable` for what is locked, damaged or no database.
    """

    def connect() -> sqlite3.Connection:
        plain = sqlite3.connect(path, timeout=busy_timeout_ms / 1000, isolation_level=None, cached_statements=256)
        configure(plain, busy_timeout_ms, is_read_only=is_read_only)
        return plain

    connection = Connection(connect, iter_chunk_size=64)
    try:
        await connection
    except sqlite3.Error as error:
        raise Unavailable(f"{path}: {error}") from error
    connection.is_in_place = _watch(path)
    return connection


def _watch(path: Path) -> Callable[[], bool]:
    """Tells, whenever it is asked, whether the file at `path` is still the one that is there now."""
    opened = path.stat()

    def is_in_place() -> bool:
        try:
            return os.path.samestat(path.stat(), opened)
        except FileNotFoundError:
            return False

    return is_in_place


def configure(plain: sqlite3.Connection, busy_timeout_ms: int, *, is_read_only: bool = False) -> None:
    """Set the pragmas; a read-only connection refuses writes with an error."""
    plain.execute(f"PRAGMA busy_timeout={busy_timeout_ms}")
    for name, value in PRAGMAS.items():
        plain.execute(f"PRAGMA {name}={value}")
    if is_read_only:
        plain.execute("PRAGMA query_only=on")


def translated(error: BaseException) -> Unstorable | Unavailable:
    """The engine's word for what SQLite or its driver raised: try never again, or try later."""
    refused = isinstance(error, _REFUSED) or "too big" in str(error)
    return Unstorable(str(error)) if refused else Unavailable(str(error))
