"""From worker threads to the event loop: databases, object store and network live there, and nowhere else.

Workers have no connection of their own. SQLite takes one writer; a second one would make sign-ins wait in SQLite's
busy handler, while by this way claims and ends share the writer's group commits. And what an actor needs of the rest
of the server is async already.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

Result = TypeVar("Result")


class Interrupted(Exception):
    """The server is stopping, and the work was not through in time; it is done again later."""


class TookTooLong(Exception):
    """The work was not through within its time, and was cancelled."""


class Crossing:
    """Runs coroutines on the loop it is made on, for threads that wait."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._lock = threading.Lock()
        self._open: set[Future[Any]] = set()
        self._vital: set[Future[Any]] = set()
        self._is_interrupted = self._is_closed = False

    def run(
        self, work: Coroutine[Any, Any, Result], timeout_s: float | None = None, *, is_vital: bool = False
    ) -> Result:
        """Run `work` on the loop and wait for it. Raises what it raises, `Interrupted` or `TookTooLong`.

        `is_vital`: it is not interrupted before the crossing closes, like the words by which a job's end is written.
        """
        future = self._begin(work, is_vital=is_vital)
        try:
            return future.result(timeout_s)
        except CancelledError:
            raise Interrupted("the server is stopping") from None
        except TimeoutError:
            if future.done():  # The work's own.
                raise
            future.cancel()
            raise TookTooLong(f"it took more than {timeout_s} s") from None
        finally:
            with self._lock:
                self._open.discard(future)
                self._vital.discard(future)

    def interrupt(self) -> None:
        """From now on only what is vital runs; the rest is cancelled."""
        self._is_interrupted = True
        self._cancel(self._open)

    def close(self) -> None:
        """Take no more; the loop is about to end."""
        self._is_interrupted = self._is_closed = True
        self._cancel(self._open)
        self._cancel(self._vital)

    def _begin(self, work: Coroutine[Any, Any, Result], *, is_vital: bool) -> Future[Result]:
        if threading.get_ident() == self._loop_thread:
            work.close()
            raise RuntimeError("the loop's own thread would wait for itself; await instead")
        with self._lock:
            if self._is_closed or (self._is_interrupted and not is_vital):
                work.close()
                raise Interrupted("the server is stopping")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            (self._vital if is_vital else self._open).add(future)
        return future

    def _cancel(self, futures: set[Future[Any]]) -> None:
        with self._lock:
            running = list(futures)
        for future in running:
            future.cancel()
