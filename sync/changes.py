"""What the engine reads and writes: keys to load, rows, change rows, clocks, receipts, and the plan of one push.

A store (memory, SQLite, PostgreSQL) implements the two protocols at the end. It knows SQL; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

Document = dict[str, Any]
"""A row as it travels: JSON-able, snake_case, always with `id` and `version`."""

SCOPE_PREFIXES: Final = ("project", "sector", "guest", "user")


class Key(NamedTuple):
    """Names one thing a push needs to see. `kind` says how to find it:

    kind            names                               loads
    row             (entity, id)                        Row or None
    children        (item id,)                          tuple of Row: its comments, photos, conflicts and item_events,
                                                        by entity and id
    receipt         (mutation id,)                      Receipt or None
    client          (client id,)                        ClientState or None
    actor           (user id,)                          rules.Actor or None
    clock           (scope,)                            int, 0 where the scope has no clock yet
    counter         (project id,)                       int, the last project number given out
    seen_at         (item id, version as text)          int or None: when that version was written, ms since 1970 UTC:
                                                        the least received_at of the item's events of that version
    waiting         (entity, id)                        tuple of Row: all `refusals` whose waiting_for is "entity/id",
                                                        in any state, by id (parked ones, and refused creations)
    parked          (user id,)                          tuple of Row: the user's `refusals` in state parked, by id
    """

    kind: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a synced table.

    `version` counts the row's changes from 1. `field_versions` maps a field to `[version, client]`: the row version at
    which it last changed and the client that changed it, because a client has seen its own earlier edits whatever
    `base` says (invariant 6). `item_id` is the punch item a child hangs on, else "".
    """

    entity: str
    id: str
    version: int
    doc: Document
    field_versions: Mapping[str, tuple[int, str]]
    is_deleted: bool = False
    item_id: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The newest word about one row in one scope: at position `number` it was put, or it went (`is_gone`).

    A store keeps one change row per (scope, entity, id), the newest; numbers of a scope rise in commit order (15).
    """

    scope: str
    number: int
    entity: str
    id: str
    is_gone: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a mutation, for ever. `body` is the JSON text that every re-send gets back, byte for byte (2)."""

    mutation_id: str
    user_id: str
    client: str
    n: int
    content_hash: str
    """SHA-256 hex over the canonical JSON of id, name, args, base, schema, made_at (not client and n: see fork, 17)."""
    body: str
    received_at: int


@dataclass(frozen=True, slots=True)
class ClientState:
    """A client: one user on one phone. `last_n` is the newest number without a hole before it."""

    id: str
    user_id: str
    last_n: int
    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A word for the other database, written with the change: `kind` is `audit`, `job` or `poke`; `key` is unique.

    A job told again is the same job, a poke rings again, and a second audit word of one key cannot be stored (A1).
    """

    kind: str
    key: str
    payload: Document


@dataclass(slots=True)
class Plan:
    """Everything one push writes, set-wise, in one transaction. An empty plan writes nothing."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    changes: dict[tuple[str, str, str], Change] = field(default_factory=dict)  # (scope, entity, id): the newest only
    clocks: dict[str, int] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    clients: dict[str, ClientState] = field(default_factory=dict)
    outbox: list[OutboxRow] = field(default_factory=list)


class Unstorable(Exception):
    """The database refuses a value or breaks a constraint: the same again would fail again."""


class Unavailable(Exception):
    """The database cannot work now (locked, full, gone): the same again may succeed."""


class Moved(Exception):
    """What the transaction needs is in the hands of another one: roll back, and begin again with these `scopes` too.

    They are names that the same store's `begin` takes, nothing to look into.
    """

    def __init__(self, scopes: Iterable[str]) -> None:
        super().__init__("the rows are another transaction's")
        self.scopes = frozenset(scopes)


class PushTransaction(Protocol):
    """One write transaction. After `commit` returned, everything written survives a power cut (1).

    What was loaded stays as it is until the transaction ends, what was not there included (6, 12). Each method raises
    `Unstorable`, `Unavailable` or, where scopes were named to `begin`, `Moved`, and nothing else; after a raise only
    `rollback` may follow.
    """

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        """Read what the keys name, in a fixed number of statements whatever their count."""
        ...

    async def write(self, plan: Plan) -> None: ...

    async def commit(self) -> None: ...

    async def rollback(self) -> None:
        """Undo what was written. Returns when what was *read* is durable, else raises `Unavailable`.

        A store that lets transactions share one commit may have shown this one what is not on the disk yet; an answer
        made from it would acknowledge too soon (1).
        """
        ...


@dataclass(frozen=True, slots=True)
class ScopePage:
    """Rows of one scope with `after < number <= upto`, oldest number first; `rows` are the JSON texts of documents."""

    scope: str
    after: int
    upto: int
    total: int
    """Rows the scope holds now, so that a first download can show progress; -1 where the cursor was not at 0."""
    rows: Sequence[tuple[str, str]]  # (entity, document as JSON text)
    gone: Sequence[tuple[str, str]]  # (entity, id)
    is_last: bool


class PullSnapshot(Protocol):
    """One consistent read: rights, clocks and rows as of the same commit (7, 15)."""

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        """As in `PushTransaction`, kinds `actor`, `client` and `clock`."""
        ...

    async def epoch(self) -> str:
        """The server's present epoch; a restore starts a new one."""
        ...

    async def project_of(self, user_id: str) -> str | None:
        """The project the user's memberships belong to (one project a server in this version)."""
        ...

    async def sectors(self, project_id: str) -> Sequence[str]:
        """Ids of the project's sectors, by code: what a project-wide role holds."""
        ...

    async def page(self, scope: str, after: int, limit: int) -> ScopePage: ...

    async def close(self) -> None: ...


class Store(Protocol):
    """Where rows live."""

    async def begin(self, scopes: Iterable[str]) -> PushTransaction:
        """Begin to write. A store may let transactions of different scopes run side by side; none named: all of them.

        Whoever names scopes must be ready for `Moved`.
        """
        ...

    async def snapshot(self) -> PullSnapshot: ...
