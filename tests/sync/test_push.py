"""A push takes work in exactly once, in order, for the right user (invariants 1, 2, 16, 17, 21)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sync.changes import ClientState
from sync.errors import ActorMismatch, ClientRevoked, Fork, Gap
from sync.memory import MemoryStore
from sync.push import PushContext, push
from tests.sync.site import ANA, BO, NORTH, Phone, Site, run


def _titles(phone: Phone, count: int) -> list[str]:
    return [f"Item {number} of {phone.user_id[-1]}" for number in range(count)]


def _creations(phone: Phone, count: int) -> list:  # type: ignore[type-arg]
    return [
        phone.mutation("item.create", {"id": phone.site.id(11), "sector_id": NORTH, "title": title})
        for title in _titles(phone, count)
    ]


def test_a_resent_push_changes_nothing_and_gets_the_same_bytes(site: Site) -> None:
    """Invariant 2."""
    ana = site.phone(ANA)
    mutations = _creations(ana, 5)
    first = ana.push(*mutations)
    assert isinstance(site.store, MemoryStore)
    before = site.store.image()
    site.now += 1000
    assert ana.push(*mutations).receipts == first.receipts
    assert ana.push(*mutations[:2]).receipts == first.receipts[:2]
    assert ana.push(*mutations[3:]).receipts == first.receipts[3:]
    assert site.store.image() == before


def test_a_resent_prefix_may_bring_new_work_behind_it(site: Site) -> None:
    """Invariants 2, 16."""
    ana = site.phone(ANA)
    mutations = _creations(ana, 4)
    first = ana.push(*mutations[:2])
    answer = ana.push(*mutations)
    assert answer.receipts[:2] == first.receipts
    assert answer.next_n == 5
    assert [row.doc["number"] for row in site.rows("punch_items")] == [1, 2, 3, 4]


def test_numbers_of_a_project_are_given_once_over_all_phones(site: Site) -> None:
    ana, bo = site.phone(ANA), site.phone(BO)
    receipts = [*ana.send(*_creations(ana, 3)), *bo.send(*_creations(bo, 3)), *ana.send(*_creations(ana, 1))]
    assert [receipt["number"] for receipt in receipts] == [1, 2, 3, 4, 5, 6, 7]


def test_a_hole_in_the_numbers_is_a_gap_and_takes_nothing_in(site: Site) -> None:
    """Invariant 16."""
    ana = site.phone(ANA)
    mutations = _creations(ana, 3)
    ana.push(mutations[0])
    with pytest.raises(Gap) as raised:
        ana.push(mutations[2])
    assert raised.value.extra == {"next_n": 2}
    assert len(site.rows("punch_items")) == 1


def test_a_number_used_by_another_mutation_is_a_fork_and_takes_nothing_in(site: Site) -> None:
    """Invariant 17."""
    ana = site.phone(ANA)
    ana.push(*_creations(ana, 2))
    twin = replace(ana, last_n=1)
    with pytest.raises(Fork):
        twin.push(*_creations(twin, 3))
    assert len(site.rows("punch_items")) == 2


def test_after_a_fork_the_same_ids_under_a_new_client_lose_and_double_nothing(site: Site) -> None:
    """Invariant 17: a restored phone renumbers from 1, ids unchanged."""
    ana = site.phone(ANA)
    known = _creations(ana, 3)
    first = ana.push(*known)
    twin = site.phone(ANA)
    fresh = _creations(twin, 2)
    renumbered = [
        replace(mutation, client=twin.client, n=n) for n, mutation in enumerate([*known[1:], *fresh], start=1)
    ]
    answer = twin.push(*renumbered)
    assert answer.receipts[:2] == first.receipts[1:]
    assert answer.next_n == 5
    assert len(site.rows("punch_items")) == 5


def test_the_same_id_with_other_content_is_refused_and_kept(site: Site) -> None:
    """Invariants 2, 3."""
    ana = site.phone(ANA)
    mutation = _creations(ana, 1)[0]
    first = ana.push(mutation)
    other = replace(mutation, n=2, args={**mutation.args, "title": "Something else"})
    answer = ana.push(other)
    receipt = json.loads(answer.receipts[0])
    assert (receipt["outcome"], receipt["reason"]) == ("refused", "mutation_reused")
    assert answer.next_n == 3
    assert ana.push(other).receipts == answer.receipts
    assert [row.doc["args"]["title"] for row in site.rows("refusals")] == ["Something else"]
    assert ana.push(mutation).receipts == first.receipts


def test_somebody_elses_id_is_refused_without_a_word_about_it(site: Site) -> None:
    """Invariants 2, 7: the answer is the same whatever the other mutation was."""
    ana, bo = site.phone(ANA), site.phone(BO)
    hers = _creations(ana, 1)[0]
    ana.push(hers)
    bo.last_n = 1
    same = replace(hers, client=bo.client, n=1)
    receipt = bo.send(same)[0]
    assert (receipt["outcome"], receipt["reason"], receipt["row"]) == ("refused", "mutation_reused", None)
    assert [row.doc["user_id"] for row in site.rows("refusals")] == [BO]
    assert bo.push(same).next_n == 2
    assert len(site.rows("punch_items")) == 1


def test_another_users_entries_are_refused_as_a_whole(site: Site) -> None:
    """Invariant 21."""
    ana = site.phone(ANA)
    request = ana.request(*_creations(ana, 1))
    with pytest.raises(ActorMismatch):
        run(push(site.store, request, PushContext(BO, site.now)))
    assert not site.rows("punch_items")


def test_a_client_stays_one_users_for_ever(site: Site) -> None:
    """Invariant 21."""
    ana = site.phone(ANA)
    ana.push(*_creations(ana, 1))
    thief = Phone(site, BO, ana.client, last_n=1)
    with pytest.raises(ActorMismatch):
        thief.push(*_creations(thief, 1))
    with pytest.raises(ActorMismatch):
        thief.push()


def test_a_revoked_client_is_told_so_even_when_it_sends_nothing(site: Site) -> None:
    ana = site.phone(ANA)
    mutations = _creations(ana, 2)
    ana.push(mutations[0])
    assert isinstance(site.store, MemoryStore)
    site.store.state.clients[ana.client] = ClientState(ana.client, ANA, 1, is_revoked=True)
    with pytest.raises(ClientRevoked):
        ana.push(mutations[1])
    with pytest.raises(ClientRevoked):
        ana.push()


def test_a_push_without_mutations_takes_no_write_lock(site: Site) -> None:
    ana = site.phone(ANA)
    run(site.store.begin(()))  # somebody writes and does not end
    assert ana.push().next_n == 1


def test_a_noop_takes_its_number_and_nothing_else(site: Site) -> None:
    """Invariant 16: what stands for a discarded mutation."""
    ana = site.phone(ANA)
    answer = ana.push(ana.mutation("noop", {}))
    assert json.loads(answer.receipts[0])["outcome"] == "applied"
    assert answer.next_n == 2
    assert not answer.scopes


def test_every_applied_mutation_has_exactly_one_audit_row(site: Site) -> None:
    """A1; a refused one has none."""
    ana = site.phone(ANA)
    good = _creations(ana, 2)
    bad = ana.mutation("item.accept", {"id": good[0].args["id"]}, 1)
    ana.push(*good, bad)
    ana.push(*good, bad)
    assert isinstance(site.store, MemoryStore)
    mine = [row.key for row in site.store.state.outbox.values() if row.kind == "audit" and row.payload.get("client")]
    assert mine == [mutation.id for mutation in good]


@pytest.mark.parametrize("limit", range(1, 12))
def test_a_crash_at_any_await_leaves_all_or_nothing(site: Site, limit: int) -> None:
    """Invariant 1: the device asks again and finds every mutation applied once."""
    ana = site.phone(ANA)
    mutations = _creations(ana, 3)
    coroutine = push(site.store, ana.request(*mutations), PushContext(ANA, site.now))
    try:
        for _ in range(limit):
            coroutine.send(None)
    except StopIteration:
        pass
    coroutine.close()
    assert isinstance(site.store, MemoryStore)
    site.store.crash()
    assert len(site.rows("punch_items")) in (0, 3)
    ana.push(*mutations)
    assert len(site.rows("punch_items")) == 3
    assert len(site.rows("item_events")) == 3
