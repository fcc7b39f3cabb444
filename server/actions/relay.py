"""Carries the punch list's outbox to where each word belongs: at least once, in order, ticked off after it arrived.

    commit ─▶ ring() ─▶ run() wakes ─▶ consumers, by kind ─▶ ticked off ─▶ forgotten after 7 days
                 sweep each few seconds ─┘

A process that dies between arrival and tick delivers again; every consumer knows a word by its key. Each kind is a
line of its own: words that nobody here takes, or that their consumer refuses, hold up no other.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from server.actions import audit, jobs
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

JOBS_KEPT_MS: Final = KEPT_MS + 86_400_000
"""How long ended jobs stay: longer than their words, so that a word delivered again finds its job."""

FORGET_EVERY_MS: Final = 3_600_000
"""How often old words and jobs are removed, and words that were refused are tried once more."""

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
        self._consumers: dict[str, Consumer] = {
            "audit": partial(audit.seal_outbox, core),
            "job": partial(jobs.take_words, core),
            "poke": _heard,
        }
        self._consumers.update(consumers or {})
        self._refused: set[int] = set()
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
        """Carry everything that waits now; returns how many words and entries arrived.

        Where a consumer cannot take anything now, the other kinds are carried first; then its error is raised.
        """
        total, errors = await audit.seal_pending(self._core), []
        for kind, consumer in self._consumers.items():
            try:
                total += await self._carry(kind, consumer)
            except (Unavailable, OSError) as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return total

    async def waiting(self) -> Waiting:
        """What health shows."""
        backlog = await outbox.backlog(self._store)
        unsealed, oldest = await self._core.read_alone(core_audit.waiting)
        instants = [instant for instant in (backlog.oldest_at, oldest) if instant is not None]
        return Waiting(backlog.count, unsealed, min(instants, default=None))

    async def _carry(self, kind: str, consumer: Consumer) -> int:
        """Carry the words of one kind, in order; one that was refused is passed by."""
        arrived = after = 0
        while rows := await outbox.undelivered(self._store, BATCH, kind, after):
            after = rows[-1].id
            arrived += await self._deliver([row for row in rows if row.id not in self._refused], consumer)
        return arrived

    async def _deliver(self, words: Sequence[Undelivered], consumer: Consumer) -> int:
        """Hand words over, then tick them off: nothing is ticked off that has not arrived."""
        if not words:
            return 0
        try:
            await consumer(words)
        except (Unavailable, OSError):  # It is away; no word is to blame.
            raise
        except Exception:  # noqa: BLE001 - whatever it is: one word must not hold up the others
            if len(words) == 1:
                self._refused.add(words[0].id)
                _log.exception("a word of the outbox was refused and stays: %s %s", words[0].kind, words[0].key)
                return 0
            return sum([await self._deliver([word], consumer) for word in words])
        await outbox.mark_delivered(self._store, [word.id for word in words], self._clock())
        return len(words)

    async def _forget(self) -> None:
        now = self._clock()
        if now - self._forgotten_at >= FORGET_EVERY_MS:
            await outbox.forget_delivered(self._store, now - KEPT_MS)
            await jobs.forget_ended(self._core, JOBS_KEPT_MS)
            self._refused.clear()
            self._forgotten_at = now


async def _heard(_words: Sequence[Undelivered]) -> None:
    """A poke only says "come and look": whoever is not there to hear it loses nothing."""
