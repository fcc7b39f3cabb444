"""Our Dramatiq broker: actors, workers and middleware are Dramatiq's; what is to be done stands in the rows of `jobs`.

    row ──claim──▶ consumer ──▶ Dramatiq's worker threads ──▶ actor ──▶ outcome ──ack, nack──▶ row

A claim is leased and numbered: a lost, doubled or late word between here and the row changes latency, never the truth.
Stock brokers keep the truth in the message, and lose it where two writes to them cannot be one.
"""

from __future__ import annotations

import inspect
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson
from dramatiq import Broker, Message, MessageProxy
from dramatiq.broker import Consumer
from dramatiq.errors import QueueNotFound

from server.jobs.desk import Desk, Rhythm, Suspect
from server.jobs.outcomes import GIVEN_BACK, Outcomes
from server.store import core_jobs
from server.store.core_jobs import End, NewJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dramatiq.middleware import Middleware

    from server.jobs.crossing import Crossing
    from server.store.core import Core
    from server.store.core_jobs import Claim

UNNOTED: Final = End("failed", error="How it ended was not noted.")

_QUIET: Final = False
"""As the option `pipe_target`: whoever returns something is not warned that it is dropped, because the row keeps it."""


class ClaimedMessage(MessageProxy):
    """A claimed job as Dramatiq handles it. Its options carry the fencing number, for effects outside (J2, J7)."""

    def __init__(self, claim: Claim, queue: str, args: dict[str, Any], desk: Desk) -> None:
        options = {"fencing": claim.fencing, "attempts": claim.attempts, "pipe_target": _QUIET}
        super().__init__(Message(queue, claim.actor, (), args, options, claim.id, claim.created_at))
        self.claim = claim
        self.outcome: End = UNNOTED
        self.is_skipped = False
        self._desk = desk

    def begin(self) -> bool:
        """A thread takes it up; False: it is another's by now, and nothing may be written."""
        self.is_skipped = not self._desk.begin(self.claim)
        return not self.is_skipped

    def end(self, outcome: End) -> None:
        """It is through in this process."""
        self._desk.end(self.claim, None if self.is_skipped else outcome)


class RowBroker(Broker):
    """Claims from `core`, whose transactions run on the loop behind `crossing`. Actors register with `broker=`."""

    def __init__(
        self, core: Core, crossing: Crossing, rhythm: Rhythm | None = None, middleware: Sequence[Middleware] = ()
    ) -> None:
        super().__init__(middleware=[Outcomes(), *middleware])
        self._core = core
        self._crossing = crossing
        self._rhythm = rhythm or Rhythm()
        self._suspect = Suspect()
        self.queues: dict[str, Desk] = {}

    def ring(self) -> None:
        """Say that something may be due. Cheap; from any thread."""
        for desk in self.queues.values():
            desk.ring()

    def stop_claiming(self) -> None:
        """Take no more; what is held may end."""
        for desk in self.queues.values():
            desk.stop_claiming()

    def declare_queue(self, queue_name: str) -> None:
        """Make the queue known; a second time changes nothing."""
        if queue_name in self.queues:
            return
        self.emit_before("declare_queue", queue_name)
        names = partial(self._actors_of, queue_name)
        self.queues[queue_name] = Desk(queue_name, names, self._core, self._crossing, self._rhythm, self._suspect)
        self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> Consumer:
        """What Dramatiq's consumer thread reads; `timeout` in ms. Raises `QueueNotFound`."""
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)  # type: ignore[no-untyped-call]
        desk = self.queues[queue_name]
        desk.hold_at_least(prefetch)
        return RowConsumer(queue_name, desk, timeout / 1000)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Write a job that has no other cause, from a thread; returns once it is durable. `delay` in ms."""
        job = self._job_of(message, delay or 0)
        self.emit_before("enqueue", message, delay)
        self._crossing.run(self._core.write_alone(partial(core_jobs.add, jobs=[job])), is_vital=True)
        self.emit_after("enqueue", message, delay)
        self.queues[message.queue_name].ring()
        return message

    def _job_of(self, message: Message[Any], delay_ms: int) -> NewJob:
        """All arguments by their names, so that a row can be read."""
        signature = inspect.signature(self.get_actor(message.actor_name).fn)
        args = dict(signature.bind(*message.args, **message.kwargs).arguments)
        key = f"message/{message.message_id}"
        return NewJob(message.message_id, key, message.queue_name, message.actor_name, args, delay_ms=delay_ms)

    def _actors_of(self, queue_name: str) -> list[str]:
        """A job of an actor unknown here stays for a process that knows it, as while versions change."""
        return [name for name, actor in self.actors.items() if actor.queue_name == queue_name]


class RowConsumer(Consumer):
    """Hands claims to Dramatiq's worker threads, and their ends to the desk."""

    def __init__(self, queue: str, desk: Desk, timeout_s: float) -> None:
        self._queue = queue
        self._desk = desk
        self._timeout_s = timeout_s
        self._claims: deque[Claim] = deque()

    def __next__(self) -> ClaimedMessage | None:
        if not self._claims:
            self._claims.extend(self._desk.take(self._timeout_s))
        return self._message(self._claims.popleft()) if self._claims else None

    def ack(self, message: MessageProxy) -> None:
        """It is through; its row says how from the next trip on."""
        assert isinstance(message, ClaimedMessage)  # noqa: S101 - no other message comes from this consumer
        message.end(message.outcome)

    nack = ack

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """They never began: give them back, and their attempts."""
        for message in messages:
            assert isinstance(message, ClaimedMessage)  # noqa: S101 - as above
            message.end(GIVEN_BACK)

    def close(self) -> None:
        """Give back what was not handed out, and write what has ended."""
        while self._claims:
            self._desk.end(self._claims.popleft(), GIVEN_BACK)
        self._desk.flush()

    def _message(self, claim: Claim) -> ClaimedMessage | None:
        try:
            args = orjson.loads(claim.args)
        except orjson.JSONDecodeError:
            args = None
        if not isinstance(args, dict):
            self._desk.end(claim, End("failed", error="Its arguments are no JSON object."))
            return None
        return ClaimedMessage(claim, self._queue, args, self._desk)
