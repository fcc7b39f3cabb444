"""The server under simulation: the shipped push, pull and answer on the memory store, one coroutine a request.

Every await of the store is a step, so requests interleave there and the server may die there.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.admin import OfficeChange, OfficeContext, administer
from sync.answer import render
from sync.changes import Key, Plan, Row, ScopePage
from sync.cookie import seal, unseal
from sync.errors import BodyTooLarge, ClientRevoked, Fork, Gap, RequestError, TooManyMutations, UpgradeRequired
from sync.memory import MemorySnapshot, MemoryStore, MemoryTransaction, State
from sync.parse import parse
from sync.pull import pull
from sync.push import PushContext, push
from sync.uploads import note_preview, note_thumb, store_photo
from tests.simulation.violations import Violation

KEY = b"simulated"
OldRows = Mapping[tuple[str, str], Row | None]
STATUS = {
    "actor_mismatch": 403,
    ClientRevoked.error: 403,
    Gap.error: 409,
    Fork.error: 409,
    BodyTooLarge.error: 413,
    TooManyMutations.error: 413,
    UpgradeRequired.error: 426,
}


@dataclass
class Reply:
    """What goes back. `seen` is the committed state the rows were read from, for the checkers."""

    status: int
    text: str
    error: str | None = None
    next_n: int | None = None
    seen: State | None = None
    user: str = ""
    at: int = 0


class WatchedStore(MemoryStore):
    """The memory store with an eye on its commits."""

    def __init__(self, epoch: str, on_commit: Callable[[Plan, OldRows, Mapping[str, int]], None]) -> None:
        super().__init__(epoch)
        self._on_commit = on_commit
        self.violation: Violation | None = None

    def commit(self, plan: Plan | None, texts: Mapping[tuple[str, str], str]) -> None:
        if plan is None:
            return super().commit(plan, texts)
        old = {key: self.state.rows.get(key) for key in plan.rows}
        clocks = {scope: self.state.clocks.get(scope, 0) for scope in plan.clocks}
        super().commit(plan, texts)
        try:
            self._on_commit(plan, old, clocks)
        except Violation as violation:
            self.violation = violation
            raise
        return None


class _Snapshot:
    """A snapshot that ends without an await, since a dead process closes nothing."""

    def __init__(self, snapshot: MemorySnapshot) -> None:
        self._snapshot = snapshot
        self.load = snapshot.load
        self.epoch = snapshot.epoch
        self.project_of = snapshot.project_of
        self.sectors = snapshot.sectors

    async def page(self, scope: str, after: int, limit: int) -> ScopePage:
        return await self._snapshot.page(scope, after, limit)

    async def close(self) -> None:
        return None


class _Sight:
    """The store as one request sees it; remembers the state of its last snapshot."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.seen: State | None = None

    async def begin(self, scopes: Iterable[str]) -> MemoryTransaction:
        return await self._store.begin(scopes)

    async def snapshot(self) -> _Snapshot:
        snapshot = await self._store.snapshot()
        self.seen = snapshot._state
        return _Snapshot(snapshot)


@dataclass
class Task:
    """A coroutine under way, and who gets what it returns."""

    run: Coroutine[Any, None, Any]
    done: Callable[[Any], None]


class Server:
    """One process; `crash` kills it with everything under way."""

    def __init__(self, epoch: str, on_commit: Callable[[Plan, OldRows, Mapping[str, int]], None]) -> None:
        self.store = WatchedStore(epoch, on_commit)
        self.tasks: list[Task] = []

    def take(self, body: bytes, user: str, now: int, done: Callable[[Reply], None]) -> None:
        """Start on a request of a session of `user` that arrives at `now` (ms since 1970 UTC)."""
        self.tasks.append(Task(self._answer(body, user, now), done))

    def administer(self, changes: Sequence[OfficeChange], context: OfficeContext) -> None:
        self.tasks.append(Task(administer(self.store, changes, context), lambda _rows: None))

    def keep_bytes(self, photo_id: str, sha256: str, now: int) -> None:
        """Bytes with this hash are durable in the object store."""
        self.tasks.append(Task(store_photo(self.store, photo_id, sha256, now), lambda _is_stored: None))

    def keep_thumb(self, photo_id: str) -> None:
        self.tasks.append(Task(note_thumb(self.store, photo_id), lambda _is_there: None))

    def make_preview(self, photo_id: str, preview: str) -> None:
        """A job has made a picture, or found that none can be made."""
        self.tasks.append(Task(note_preview(self.store, photo_id, preview), lambda _is_there: None))

    def step(self, place: int) -> None:
        """Let one task go on to its next await."""
        task = self.tasks[place]
        try:
            task.run.send(None)
        except StopIteration as stop:
            self.tasks.remove(task)
            task.done(stop.value)
        finally:
            if self.store.violation is not None:  # said at once: its task rolls back first, and others go on meanwhile
                raise self.store.violation

    def finish(self) -> None:
        """Let everything under way come to its end."""
        while self.tasks:
            for task in list(self.tasks):  # each in turn, since one may wait for another's transaction
                self.step(self.tasks.index(task))

    def crash(self) -> None:
        self.store.crash()
        tasks, self.tasks = self.tasks, []
        for task in tasks:
            task.run.close()

    async def _answer(self, body: bytes, user: str, now: int) -> Reply:
        sight = _Sight(self.store)
        try:
            request = parse(body)
            pushed = await push(sight, request, PushContext(user, now))
            cookie = None if request.cookie is None else unseal(request.cookie, KEY)
            is_forged = request.cookie is not None and cookie is None
            pulled = await pull(sight, cookie, user, now, request.limit, is_forged=is_forged)
        except RequestError as error:
            return Reply(STATUS.get(error.error, 400), "", error.error, error.extra.get("next_n"))
        text = render(pushed, pulled, seal(pulled.cookie, KEY), now)
        return Reply(200, text, seen=sight.seen, user=user, at=now)


def value_of(run: Coroutine[Any, None, Any]) -> Any:
    """Run a coroutine to its end."""
    while True:
        try:
            run.send(None)
        except StopIteration as stop:
            return stop.value


__all__ = ["KEY", "Key", "OldRows", "Reply", "Server", "value_of"]
