"""How the server's parts are: each with its state, how long the look took, and since when it is so."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from server.clock import clock_ms
from server.external.objects import StorageUnavailable
from server.store import core_jobs, migrate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from server.actions.relay import Relay
    from server.external.objects import Objects
    from server.store.core import Core
    from server.store.punchlist import PunchlistStore

LOOK_S: Final = 0.8
"""Seconds a look at one part may take; all are looked at together, so the whole takes no longer."""

LATE_MS: Final = 60_000
"""Age of the oldest undelivered outbox row from which the relay counts as behind."""

JOBS_LATE_MS: Final = 300_000
"""How long a due job may wait before the workers count as behind."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found: `state` is `ok`, `degraded` or `down`; `facts` are numbers for whoever may see them."""

    state: str
    hint: str = ""
    facts: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One part, as shown; `since` in ms since 1970 UTC: when it came into this state."""

    state: str
    latency_ms: int
    since: int
    hint: str
    facts: dict[str, Any]


class Health:
    """Looks at the parts. Without the punch list nothing can be taken in: `down`; without another: `degraded`."""

    def __init__(
        self,
        punchlist: PunchlistStore,
        core: Core,
        relay: Relay,
        objects: Objects,
        clock: Callable[[], int] = clock_ms,
    ) -> None:
        self._punchlist = punchlist
        self._core = core
        self._relay_of = relay
        self._objects_of = objects
        self._clock = clock
        self._expected = {name: migrate.expected(name) for name in ("punchlist", "core")}
        self._since: dict[str, tuple[str, int]] = {}

    async def look(self) -> dict[str, Part]:
        """Every part; never longer than about a second."""
        looks: dict[str, Callable[[], Awaitable[Found]]] = {
            "punchlist": lambda: self._database("punchlist", self._punchlist),
            "core": lambda: self._database("core", self._core),
            "relay": self._relay,
            "jobs": self._jobs,
            "objects": self._objects,
        }
        parts = await asyncio.gather(*(self._look_at(name, look) for name, look in looks.items()))
        return dict(zip(looks, parts, strict=True))

    async def _look_at(self, name: str, look: Callable[[], Awaitable[Found]]) -> Part:
        began = time.perf_counter()
        try:
            found = await asyncio.wait_for(look(), LOOK_S)
        except TimeoutError:
            found = Found("down", f"It did not answer within {LOOK_S} s.")
        except Exception as error:  # noqa: BLE001 - whatever it is, the part is down and says why
            found = Found("down", str(error) or type(error).__name__)
        latency_ms = round((time.perf_counter() - began) * 1000)
        return Part(found.state, latency_ms, self._since_when(name, found.state), found.hint, found.facts or {})

    def _since_when(self, name: str, state: str) -> int:
        before, since = self._since.get(name, ("", 0))
        if state != before:
            since = self._clock()
            self._since[name] = (state, since)
        return since

    async def _database(self, name: str, database: PunchlistStore | Core) -> Found:
        if not database.is_in_place:
            return Found("down", "Its file is gone, or another stands in its place: nothing written now will be found.")
        revision = await database.read_alone(migrate.current_revision)
        found = migrate.compare(revision, self._expected[name])
        facts = {"migrations": asdict(found)}
        if found.is_pending:
            return Found("down", "Migrations are pending: stop the server and run `holdfast migrate`.", facts)
        if found.is_ahead:
            return Found("degraded", "The database was written by a newer version: update this server.", facts)
        if database.trouble:  # Not `down`: whoever takes the traffic away would never see that it works again.
            return Found("degraded", f"The last write did not get through: {database.trouble}.", facts)
        return Found("ok", facts=facts)

    async def _relay(self) -> Found:
        waiting = await self._relay_of.waiting()
        age_ms = 0 if waiting.oldest_at is None else max(0, self._clock() - waiting.oldest_at)
        facts = {"undelivered": waiting.undelivered, "unsealed": waiting.unsealed, "oldest_age_ms": age_ms}
        if age_ms > LATE_MS:
            return Found("degraded", "Words for the other database wait; the log says why.", facts)
        return Found("ok", facts=facts)

    async def _objects(self) -> Found:
        """Photos wait on their phones while the store is away; edits do not notice (invariant 26)."""
        try:
            await self._objects_of.check()
        except StorageUnavailable as away:
            return Found("degraded", f"Photos cannot be stored: {away}.")
        return Found("ok")

    async def _jobs(self) -> Found:
        """Failed ones wait for a person, and are shown until one saw them (J8)."""
        load = await self._core.read_alone(core_jobs.load)
        facts = load._asdict()
        if load.failed:
            return Found("degraded", "Jobs failed: `holdfast jobs` says why, and tries again or gives them up.", facts)
        if load.oldest_age_ms > JOBS_LATE_MS:
            return Found("degraded", "Jobs wait too long: too few workers, or none.", facts)
        return Found("ok", facts=facts)


def overall(parts: dict[str, Part]) -> str:
    """The state of the whole."""
    if parts["punchlist"].state == "down":
        return "down"
    return "ok" if all(part.state == "ok" for part in parts.values()) else "degraded"
