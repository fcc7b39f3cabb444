"""A push begins again while rows move away under it: with all it has learnt, and in the end with everything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from sync.changes import Key, Moved, Plan, PushTransaction
from sync.memory import MemorySnapshot, MemoryStore
from sync.push import TRIES, PushContext, push
from tests.sync.site import ANA, NORTH, build_site, run, uid


class Restless:
    """A store under which rows move the first `times` times, each time to a scope more."""

    def __init__(self, store: MemoryStore, times: int) -> None:
        self._store = store
        self._times = times
        self.asked: list[list[str]] = []

    async def begin(self, scopes: Iterable[str]) -> PushTransaction:
        self.asked.append(list(scopes))
        transaction = await self._store.begin(())
        return _Moving(transaction, f"x/{len(self.asked)}") if len(self.asked) <= self._times else transaction

    async def snapshot(self) -> MemorySnapshot:
        return await self._store.snapshot()


class _Moving:
    def __init__(self, transaction: PushTransaction, scope: str) -> None:
        self._transaction = transaction
        self._scope = scope

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        return await self._transaction.load(keys)

    async def write(self, plan: Plan) -> None:
        await self._transaction.write(plan)
        raise Moved([self._scope])

    async def commit(self) -> None:
        await self._transaction.commit()

    async def rollback(self) -> None:
        await self._transaction.rollback()


@pytest.mark.parametrize("times", [0, 1, TRIES - 1, TRIES])
def test_a_push_ends_however_often_rows_move(times: int) -> None:
    """Invariants 2 and 8."""
    memory = MemoryStore(uid(14, 1))
    site = build_site(memory)
    phone, store = site.phone(ANA), Restless(memory, times)
    made = phone.mutation("item.create", {"id": site.id(11), "sector_id": NORTH, "title": "Cracked tile"})
    answer = run(push(store, phone.request(made), PushContext(ANA, site.now)))
    assert json.loads(answer.receipts[0])["outcome"] == "applied"
    assert len(site.rows("punch_items")) == 1
    assert len(store.asked) == times + 1
    named = {f"user/{ANA}", f"sector/{NORTH}"}
    for place, scopes in enumerate(store.asked[:TRIES]):
        assert scopes == sorted({*named, *(f"x/{number}" for number in range(1, place + 1))}), (
            "it begins with all of it"
        )
    assert store.asked[TRIES:] == ([[]] if times == TRIES else []), "at last it asks for everything"
