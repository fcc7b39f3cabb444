"""Dramatiq's worker threads inside this process, for as long as the server runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from dramatiq import Worker

from server.jobs.broker import RowBroker
from server.jobs.crossing import Crossing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from server.jobs.desk import Rhythm
    from server.store.core import Core

    Register = Callable[[RowBroker, Crossing], object]

IDLE_MS: Final = 200
"""How often an idle thread looks whether it should end: what a stop may take beyond the running jobs."""

AFTERWARDS_S: Final = 2.0
"""Time for an interrupted job to clean up and for its end to be written."""


class Workers:
    """The workers of one process. Make it on the loop whose databases they use."""

    def __init__(
        self, core: Core, register: Sequence[Register], threads: int = 2, rhythm: Rhythm | None = None
    ) -> None:
        self._crossing = Crossing()
        self.broker = RowBroker(core, self._crossing, rhythm)
        for each in register:
            each(self.broker, self._crossing)
        self._worker = Worker(self.broker, worker_timeout=IDLE_MS, worker_threads=threads) if threads else None

    def start(self) -> None:
        """Start the threads; they begin with what waits. Without any the rows wait for another process."""
        if self._worker is not None:
            self._worker.start()

    def ring(self) -> None:
        """Say that a job may be due."""
        self.broker.ring()

    async def stop(self, within_s: float) -> None:
        """Take no more, let running jobs end, interrupt after `within_s` those that wait for the loop, end the threads.

        A thread that is stuck outside the loop is left behind: its lease runs out, and the job is done again (J2).
        """
        if self._worker is None:
            return
        self.broker.stop_claiming()
        limit = asyncio.get_running_loop().call_later(within_s, self._crossing.interrupt)
        try:
            await asyncio.to_thread(self._worker.stop, timeout=round((within_s + AFTERWARDS_S) * 1000))
        finally:
            limit.cancel()
            self._crossing.close()
