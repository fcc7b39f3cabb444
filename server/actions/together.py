"""Several pushes and office changes in one transaction: all of them or none."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from sync.changes import Key, Plan, PullSnapshot, PushTransaction, Store


class Torn(Exception):
    """A part wanted to be undone after it had written: then all of it has to be."""


class Together:
    """A store whose transactions are parts of one that is open already."""

    def __init__(self, whole: PushTransaction) -> None:
        self.whole = whole
        self.is_torn = False

    async def begin(self, scopes: Iterable[str]) -> PushTransaction:  # noqa: ARG002 - the whole holds the lock
        if self.is_torn:
            raise Torn
        return _Part(self)

    async def snapshot(self) -> PullSnapshot:
        """Nothing is pulled in the middle of a transaction."""
        raise NotImplementedError


class _Part:
    """One push's view of the whole; its commit only means that it is through."""

    def __init__(self, together: Together) -> None:
        self._together = together
        self._has_written = False

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        return await self._together.whole.load(keys)

    async def write(self, plan: Plan) -> None:
        self._has_written = True
        await self._together.whole.write(plan)

    async def commit(self) -> None:
        """The whole commits at its end."""

    async def rollback(self) -> None:
        """What has not written has nothing to undo."""
        self._together.is_torn = self._together.is_torn or self._has_written


@asynccontextmanager
async def together(store: Store) -> AsyncIterator[Together]:
    """Open the one transaction; it commits at the end of the block, and anything raised in it undoes everything."""
    whole = await store.begin(())
    try:
        parts = Together(whole)
        yield parts
        if parts.is_torn:
            raise Torn
    except BaseException:
        await whole.rollback()
        raise
    await whole.commit()
