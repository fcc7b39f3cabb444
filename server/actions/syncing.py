"""One sync: push, then pull, then one answer made of texts that were stored as they are sent."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from server.clock import clock_ms
from server.store.clients import note_report
from sync.answer import render
from sync.changes import Unavailable
from sync.cookie import seal, unseal
from sync.parse import parse
from sync.pull import pull
from sync.push import PushAnswer, PushContext, push

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from server.store.punchlist import PunchlistStore
    from sync.wire import DeviceReport, Request

Result = TypeVar("Result")

PARSED_INLINE_BYTES: Final = 16_384
"""Longer bodies are parsed in another thread, so that nobody waits for them."""

REPORT_MS: Final = 60_000
"""What a phone says about itself is written down when it changed, and else once in this time."""

REPORTS: Final = 10_000
"""Phones whose last report is remembered at most."""


class Syncing:
    """Takes in `POST /sync`. `ring` is called after each commit that left something in the outbox."""

    def __init__(
        self,
        store: PunchlistStore,
        cookie_key: bytes,
        ring: Callable[[], None],
        clock: Callable[[], int] = clock_ms,
    ) -> None:
        self._store = store
        self._cookie_key = cookie_key
        self._ring = ring
        self._clock = clock
        self._running: set[asyncio.Task[object]] = set()
        self._reports: dict[str, tuple[DeviceReport, int]] = {}

    async def sync(self, body: bytes, user_id: str) -> bytes:
        """The answer to a request body of this user. Raises the errors of `sync.errors` and `Unavailable`."""
        received_at = self._clock()
        request = await _parsed(body)
        # In a task of its own: when the asker goes away in the middle, the push still ends, one way or the other.
        pushed = await asyncio.shield(self._start(self._push(request, PushContext(user_id, received_at))))
        cookie = unseal(request.cookie, self._cookie_key) if request.cookie else None
        is_forged = request.cookie is not None and cookie is None
        pulled = await pull(self._store, cookie, user_id, self._clock(), request.limit, is_forged=is_forged)
        self._note(request)
        return render(pushed, pulled, seal(pulled.cookie, self._cookie_key), self._clock()).encode()

    async def finish(self) -> None:
        """Wait for what was begun for askers that went away."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _push(self, request: Request, context: PushContext) -> PushAnswer:
        answer = await push(self._store, request, context)
        if request.mutations:
            self._ring()
        return answer

    def _start(self, work: Coroutine[object, object, Result]) -> asyncio.Task[Result]:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def _note(self, request: Request) -> None:
        if request.device is None:
            return
        report, now = _after(request.device, len(request.mutations)), self._clock()
        before, noted_at = self._reports.get(request.client, (None, 0))
        if report == before and now - noted_at < REPORT_MS:
            return
        if len(self._reports) >= REPORTS:
            self._reports.clear()
        self._reports[request.client] = (report, now)
        self._start(self._write_report(request.client, report, now))

    async def _write_report(self, client: str, report: DeviceReport, now: int) -> None:
        with suppress(Unavailable):  # It is only news of the phone; the next report says it again.
            await note_report(self._store, client, report, now)


def _after(report: DeviceReport, taken: int) -> DeviceReport:
    """What the phone has still to send once this request was answered: it counted what it was just sending."""
    left = max(report.pending - taken, 0)
    return replace(report, pending=left, oldest_unsent_at=report.oldest_unsent_at if left else None)


async def _parsed(body: bytes) -> Request:
    return parse(body) if len(body) <= PARSED_INLINE_BYTES else await asyncio.to_thread(parse, body)
