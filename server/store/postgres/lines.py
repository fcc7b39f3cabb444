"""Connections to PostgreSQL that end by themselves: no statement waits for ever, not even for a frozen server."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, LiteralString, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from sync.changes import Unavailable, Unstorable

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

Result = TypeVar("Result")
Plain = psycopg.AsyncConnection[tuple[Any, ...]]
Records = list[tuple[Any, ...]]
Asked = tuple[str, "Sequence[Any]"]
"""A statement and its values."""

IDLE_LIMIT_MS: Final = 60_000
"""A transaction in which nothing happens for this long is ended by the server."""

_REFUSED: Final = (psycopg.DataError, psycopg.IntegrityError, psycopg.NotSupportedError, UnicodeError, TypeError)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in ms, and for how many connections; each wait ends in `Unavailable`."""

    connections: int = 8
    connect_ms: int = 5000
    """For a connection: one that is free, or a new one."""
    lock_ms: int = 5000
    """For what another transaction holds."""
    statement_ms: int = 15_000
    """For a statement, as the server measures it."""
    answer_ms: int = 20_000
    """For the server's word on a statement, as we measure it: a frozen server measures nothing."""

    def options(self) -> str:
        """What each connection tells the server first. Commits are durable when they are acknowledged (1)."""
        said = {
            "synchronous_commit": "on",
            "statement_timeout": self.statement_ms,
            "lock_timeout": self.lock_ms,
            "idle_in_transaction_session_timeout": IDLE_LIMIT_MS,
        }
        return " ".join(f"-c {name}={value}" for name, value in said.items())


class Line:
    """One connection, lent for one transaction. Statements run one after another; a cancelled caller stops none."""

    def __init__(self, lines: Lines, plain: Plain, limits: Limits) -> None:
        self._lines = lines
        self._plain = plain
        self._limits = limits
        self._running: asyncio.Future[Any] | None = None
        self._is_back = False

    async def run(self, sql: str, values: Sequence[Any] = ()) -> Records:
        """Run one statement and return what it gives. Raises `Unstorable` or `Unavailable`."""
        return (await self.run_all([(sql, values)]))[0]

    async def run_all(self, asked: Sequence[Asked]) -> list[Records]:
        """Run statements one after another in one round trip, until one fails. Raises `Unstorable` or `Unavailable`."""
        return await self._answered(self._execute(asked))

    async def commit(self) -> None:
        """Commit. Raises `Unavailable` where it is not certain that it is durable."""
        tag = await self._answered(self._end("COMMIT"))
        if tag != "COMMIT":
            raise Unavailable(f"the transaction ended with {tag}")

    async def give_back(self) -> None:
        """End what is open and let the next one have the connection, also when the caller is cancelled.

        A second call does nothing.
        """
        if not self._is_back:
            self._is_back = True
            await self._lines.take_back(self._plain, self._ended())

    async def _ended(self) -> None:
        if self._running is not None:
            await asyncio.wait([self._running])  # It ends: each statement has its limit.
        if self._plain.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
            with suppress(Unavailable, Unstorable):  # A connection that cannot even do that is thrown away.
                await self._answered(self._end("ROLLBACK"))

    async def _execute(self, asked: Sequence[Asked]) -> list[Records]:
        if len(asked) == 1:  # A pipeline costs more than it saves.
            cursors = [await self._send(*asked[0])]
        else:
            async with self._plain.pipeline():
                cursors = [await self._send(sql, values) for sql, values in asked]
        return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]

    async def _send(self, sql: str, values: Sequence[Any]) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        return await self._plain.execute(sql.encode(), values or None)

    async def _end(self, word: LiteralString) -> str | None:
        return (await self._plain.execute(word)).statusmessage

    async def _answered(self, work: Coroutine[Any, Any, Result]) -> Result:
        self._running = task = asyncio.ensure_future(work)
        limit = asyncio.get_running_loop().call_later(self._limits.answer_ms / 1000, self._cut)
        task.add_done_callback(lambda _: limit.cancel())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # Also heard where nobody waits.
        try:
            return await asyncio.shield(task)
        except Exception as error:
            raise translated(error) from error

    def _cut(self) -> None:
        """End the connection under a statement that got no answer: its wait sees the line closed, and raises."""
        with suppress(OSError), socket.socket(fileno=os.dup(self._plain.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


class Lines:
    """A pool of connections, each lent as a `Line`."""

    def __init__(self, address: str, limits: Limits) -> None:
        self._limits = limits
        self._returning: set[asyncio.Task[None]] = set()
        self._pool: AsyncConnectionPool[Plain] = AsyncConnectionPool(
            address,
            min_size=1,
            max_size=limits.connections,
            timeout=limits.connect_ms / 1000,
            kwargs={
                "autocommit": True,  # Transactions are begun and ended in SQL.
                "options": limits.options(),
                "connect_timeout": max(2, limits.connect_ms // 1000),
                "application_name": "holdfast",
            },
            open=False,
        )

    async def open(self) -> None:
        """Connect. Raises `Unavailable` where nobody answers in time; nothing is left open then."""
        try:
            await self._pool.open(wait=True, timeout=self._limits.connect_ms / 1000)
        except Exception as error:
            await self.close()
            raise translated(error) from error

    async def lend(self) -> Line:
        """Wait for a free connection; the line must be given back. Raises `Unavailable`."""
        try:
            plain = await self._pool.getconn()
        except Exception as error:
            raise translated(error) from error
        return Line(self, plain, self._limits)

    async def take_back(self, plain: Plain, ended: Coroutine[Any, Any, None]) -> None:
        """Lend the connection again once what is on it has ended; goes on when the caller is cancelled."""
        task = asyncio.ensure_future(self._take_back(plain, ended))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        await asyncio.shield(task)

    async def close(self) -> None:
        """Let what is on its way back arrive, then close every connection."""
        await asyncio.gather(*self._returning, return_exceptions=True)
        await self._pool.close()

    async def _take_back(self, plain: Plain, ended: Coroutine[Any, Any, None]) -> None:
        try:
            await ended
        finally:
            await self._pool.putconn(plain)


def translated(error: Exception) -> Unstorable | Unavailable:
    """The engine's word for what PostgreSQL, its driver or the pool raised: try never again, or try later."""
    if isinstance(error, Unstorable | Unavailable):
        return error
    if isinstance(error, PoolTimeout | TooManyRequests | PoolClosed):
        return Unavailable(f"no connection to PostgreSQL: {error}")
    is_refused = isinstance(error, _REFUSED) and not isinstance(error, errors.LockNotAvailable)
    return Unstorable(str(error)) if is_refused else Unavailable(str(error))
