"""A store in memory: serialisable transactions, snapshots that stay still, and nothing after a crash but commits.

It is the reference that other stores are held to, and what the simulator runs on. Every method gives up control once
(`pause`), so that under a stepping simulator, as under an event loop, each await is a place to be interrupted.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import coroutine
from typing import Any

from sync.canonical import compact
from sync.changes import Change, ClientState, Key, OutboxRow, Plan, Receipt, Row, ScopePage, Unavailable, Unstorable
from sync.rules import Actor, Membership, Role


@coroutine
def pause() -> Generator[None, None, None]:
    """Give up control once; any event loop, or `coroutine.send(None)`, goes on."""
    yield


@dataclass
class State:
    """What has been committed."""

    epoch: str
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    changes: dict[str, dict[tuple[str, str], Change]] = field(default_factory=dict)
    clocks: dict[str, int] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    clients: dict[str, ClientState] = field(default_factory=dict)
    outbox: dict[tuple[str, str], OutboxRow] = field(default_factory=dict)
    children: dict[str, dict[tuple[str, str], None]] = field(default_factory=dict)
    memberships: dict[str, dict[str, None]] = field(default_factory=dict)
    waiting: dict[str, dict[str, None]] = field(default_factory=dict)

    def copy(self) -> State:
        """An independent state; rows and the like are immutable and shared."""
        return State(
            self.epoch,
            dict(self.rows),
            dict(self.texts),
            {scope: dict(changes) for scope, changes in self.changes.items()},
            dict(self.clocks),
            dict(self.counters),
            dict(self.receipts),
            dict(self.clients),
            dict(self.outbox),
            {name: dict(keys) for name, keys in self.children.items()},
            {name: dict(keys) for name, keys in self.memberships.items()},
            {name: dict(keys) for name, keys in self.waiting.items()},
        )

    def check(self, plan: Plan) -> dict[tuple[str, str], str]:
        """The documents of a plan as JSON text. Raises `Unstorable` for what constraints or UTF-8 forbid."""
        if any(receipt.mutation_id in self.receipts for receipt in plan.receipts):
            raise Unstorable("a mutation has a receipt already")
        if any(row.kind == "audit" and (row.kind, row.key) in self.outbox for row in plan.outbox):
            raise Unstorable("the outbox has this row already")
        texts = {key: compact(row.doc) for key, row in plan.rows.items()}
        try:
            for text in texts.values():
                text.encode()
        except UnicodeEncodeError as error:
            raise Unstorable(str(error)) from None
        return texts

    def apply(self, plan: Plan, texts: Mapping[tuple[str, str], str]) -> None:
        """Take a checked plan in."""
        self.texts.update(texts)
        for row in plan.rows.values():
            self._put(row)
        for (scope, entity, row_id), change in plan.changes.items():
            changes = self.changes.setdefault(scope, {})
            changes.pop((entity, row_id), None)  # the newest number comes last
            changes[(entity, row_id)] = change
        self.clocks.update(plan.clocks)
        self.counters.update(plan.counters)
        self.receipts.update((receipt.mutation_id, receipt) for receipt in plan.receipts)
        self.clients.update(plan.clients)
        for word in plan.outbox:
            if word.kind != "job" or (word.kind, word.key) not in self.outbox:
                self.outbox[(word.kind, word.key)] = word

    def _put(self, row: Row) -> None:
        key = (row.entity, row.id)
        old = self.rows.get(key)
        self.rows[key] = row
        if row.item_id:
            self.children.setdefault(row.item_id, {})[key] = None
        elif row.entity == "memberships":
            self.memberships.setdefault(row.doc["user_id"], {})[row.id] = None
        elif row.entity == "refusals":
            if old is not None and old.doc["waiting_for"] is not None:
                self.waiting[old.doc["waiting_for"]].pop(row.id, None)
            if row.doc["waiting_for"] is not None:
                self.waiting.setdefault(row.doc["waiting_for"], {})[row.id] = None

    def load(self, key: Key) -> Any:
        """What a key names; see `Key`."""
        names = key.names
        match key.kind:
            case "row":
                return self.rows.get((names[0], names[1]))
            case "children":
                return tuple(self.rows[child] for child in sorted(self.children.get(names[0], ())))
            case "receipt":
                return self.receipts.get(names[0])
            case "client":
                return self.clients.get(names[0])
            case "actor":
                return self._actor(names[0])
            case "clock" | "counter":
                numbers = self.clocks if key.kind == "clock" else self.counters
                return numbers.get(names[0], 0)
            case "seen_at":
                return self._seen_at(names[0], int(names[1]))
            case "waiting":
                return tuple(
                    self.rows[("refusals", row)] for row in sorted(self.waiting.get(f"{names[0]}/{names[1]}", ()))
                )
            case "parked":
                return self._parked(names[0])
        raise ValueError(f"no such kind of key: {key.kind}")

    def _actor(self, user_id: str) -> Actor | None:
        row = self.rows.get(("actors", user_id))
        if row is None or row.is_deleted:
            return None
        docs = [row.doc for row in self.memberships_of(user_id)]
        memberships = tuple(
            Membership(doc["sector_id"], Role(doc["role"]), doc["valid_from"], doc["valid_to"]) for doc in docs
        )
        return Actor(user_id, row.doc["company_id"], row.doc["is_disabled"], memberships)

    def memberships_of(self, user_id: str) -> list[Row]:
        """Memberships of a user, ended ones too, by id."""
        rows = [self.rows[("memberships", key)] for key in sorted(self.memberships.get(user_id, ()))]
        return [row for row in rows if not row.is_deleted]

    def _parked(self, user_id: str) -> tuple[Row, ...]:
        rows = [self.rows[("refusals", key)] for keys in self.waiting.values() for key in keys]
        mine = [row for row in rows if (row.doc["user_id"], row.doc["state"]) == (user_id, "parked")]
        return tuple(sorted(mine, key=lambda row: row.id))

    def _seen_at(self, item_id: str, version: int) -> int | None:
        events = (self.rows[key].doc for key in self.children.get(item_id, ()) if key[0] == "item_events")
        return min((doc["received_at"] for doc in events if doc["item_version"] == version), default=None)

    def page(self, scope: str, after: int, limit: int) -> ScopePage:
        """As in `PullSnapshot.page`."""
        changes = self.changes.get(scope, {})
        due: list[Change] = []
        for change in reversed(changes.values()):
            if change.number <= after:
                break
            if after or not change.is_gone:  # a device that has nothing needs no word of what went
                due.append(change)
        due.reverse()
        is_last = len(due) <= limit
        page = due[:limit]
        return ScopePage(
            scope,
            after,
            self.clocks.get(scope, 0) if is_last else page[-1].number,
            sum(not change.is_gone for change in changes.values()) if after == 0 else -1,
            [(change.entity, self.texts[(change.entity, change.id)]) for change in page if not change.is_gone],
            [(change.entity, change.id) for change in page if change.is_gone],
            is_last,
        )


class MemoryStore:
    """The store. `crash` forgets what was not committed; `image` and `restore` are its backup."""

    def __init__(self, epoch: str) -> None:
        self._state = State(epoch)
        self._is_shared = False
        self._writer: MemoryTransaction | None = None

    @property
    def state(self) -> State:
        """The committed state, to look at."""
        return self._state

    async def begin(self, scopes: Iterable[str]) -> MemoryTransaction:
        """Wait for the writer before; one at a time."""
        del scopes
        await pause()
        while self._writer is not None:
            await pause()
        self._writer = MemoryTransaction(self)
        return self._writer

    async def snapshot(self) -> MemorySnapshot:
        await pause()
        self._is_shared = True
        return MemorySnapshot(self._state)

    def crash(self) -> None:
        """The process died: an open transaction never happened, and may not go on."""
        if self._writer is not None:
            self._writer.is_open = False
        self._writer = None

    def image(self) -> State:
        """A backup of what is committed now."""
        return self._state.copy()

    def restore(self, image: State, epoch: str) -> None:
        """Go back to a backup, under a new epoch (24)."""
        self.crash()
        self._state = image.copy()
        self._state.epoch = epoch
        self._is_shared = False

    def commit(self, plan: Plan | None, texts: Mapping[tuple[str, str], str]) -> None:
        """Take in what the writer wrote and let the next one in."""
        if plan is not None:
            if self._is_shared:
                self._state, self._is_shared = self._state.copy(), False
            self._state.apply(plan, texts)
        self._writer = None


class MemoryTransaction:
    """One write transaction."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._plan: Plan | None = None
        self._texts: Mapping[tuple[str, str], str] = {}
        self.is_open = True

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        await self._go()
        return {key: self._store.state.load(key) for key in keys}

    async def write(self, plan: Plan) -> None:
        """One plan a transaction."""
        await self._go()
        self._texts = self._store.state.check(plan)
        self._plan = plan

    async def commit(self) -> None:
        await self._go()
        self.is_open = False
        self._store.commit(self._plan, self._texts)

    async def rollback(self) -> None:
        await pause()
        if self.is_open:
            self.is_open = False
            self._store.commit(None, {})

    async def _go(self) -> None:
        await pause()
        if not self.is_open:
            raise Unavailable("the transaction has ended")


class MemorySnapshot:
    """One consistent read."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        await pause()
        return {key: self._state.load(key) for key in keys}

    async def epoch(self) -> str:
        await pause()
        return self._state.epoch

    async def project_of(self, user_id: str) -> str | None:
        """The one project, where the user has memberships."""
        await pause()
        if not self._state.memberships_of(user_id):
            return None
        return next((row_id for entity, row_id in self._state.rows if entity == "projects"), None)

    async def sectors(self, project_id: str) -> Sequence[str]:
        await pause()
        docs = [
            row.doc
            for (entity, _), row in self._state.rows.items()
            if entity == "sectors" and row.doc["project_id"] == project_id and not row.is_deleted
        ]
        return [doc["id"] for doc in sorted(docs, key=lambda doc: (doc["code"], doc["id"]))]

    async def page(self, scope: str, after: int, limit: int) -> ScopePage:
        await pause()
        return self._state.page(scope, after, limit)

    async def close(self) -> None:
        await pause()
