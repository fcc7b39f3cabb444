"""The one writer of a SQLite database, with group commit: pushes that wait for each other share one write to the disk.

    turn asked ─▶ BEGIN IMMEDIATE ─▶ SAVEPOINT ─▶ granted: the push loads, plans, writes
                        ▲               ▲                        │ keep: RELEASE, or drop: ROLLBACK TO
                        │               └── others wait ─────────┤
                        │                                       nobody waits, or the group is full
                        └─────────────────── COMMIT ◀────────────┘
                                               └─▶ every kept turn is durable, none earlier (invariant 1)

One task owns the connection. Whoever asked may be cancelled at any await: the task goes on, and a turn that nobody
ends is dropped after `TURN_LIMIT_S`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from server.store.connections import translated
from sync.changes import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.store.connections import Connection

Result = TypeVar("Result")

TURN_LIMIT_S: Final = 30.0
"""Seconds a turn may take between granted and ended; then it is dropped."""


class Turn:
    """One push's share of a group. Raises `Unstorable` or `Unavailable` and nothing else."""

    def __init__(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        self._connection = connection
        self._is_broken = False
        self.granted: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[bool] = loop.create_future()
        self.durable: asyncio.Future[None] = loop.create_future()

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` inside the turn's savepoint. `work` must be through with the connection when it returns."""
        if self.ended.done() or self._is_broken:
            raise Unavailable("the turn is over")
        try:
            return await self._connection.run(work)
        except Exception as error:
            # After some errors (disk full) SQLite undoes the whole transaction by itself; a further statement would
            # then commit on its own.
            self._is_broken = True
            found = translated(error)
            if isinstance(found, Unavailable):
                self._connection.trouble = str(found)
            raise found from error

    async def commit(self) -> None:
        """Keep what the turn wrote; returns when it would survive a power cut."""
        if self._is_broken:
            await self.rollback()
            raise Unavailable("after an error a turn can only be undone")
        self._end(is_kept=True)
        await asyncio.shield(self.durable)

    async def rollback(self) -> None:
        """Undo what the turn wrote and let the next one in; once the turn is over, this does nothing.

        Returns when what the turn *read* is durable, and raises `Unavailable` when it will never be: earlier turns of
        the group are not committed yet, and an answer made from them would acknowledge them too soon (invariant 1).
        """
        if not self.ended.done():
            self._end(is_kept=False)
            await asyncio.shield(self.durable)

    def forsake(self) -> None:
        """Nobody waits for this turn any more."""
        self._end(is_kept=False)

    def _end(self, *, is_kept: bool) -> None:
        if not self.ended.done():
            self.ended.set_result(is_kept)
        elif is_kept and not self.ended.result():
            raise Unavailable("the turn was dropped")

    def settle(self) -> None:
        """The group is on the disk; a turn that was dropped before stays failed."""
        if not self.durable.done():
            self.durable.set_result(None)

    def fail(self, error: BaseException) -> None:
        """Tell whoever waits for this turn, at whatever point, that it came to nothing."""
        reason = error if isinstance(error, Unavailable) else Unavailable(str(error))
        if not self.ended.done():
            self.ended.set_result(False)
        for future in (self.granted, self.durable):
            if not future.done():
                future.set_exception(reason)
                future.exception()  # Seen: nobody may be left to await it.


class Writer:
    """Hands out turns in the order they were asked for."""

    def __init__(self, connection: Connection, group_max: int) -> None:
        self._connection = connection
        self._group_max = group_max
        self._asked: asyncio.Queue[Turn | None] = asyncio.Queue()
        self._alone: set[asyncio.Task[object]] = set()
        self._task = asyncio.create_task(self._serve(), name="sqlite writer")

    @property
    def trouble(self) -> str:
        """Why the last write did not get through; "" since one did."""
        return self._connection.trouble

    async def begin(self) -> Turn:
        """Wait for the database's write lock; returns a turn that must be ended by `commit` or `rollback`."""
        if self._task.done():
            raise Unavailable("the store is closed")
        turn = Turn(self._connection)
        self._asked.put_nowait(turn)
        try:
            await turn.granted
        except asyncio.CancelledError:
            turn.forsake()
            raise
        return turn

    async def write_alone(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` in a turn of its own; returns when it is durable. Goes on when the caller is cancelled."""
        task = asyncio.ensure_future(self._write_alone(work))
        self._alone.add(task)
        task.add_done_callback(self._alone.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Let the turns already asked for end, then stop. The connection stays open."""
        await asyncio.gather(*self._alone, return_exceptions=True)
        if not self._task.done():
            self._asked.put_nowait(None)
            await self._task

    async def _write_alone(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        turn = await self.begin()
        try:
            result = await turn.run(work)
        except BaseException:
            await turn.rollback()
            raise
        await turn.commit()
        return result

    async def _serve(self) -> None:
        while (turn := await self._asked.get()) is not None:
            await self._group(turn)

    async def _group(self, turn: Turn) -> None:
        taken: list[Turn] = []
        try:
            await self._connection.run(_begin)
            is_anything_kept = await self._take_turns(turn, taken)
            await self._connection.run(_commit if is_anything_kept else _undo)
        except Exception as error:  # noqa: BLE001 - whatever it was, everybody in the group must hear it
            self._connection.trouble = str(error)
            await self._fail([turn, *taken], error)
        else:
            if is_anything_kept:
                self._connection.trouble = ""
            for each in taken:
                each.settle()

    async def _take_turns(self, turn: Turn, taken: list[Turn]) -> bool:
        """Run turns one after another while others wait; the first one given is `turn`. Whether any is to be kept."""
        following: Turn | None = turn
        is_anything_kept = False
        while following is not None:
            if not following.ended.done():  # Else cancelled while it waited.
                taken.append(following)
                is_anything_kept |= await self._is_kept(following)
            following = self._next() if len(taken) < self._group_max else None
        return is_anything_kept

    def _next(self) -> Turn | None:
        if self._asked.empty():
            return None
        turn = self._asked.get_nowait()
        if turn is None:  # Closing: the group ends first.
            self._asked.put_nowait(None)
        return turn

    async def _is_kept(self, turn: Turn) -> bool:
        await self._connection.run(_savepoint)
        if not turn.granted.done():  # Cancelled just now: then it is ended, too.
            turn.granted.set_result(None)
        is_kept = await self._ended(turn)
        await self._connection.run(_release if is_kept else _roll_back_to)
        return is_kept

    async def _ended(self, turn: Turn) -> bool:
        limit = asyncio.get_running_loop().call_later(TURN_LIMIT_S, turn.fail, Unavailable("the push took too long"))
        try:
            return await turn.ended
        finally:
            limit.cancel()

    async def _fail(self, turns: list[Turn], error: BaseException) -> None:
        for each in turns:
            each.fail(error)
        await self._connection.run(_undo)


def _begin(plain: sqlite3.Connection) -> None:
    plain.execute("BEGIN IMMEDIATE")


def _savepoint(plain: sqlite3.Connection) -> None:
    plain.execute("SAVEPOINT turn")


def _release(plain: sqlite3.Connection) -> None:
    plain.execute("RELEASE turn")


def _roll_back_to(plain: sqlite3.Connection) -> None:
    plain.execute("ROLLBACK TO turn")
    plain.execute("RELEASE turn")


def _commit(plain: sqlite3.Connection) -> None:
    plain.execute("COMMIT")


def _undo(plain: sqlite3.Connection) -> None:
    if plain.in_transaction:
        with suppress(sqlite3.Error):  # What is still open then makes the next BEGIN fail, and that is told.
            plain.execute("ROLLBACK")
