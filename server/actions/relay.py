"""Carries the punch list's outbox to where each word belongs: at least once, in order, ticked off after it arrived.

    commit ─▶ ring() ─▶ run() wakes ─▶ consumers, by kind ─▶ ticked off ─▶ forgotten after 7 days
                 sweep each few seconds ─┘

A process that dies between arrival and tick delivers again; every consumer knows a word by its key.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Final

from server.actions import audit
from server.clock import clock_ms
from server.store import core_audit, outbox
from sync.changes import Unavailable, Unstorable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from server.store.core import Core
    from server.store.outbox import Undelivered
    from server.store.punchlist import PunchlistStore

    Consumer = Callable[[Sequence[Undelivered]], Awaitable[None]]

BATCH: Final = 500
"""Words carried at once."""

SWEEP_S: Final = 3.0
"""A word whose ring was lost waits at most this long."""

KEPT_MS: Final = 7 * 86_400_000
"""How long delivered words stay, so that a restored `core` can be given them again."""

FORGET_EVERY_MS: Final = 3_600_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What has not arrived yet: words in the outbox, entries not sealed, and since when (ms since 1970 UTC)."""

    undelivered: int
    unsealed: int
    oldest_at: int | None


class Relay:
    """The relay of one process; several may run at once, because arrival is idempotent."""

    def __init__(
        self,
        store: PunchlistStore,
        core: Core,
        consumers: Mapping[str, Consumer] | None = None,
        clock: Callable[[], int] = clock_ms,
    ) -> None:
        self._store = store
        self._core = core
        self._clock = clock
        self._consumers: dict[str, Consumer] = {"audit": partial(audit.seal_outbox, core), "poke": _heard}
        self._consumers.update(consumers or {})
        self._bell = asyncio.Event()
        self._forgotten_at = 0

    def ring(self) -> None:
        """Say that something may wait. Cheap, never blocks; called after each commit."""
        self._bell.set()

    async def run(self) -> None:
        """Carry for ever; ends by cancellation, between two words or in the middle of one."""
        while True:
            self._bell.clear()
            try:
                await self.drain()
                await self._forget()
            except (Unavailable, Unstorable) as error:
                # The words wait in the database; health shows their number and age until the cause is gone.
                _log.warning("the relay will try again: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), SWEEP_S)

    async def drain(self) -> int:
        """Carry everything that waits now; returns how many words and entries arrived."""
        total = await audit.seal_pending(self._core)
        while rows := await outbox.undelivered(self._store, BATCH):
            arrived = await self._deliver(rows)
            total += arrived
            if arrived < len(rows):  # A kind that nobody here takes stays, for a process that does.
                break
        return total

    async def waiting(self) -> Waiting:
        """What health shows."""
        backlog = await outbox.backlog(self._store)
        unsealed, oldest = await self._core.read_alone(core_audit.waiting)
        instants = [instant for instant in (backlog.oldest_at, oldest) if instant is not None]
        return Waiting(backlog.count, unsealed, min(instants, default=None))

    async def _deliver(self, rows: Sequence[Undelivered]) -> int:
        """Hand each kind to its consumer, then tick off; nothing is ticked off that has not arrived."""
        arrived = 0
        for kind, group in groupby(sorted(rows, key=lambda row: row.kind), key=lambda row: row.kind):
            consumer, words = self._consumers.get(kind), list(group)
            if consumer is not None:
                await consumer(words)
                await outbox.mark_delivered(self._store, [word.id for word in words], self._clock())
                arrived += len(words)
        return arrived

    async def _forget(self) -> None:
        now = self._clock()
        if now - self._forgotten_at >= FORGET_EVERY_MS:
            await outbox.forget_delivered(self._store, now - KEPT_MS)
            self._forgotten_at = now


async def _heard(_words: Sequence[Undelivered]) -> None:
    """A poke only says "come and look": whoever is not there to hear it loses nothing."""
