"""One bad mutation costs only itself, and a store that cannot work now acknowledges nothing (invariants 1, 3, 20)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from sync.changes import Key, Plan, PullSnapshot, PushTransaction, Unavailable, Unstorable
from sync.errors import UnstorableValue
from sync.memory import MemoryStore
from sync.push import PushContext, push
from tests.sync.site import ANA, NORTH, Phone, Site, build_site, run, uid

Fault = Callable[[str, Plan | None], None]


class FaultyStore:
    """A memory store whose transactions raise what `fault` raises for a step (`load`, `write`, `commit`) and plan."""

    def __init__(self, inner: MemoryStore) -> None:
        self.inner = inner
        self.fault: Fault = lambda _step, _plan: None

    async def begin(self, scopes: Iterable[str]) -> PushTransaction:
        return FaultyTransaction(await self.inner.begin(scopes), self)

    async def snapshot(self) -> PullSnapshot:
        return await self.inner.snapshot()


class FaultyTransaction:
    def __init__(self, inner: PushTransaction, store: FaultyStore) -> None:
        self.inner = inner
        self.store = store
        self.plan: Plan | None = None

    async def load(self, keys: Iterable[Key]) -> Mapping[Key, Any]:
        self.store.fault("load", None)
        return await self.inner.load(keys)

    async def write(self, plan: Plan) -> None:
        self.plan = plan
        self.store.fault("write", plan)
        await self.inner.write(plan)

    async def commit(self) -> None:
        self.store.fault("commit", self.plan)
        await self.inner.commit()
        self.store.fault("committed", self.plan)

    async def rollback(self) -> None:
        await self.inner.rollback()


@pytest.fixture
def faulty() -> tuple[Site, FaultyStore]:
    store = FaultyStore(MemoryStore(uid(14, 1)))
    return build_site(store), store


def refuse_text(text: str, *entities: str) -> Fault:
    """The database refuses rows of these entities (none: all) that hold the text."""

    def fault(step: str, plan: Plan | None) -> None:
        for row in plan.rows.values() if plan is not None and step == "write" else ():
            if (not entities or row.entity in entities) and text in json.dumps(row.doc, ensure_ascii=False):
                raise Unstorable("no")

    return fault


def creations(phone: Phone, *titles: str) -> list[Any]:
    return [
        phone.mutation("item.create", {"id": phone.site.id(11), "sector_id": NORTH, "title": title}) for title in titles
    ]


def titles(store: FaultyStore) -> list[str]:
    return [row.doc["title"] for (entity, _), row in store.inner.state.rows.items() if entity == "punch_items"]


def refused(store: FaultyStore) -> list[dict[str, Any]]:
    return [row.doc for (entity, _), row in store.inner.state.rows.items() if entity == "refusals"]


def test_a_value_the_database_refuses_costs_only_its_mutation(faulty: tuple[Site, FaultyStore]) -> None:
    site, store = faulty
    store.fault = refuse_text("poison", "punch_items")
    ana = site.phone(ANA)
    mutations = creations(ana, "one", "poison", "three")
    after = ana.mutation("comment.add", {"id": site.id(), "item_id": mutations[1].args["id"], "text": "t"})
    receipts = ana.send(*mutations, after)
    assert [receipt["reason"] for receipt in receipts] == [None, "unstorable", None, "depends_on"]
    assert titles(store) == ["one", "three"]
    assert refused(store)[0]["args"]["title"] == "poison"
    assert ana.push(*mutations, after).next_n == 5


def test_what_cannot_even_be_kept_as_it_is_is_kept_as_plain_text(faulty: tuple[Site, FaultyStore]) -> None:
    """Invariant 3."""
    site, store = faulty
    store.fault = refuse_text("pöison")
    ana = site.phone(ANA)
    mutations = creations(ana, "one", "pöison")
    answer = ana.push(*mutations)
    assert json.loads(answer.receipts[1])["reason"] == "unstorable"
    assert "p\\xf6ison" in refused(store)[0]["args"]["text"]
    assert ana.push(*mutations).receipts == answer.receipts, "it is still the same mutation (2)"


def test_what_cannot_be_kept_in_any_form_is_an_error_of_the_request(faulty: tuple[Site, FaultyStore]) -> None:
    site, store = faulty
    ana = site.phone(ANA)
    mutations = creations(ana, "one", "two")
    store.fault = refuse_text(mutations[1].id)
    with pytest.raises(UnstorableValue):
        ana.push(*mutations)
    store.fault = lambda _step, _plan: None
    assert [receipt["outcome"] for receipt in ana.send(*mutations)] == ["applied", "applied"]


@pytest.mark.parametrize("step", ["load", "write", "commit"])
def test_a_store_that_cannot_work_now_acknowledges_nothing(faulty: tuple[Site, FaultyStore], step: str) -> None:
    """Invariant 1: the same again may succeed, and then does so once."""
    site, store = faulty
    ana = site.phone(ANA)
    mutations = creations(ana, "one", "two")

    def fault(at: str, _plan: Plan | None) -> None:
        if at == step:
            raise Unavailable("locked")

    store.fault = fault
    with pytest.raises(Unavailable):
        ana.push(*mutations)
    assert not titles(store)
    store.fault = lambda _step, _plan: None
    ana.push(*mutations)
    assert titles(store) == ["one", "two"]


def test_a_commit_whose_answer_was_lost_is_answered_by_receipt(faulty: tuple[Site, FaultyStore]) -> None:
    """Invariants 1, 2."""
    site, store = faulty
    ana = site.phone(ANA)
    mutations = creations(ana, "one", "two")

    def fault(at: str, _plan: Plan | None) -> None:
        if at == "committed":
            raise Unavailable("gone")

    store.fault = fault
    with pytest.raises(Unavailable):
        ana.push(*mutations)
    store.fault = lambda _step, _plan: None
    assert [receipt["number"] for receipt in ana.send(*mutations)] == [1, 2]
    assert titles(store) == ["one", "two"]


@pytest.mark.parametrize("steps", range(1, 40))
def test_a_crash_anywhere_in_a_replay_one_by_one_loses_and_doubles_nothing(
    faulty: tuple[Site, FaultyStore], steps: int
) -> None:
    """Invariants 1, 2: some may be in already; the rest follows, the first are answered by receipt."""
    site, store = faulty
    store.fault = refuse_text("poison", "punch_items")
    ana = site.phone(ANA)
    mutations = creations(ana, "one", "poison", "three")
    coroutine = push(store, ana.request(*mutations), PushContext(ANA, site.now))
    try:
        for _ in range(steps):
            coroutine.send(None)
    except StopIteration:
        pass
    coroutine.close()
    store.inner.crash()
    reasons = [receipt["reason"] for receipt in ana.send(*mutations)]
    assert reasons == [None, "unstorable", None]
    assert titles(store) == ["one", "three"]
    assert len(refused(store)) == 1


def test_two_pushes_at_once_give_every_number_once(faulty: tuple[Site, FaultyStore]) -> None:
    """Invariant 15: whatever the interleaving of their awaits."""
    for pattern in range(64):
        site = build_site(MemoryStore(uid(14, 1)))
        phones = [site.phone(ANA), site.phone(ANA)]
        context = PushContext(ANA, site.now)
        running = [push(site.store, phone.request(*creations(phone, "a", "b")), context) for phone in phones]
        turns = [pattern >> bit & 1 for bit in range(6)]
        live = list(running)
        while live:
            coroutine = live[(turns.pop() if turns else 0) % len(live)]
            try:
                coroutine.send(None)
            except StopIteration:
                live.remove(coroutine)
            else:
                if not turns:
                    live.append(live.pop(0))
        assert sorted(row.doc["number"] for row in site.rows("punch_items")) == [1, 2, 3, 4]
        assert isinstance(site.store, MemoryStore)
        numbers = [change.number for change in site.store.state.changes[f"sector/{NORTH}"].values()]
        assert len(set(numbers)) == len(numbers)


def test_a_refused_write_leaves_no_lock_behind(faulty: tuple[Site, FaultyStore]) -> None:
    """Invariant 8."""
    site, store = faulty
    ana = site.phone(ANA)

    def fault(at: str, _plan: Plan | None) -> None:
        if at == "write":
            raise RuntimeError("a defect")

    store.fault = fault
    mutations = creations(ana, "one")
    with pytest.raises(RuntimeError):
        ana.push(*mutations)
    store.fault = lambda _step, _plan: None
    run(push(store, ana.request(*mutations), PushContext(ANA, site.now)))
    assert titles(store) == ["one"]
