"""The server's half of a push: one transaction, known ids get their stored receipts, new ones are planned in order.

`push` only awaits the store, so each of its awaits is a point where a process may die; what was not committed then
never happened, and what was committed is answered by receipt when the device asks again (1, 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sync.acts import Act
from sync.canonical import compact
from sync.canonical import content_hash as hash_of
from sync.changes import ClientState, Key, Moved, Plan, Store, Unstorable
from sync.draft import Draft, Missing
from sync.errors import ActorMismatch, ClientRevoked, Fork, Gap, UnstorableValue
from sync.foresight import first_keys, scopes_of, second_keys
from sync.intake import refuse_reused, take_in
from sync.wire import Mutation, Request

TRIES: Final = 4
"""How often a push begins with the scopes it knows of, before it asks for all."""


@dataclass(frozen=True, slots=True)
class PushContext:
    """What the server knows about a push: whose session it is, and when it arrived (ms since 1970 UTC)."""

    user_id: str
    received_at: int


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """`receipts` are JSON texts in the order of the request; `scopes` those that changed, for whoever listens."""

    receipts: tuple[str, ...]
    next_n: int
    scopes: tuple[str, ...] = ()


async def push(store: Store, request: Request, context: PushContext) -> PushAnswer:
    """Take a push in. Raises `ActorMismatch`, `ClientRevoked`, `Gap`, `Fork`, `UnstorableValue` and `Unavailable`.

    All mutations go in one transaction. Where the database refuses to store it, each gets its own, so that a bad one
    costs only itself (20).
    """
    if request.user != context.user_id:
        raise ActorMismatch
    if not request.mutations:
        return await _look(store, request)
    try:
        return await _run(store, request, context)
    except Unstorable:
        return await _one_by_one(store, request, context)


async def _look(store: Store, request: Request) -> PushAnswer:
    """A request without mutations takes no write lock."""
    key = Key("client", (request.client,))
    snapshot = await store.snapshot()
    try:
        client = (await snapshot.load([key]))[key]
    finally:
        await snapshot.close()
    return PushAnswer((), _check_client(client, request).last_n + 1)


async def _one_by_one(store: Store, request: Request, context: PushContext) -> PushAnswer:
    receipts: list[str] = []
    touched: dict[str, None] = {}
    next_n = 0
    for mutation in request.mutations:
        answer = await _contained(store, replace(request, mutations=(mutation,)), context)
        receipts += answer.receipts
        touched.update(dict.fromkeys(answer.scopes))
        next_n = answer.next_n
    return PushAnswer(tuple(receipts), next_n, tuple(touched))


async def _contained(store: Store, request: Request, context: PushContext) -> PushAnswer:
    """Take in one mutation; what cannot be stored is refused and kept, as plain ASCII where even keeping it failed."""
    try:
        return await _run(store, request, context)
    except Unstorable:
        pass
    try:
        return await _run(store, request, context, refuse_as="unstorable")
    except Unstorable:
        pass
    try:
        return await _run(store, request, context, refuse_as="unstorable", is_masked=True)
    except Unstorable:
        raise UnstorableValue from None


async def _run(
    store: Store,
    request: Request,
    context: PushContext,
    refuse_as: str | None = None,
    *,
    is_masked: bool = False,
) -> PushAnswer:
    """One transaction, begun again while rows move away under it; in the end nothing moves, since it has all (8)."""
    scopes = scopes_of(request)
    for _ in range(TRIES):
        try:
            return await _try(store, scopes, request, context, refuse_as, is_masked)
        except Moved as moved:
            scopes = sorted(moved.scopes.union(scopes))
    return await _try(store, (), request, context, refuse_as, is_masked)


async def _try(
    store: Store,
    scopes: Iterable[str],
    request: Request,
    context: PushContext,
    refuse_as: str | None,
    is_masked: bool,
) -> PushAnswer:
    transaction = await store.begin(scopes)
    try:
        loaded = dict(await transaction.load(first_keys(request)))
        _check_client(loaded[Key("client", (request.client,))], request)
        loaded.update(await transaction.load(_new(second_keys(request, loaded), loaded)))
        while True:
            batch = Batch(Draft(loaded), request, context, refuse_as, is_masked)
            missing = batch.plan()
            if not missing:
                break
            loaded.update(await transaction.load(missing))
        missing = batch.number()
        if missing:
            loaded.update(await transaction.load(missing))
            batch.number()
        if _is_empty(batch.draft.plan):
            await transaction.rollback()
        else:
            await transaction.write(batch.draft.plan)
            await transaction.commit()
    except GeneratorExit:  # the process died here; nobody is left to roll back
        raise
    except BaseException:
        await transaction.rollback()
        raise
    return PushAnswer(tuple(batch.receipts), batch.client.last_n + 1, tuple(batch.draft.plan.clocks))


def _new(keys: Iterable[Key], loaded: dict[Key, Any]) -> list[Key]:
    return [key for key in keys if key not in loaded]


def _is_empty(plan: Plan) -> bool:
    return not (plan.rows or plan.receipts or plan.clients)


def _check_client(client: ClientState | None, request: Request) -> ClientState:
    """The client's state; a new client starts at 0. A client is one user's for ever (21)."""
    if client is None:
        return ClientState(request.client, request.user, 0)
    if client.user_id != request.user:
        raise ActorMismatch
    if client.is_revoked:
        raise ClientRevoked
    return client


class Batch:
    """The mutations of one transaction, planned over one draft."""

    def __init__(
        self, draft: Draft, request: Request, context: PushContext, refuse_as: str | None, is_masked: bool
    ) -> None:
        self.draft = draft
        self.request = request
        self.context = context
        self.refuse_as = refuse_as
        self.is_masked = is_masked
        self.client = _check_client(draft.client(request.client), request)
        self.receipts: list[str] = []

    def plan(self) -> Sequence[Key]:
        """Plan all mutations. Returns the keys that were missing: load them and plan again. Raises `Gap`, `Fork`."""
        missing: dict[Key, None] = {}
        for mutation in self.request.mutations:
            try:
                self._answer(mutation)
            except Missing as found:  # go on: the others may miss something too, and one load should fetch it all
                missing.update(dict.fromkeys(found.keys))
            self._advance(mutation)
        if not missing and self.client != self.draft.client(self.request.client):
            self.draft.put_client(self.client)
        return list(missing)

    def number(self) -> Sequence[Key]:
        """Number the changes and ring for whoever listens. Returns clocks that were missing: load and call again."""
        try:
            self.draft.number_changes()
        except Missing as found:
            return found.keys
        touched = sorted(self.draft.plan.clocks)
        if touched:
            first = self.draft.plan.receipts[0].mutation_id if self.draft.plan.receipts else touched[0]
            key = f"{first}/{self.client.id}/{self.client.last_n}"
            self.draft.tell("poke", key, {"scopes": touched})
        return ()

    def _advance(self, mutation: Mutation) -> None:
        if mutation.n == self.client.last_n + 1:
            self.client = replace(self.client, last_n=mutation.n)

    def _answer(self, mutation: Mutation) -> None:
        known = self.draft.receipt(mutation.id)
        if mutation.n > self.client.last_n + 1:
            raise Gap(self.client.last_n + 1)
        if known is None:
            if mutation.n <= self.client.last_n:
                raise Fork  # numbers have no holes, so another mutation once had this one (17)
            self.receipts.append(take_in(self._act(mutation), hash_of(mutation), self.refuse_as))
        elif known.user_id == self.request.user and known.content_hash == hash_of(mutation):
            self.receipts.append(known.body)
        else:
            self.receipts.append(refuse_reused(self._act(mutation)))

    def _act(self, mutation: Mutation) -> Act:
        received_at = self.context.received_at
        offset = received_at - self.request.sent_at
        corrected_at = max(0, min(received_at, mutation.made_at + offset))
        shown = masked(mutation) if self.is_masked else mutation
        return Act(self.draft, shown, self.draft.actor(self.request.user), received_at, received_at, corrected_at)


def masked(mutation: Mutation) -> Mutation:
    """The mutation with its arguments as one ASCII text: what any database holds."""
    text = compact(mutation.args).encode("ascii", "backslashreplace").decode()
    return replace(mutation, args={"text": text})
