"""The punch list on PostgreSQL: the engine's store port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from server.clock import clock_ms
from server.ids import new_id
from server.store.postgres.lines import Limits, Line, Lines, translated
from server.store.postgres.load import load
from server.store.postgres.locks import Locks
from server.store.postgres.pages import page
from server.store.postgres.write import write
from sync.changes import Key, Moved, Plan, ScopePage, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence


class Transaction:
    """One push's transaction; see `sync.changes.PushTransaction`."""

    def __init__(self, line: Line, locks: Locks, clock: Callable[[], int]) -> None:
        self._line = line
        self._locks = locks
        self._clock = clock
        self._is_sound = True

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        wanted = tuple(keys)
        async with self._watched():
            await self._locks.cover(wanted)
            return await load(self._line, wanted)

    async def write(self, plan: Plan) -> None:
        async with self._watched():
            await self._locks.cover(Key("clock", (scope,)) for scope in plan.clocks)
            await write(self._line, plan, self._clock())

    async def commit(self) -> None:
        async with self._watched():
            await self._line.commit()
        await self._line.give_back()

    async def rollback(self) -> None:
        """Undo what was written. What was read is durable: PostgreSQL shows no commit before it is."""
        await self._line.give_back()

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """After a raise only `rollback` may follow, also where the database would let more through."""
        if not self._is_sound:
            raise Unavailable("the transaction has failed")
        try:
            yield
        except Moved as moved:
            self._is_sound = False
            if self._locks.is_alone:  # Nobody waits to be told what to begin with.
                raise Unavailable(str(moved)) from moved
            raise
        except Exception as error:
            self._is_sound = False
            raise translated(error) from error


class Snapshot:
    """One consistent read; see `sync.changes.PullSnapshot`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        return await load(self._line, keys)

    async def epoch(self) -> str:
        return str((await self._line.run("SELECT value FROM meta WHERE name = 'epoch'"))[0][0])

    async def project_of(self, user_id: str) -> str | None:
        """One project a server: whoever has a membership has it in that project."""
        sql = """
            SELECT id FROM projects WHERE is_deleted = 0
            AND EXISTS (SELECT 1 FROM memberships WHERE user_id = %s AND is_deleted = 0)
            ORDER BY id COLLATE "C" LIMIT 1"""
        found = await self._line.run(sql, (user_id,))
        return str(found[0][0]) if found else None

    async def sectors(self, project_id: str) -> Sequence[str]:
        sql = """
            SELECT id FROM sectors WHERE project_id = %s AND is_deleted = 0
            ORDER BY code COLLATE "C", id COLLATE "C" """
        return [sector_id for (sector_id,) in await self._line.run(sql, (project_id,))]

    async def page(self, scope: str, after: int, limit: int) -> ScopePage:
        return await page(self._line, scope, after, limit)

    async def close(self) -> None:
        await self._line.give_back()


class PunchlistStore:
    """The store of the database `punchlist`. Any number of processes may have one each on the same database."""

    def __init__(self, lines: Lines, clock: Callable[[], int]) -> None:
        self._lines = lines
        self._clock = clock

    @classmethod
    async def open(
        cls, address: str, *, limits: Limits | None = None, clock: Callable[[], int] = clock_ms
    ) -> PunchlistStore:
        """Open the migrated database at `address` (a libpq connection string or URL); `clock` gives ms since 1970 UTC.

        Raises `Unavailable` where nobody answers, and where the database does not hold every text that JSON does.
        """
        lines = Lines(address, limits or Limits())
        await lines.open()
        store = cls(lines, clock)
        try:
            await store._prepare()
        except BaseException:
            await lines.close()
            raise
        return store

    async def begin(self, scopes: Iterable[str]) -> Transaction:
        line = await self._lines.lend()
        locks = Locks(line, scopes)
        try:
            await locks.begin()
        except BaseException:
            await line.give_back()
            raise
        return Transaction(line, locks, self._clock)

    async def snapshot(self) -> Snapshot:
        line = await self._lines.lend()
        try:
            await line.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        except BaseException:
            await line.give_back()
            raise
        return Snapshot(line)

    async def close(self) -> None:
        """Close every connection."""
        await self._lines.close()

    async def _prepare(self) -> None:
        """A new database starts its first epoch; only a restore starts another."""
        line = await self._lines.lend()
        try:
            encoding = (await line.run("SHOW server_encoding"))[0][0]
            if encoding != "UTF8":
                raise Unavailable(f"the database is in {encoding}; make it with ENCODING 'UTF8'")
            sql = "INSERT INTO meta (name, value) VALUES ('epoch', %s) ON CONFLICT (name) DO NOTHING"
            await line.run(sql, (new_id(),))
        finally:
            await line.give_back()
