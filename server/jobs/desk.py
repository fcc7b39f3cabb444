"""What one process holds of one queue. All its words to the database go in trips, one transaction each:

    ends of jobs ─┐                     ┌─▶ write ends ─▶ renew leases ─▶ park killers ─▶ claim ─┐
    a bell ───────┼─▶ a trip is due ────┤                                                        ├─▶ claims
    a timer ──────┘                     └─▶ nothing to write: only look whether something is due ┘

A trip takes along whatever ended meanwhile, so the faster jobs are the more share one write to the disk.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from server.store import core_jobs as sql
from server.store.core_jobs import Held
from sync.changes import Unavailable, Unstorable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from server.jobs.crossing import Crossing
    from server.store.core import Core, Transaction
    from server.store.core_jobs import Claim, End

MOST_HELD: Final = 256
"""Jobs that a process holds of a queue at once at most; so many only where they take no time."""

RETRY_S: Final = 1.0
"""Pause after a trip that did not get through."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How leases and looks are timed. By this process's steady clock, which decides nothing about leases (J4)."""

    lease_ms: int = 30_000
    renew_s: float = 10.0
    sweep_s: float = 2.0
    """A job whose bell was lost waits at most this long."""
    run_limit_s: float = 900.0
    """A job that runs longer is taken to hang: its lease is not renewed any more."""


class Suspect:
    """The one job of this process whose earlier holder did not come back.

    Any of those may be the one that killed it. Run one at a time, the innocent ones come through (J3).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether no other one is in work here."""
        return self._lock.acquire(blocking=False)

    def release(self) -> None:
        """It has ended."""
        self._lock.release()


@dataclass(slots=True)
class _Work:
    """A claim in this process; `began_at` by the steady clock, None while it waits for a thread."""

    claim: Claim
    began_at: float | None = None
    is_lost: bool = False


@dataclass(slots=True)
class _Trip:
    """What a trip takes along, and what it brings back."""

    ends: list[tuple[Held, End]]
    renewals: list[Held]
    held: list[str]
    room: int
    may_suspect: bool
    claims: list[Claim] = field(default_factory=list)
    still_held: set[str] = field(default_factory=set)
    stale: int = 0
    due_in_ms: int | None = None


class Desk:
    """Claims, the ends that are not written yet, and the bell. Every method may be called from any thread."""

    def __init__(
        self,
        queue: str,
        actors: Callable[[], Sequence[str]],
        core: Core,
        crossing: Crossing,
        rhythm: Rhythm,
        suspect: Suspect,
    ) -> None:
        self._queue = queue
        self._actors = actors
        self._core = core
        self._crossing = crossing
        self._rhythm = rhythm
        self._suspect = suspect
        self._change = threading.Condition()
        self._held: dict[str, _Work] = {}
        self._ends: list[tuple[Held, End]] = []
        self._is_rung = False
        self._is_claiming = True
        self._least = self._limit = 1
        self._look_at = self._renew_at = self._pause_until = 0.0

    def ring(self) -> None:
        """Say that something may be due. Lost or doubled, it changes latency only (J5)."""
        with self._change:
            self._is_rung = True
            self._change.notify_all()

    def hold_at_least(self, count: int) -> None:
        """How many jobs to have at hand, so that no thread waits for a trip."""
        self._least = self._limit = max(1, count)

    def stop_claiming(self) -> None:
        """Take no more; what is held may end."""
        with self._change:
            self._is_claiming = False
            self._change.notify_all()

    def take(self, timeout_s: float) -> list[Claim]:
        """Wait until a trip is due, at most so long, and make it; returns what it claimed."""
        until = time.monotonic() + timeout_s
        with self._change:
            while (wait_s := self._due_in(time.monotonic())) > 0:
                left_s = until - time.monotonic()
                if left_s <= 0:
                    return []
                self._change.wait(min(wait_s, left_s))
        return self._travel()

    def begin(self, claim: Claim) -> bool:
        """A thread takes the job up; False: it is another's by now."""
        with self._change:
            work = self._held.get(claim.id)
            if work is None or work.claim.fencing != claim.fencing or work.is_lost:
                return False
            work.began_at = time.monotonic()
            return True

    def end(self, claim: Claim, end: End | None) -> None:
        """The job is through in this process; None: it was another's, there is nothing to write."""
        with self._change:
            work = self._held.get(claim.id)
            if work is not None and work.claim.fencing == claim.fencing:
                del self._held[claim.id]
                if claim.was_lost:
                    self._suspect.release()
            if end is not None:
                self._ends.append((Held(claim.id, claim.fencing), end))
            self._change.notify_all()

    def flush(self) -> None:
        """Write the ends now; what does not get through is done again when the leases have run out."""
        if self._ends:
            self._travel(is_claiming=False)

    def _due_in(self, now: float) -> float:
        """Seconds until a trip is due; 0 or less: now."""
        if self._ends:
            at = 0.0
        else:
            at = self._renew_at if self._held else now + 60
            if self._is_claiming and len(self._held) < self._limit:
                at = min(at, 0.0 if self._is_rung else self._look_at)
        return max(at, self._pause_until) - now

    def _travel(self, *, is_claiming: bool = True) -> list[Claim]:
        with self._change:
            trip = self._pack(is_claiming=is_claiming and self._is_claiming)
        try:
            if trip.ends or trip.renewals or not self._is_in_vain(trip):
                self._crossing.run(self._core.write_alone(partial(self._write, trip=trip)), is_vital=True)
        except (Unavailable, Unstorable) as error:
            _log.warning("jobs of %s: the database did not take this, trying again: %s", self._queue, error)
            self._take_back(trip)
            return []
        except BaseException:
            self._take_back(trip)
            raise
        with self._change:
            self._unpack(trip)
        return trip.claims

    def _pack(self, *, is_claiming: bool) -> _Trip:
        now = time.monotonic()
        ends, self._ends = self._ends, []
        mine = [work for work in self._held.values() if self._is_renewable(work, now)]
        renewals: list[Held] = []
        if now >= self._renew_at:
            renewals = [Held(work.claim.id, work.claim.fencing) for work in mine]
            self._renew_at = now + self._rhythm.renew_s
        room = max(0, self._limit - len(self._held)) if is_claiming else 0
        self._is_rung = False
        may_suspect = room > 0 and self._suspect.take()
        return _Trip(ends, renewals, [work.claim.id for work in mine], room, may_suspect)

    def _is_renewable(self, work: _Work, now: float) -> bool:
        is_hanging = work.began_at is not None and now - work.began_at > self._rhythm.run_limit_s
        return not work.is_lost and not is_hanging

    def _is_in_vain(self, trip: _Trip) -> bool:
        """Look, without writing, whether there is anything to claim."""
        look = partial(sql.due_in, queue=self._queue, actors=self._actors(), held=trip.held)
        trip.due_in_ms = self._crossing.run(self._core.read_alone(look), is_vital=True)
        return trip.due_in_ms != 0

    def _write(self, plain: Transaction, trip: _Trip) -> None:
        names, lease_ms = self._actors(), self._rhythm.lease_ms
        trip.stale = sql.settle(plain, trip.ends)
        trip.still_held = sql.renew(plain, trip.renewals, lease_ms)
        if trip.room:
            sql.park_killers(plain, self._queue, trip.held)
            lost = sql.claim_lost(plain, self._queue, names, lease_ms, trip.held) if trip.may_suspect else []
            trip.claims = lost + sql.claim(plain, self._queue, names, lease_ms, trip.room - len(lost))
            is_full = len(trip.claims) == trip.room
            trip.due_in_ms = 0 if is_full else sql.due_in(plain, self._queue, names, trip.held)

    def _unpack(self, trip: _Trip) -> None:
        now = time.monotonic()
        if trip.stale:
            _log.warning("jobs of %s: %s ended here after their leases had run out", self._queue, trip.stale)
        for held in trip.renewals:
            if held.id not in trip.still_held and held.id in self._held:
                self._held[held.id].is_lost = True
        if trip.claims and not self._held:
            self._renew_at = now + self._rhythm.renew_s
        self._adapt(trip)
        self._held.update((claim.id, _Work(claim)) for claim in trip.claims)
        if trip.may_suspect and not any(claim.was_lost for claim in trip.claims):
            self._suspect.release()
        if trip.room:
            self._look_at = now + self._pause_after(trip)

    def _pause_after(self, trip: _Trip) -> float:
        """Seconds until it is worth looking again, bell or no bell."""
        if len(trip.claims) == trip.room:
            return 0.0
        sweep_s = self._rhythm.sweep_s
        if trip.due_in_ms is None or not trip.may_suspect:  # What is due may be a second suspect, and has to wait.
            return sweep_s
        return min(sweep_s, max(0.02, trip.due_in_ms / 1000))

    def _adapt(self, trip: _Trip) -> None:
        """Hold more while jobs end faster than trips bring them; else few, so that other processes get theirs."""
        if trip.room and len(trip.claims) == trip.room and not self._held:
            self._limit = min(MOST_HELD, self._limit * 2)
        elif len(self._held) > self._least:
            self._limit = self._least

    def _take_back(self, trip: _Trip) -> None:
        with self._change:
            self._ends[:0] = trip.ends
            self._pause_until = time.monotonic() + RETRY_S
            self._renew_at = 0.0
            self._is_rung = True
        if trip.may_suspect:
            self._suspect.release()
