"""Waiting work: what lacks its row is kept in order, and what can never be is said (invariants 3, 8, 10, 19, 22)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from sync import admin, planners
from sync.acts import Act, Result
from sync.changes import Key
from sync.memory import MemoryStore, MemoryTransaction
from sync.release import release_known
from sync.rules import Role
from sync.wire import Mutation
from tests.sync.site import ADA, ANA, BO, EVE, GUS, NORTH, PAINTER, PROJECT, SOUTH, SUE, TILER, Phone, Site, run, uid


def edit(phone: Phone, item_id: str, title: str, was: str = "Cracked tile") -> Mutation:
    return phone.mutation("item.edit", {"id": item_id, "set": {"title": title}, "was": {"title": was}})


def comment(phone: Phone, item_id: str, text: str = "Hm.") -> Mutation:
    return phone.mutation("comment.add", {"id": phone.site.id(), "item_id": item_id, "text": text})


def create(phone: Phone, item_id: str, sector_id: str = NORTH) -> Mutation:
    return phone.mutation("item.create", {"id": item_id, "sector_id": sector_id, "title": "Cracked tile"})


def states(site: Site) -> dict[str, tuple[str, str | None]]:
    """Refusal → its state and reason."""
    return {row.id: (row.doc["state"], row.doc["reason"]) for row in site.rows("refusals")}


def test_work_on_a_row_that_is_not_there_is_parked_with_its_content(site: Site) -> None:
    bo, item_id = site.phone(BO), site.id(11)
    waiting = comment(bo, item_id)
    (receipt,) = bo.send(waiting)
    assert (receipt["outcome"], receipt["reason"]) == ("parked", "waiting")
    doc = site.row("refusals", waiting.id).doc
    assert (doc["state"], doc["waiting_for"], doc["item_id"]) == ("parked", f"punch_items/{item_id}", item_id)
    assert doc["args"] == waiting.args


def test_parked_work_is_released_in_its_order_when_the_row_arrives(site: Site) -> None:
    ana, bo, item_id = site.phone(ANA), site.phone(BO), site.id(11)
    parked = [edit(bo, item_id, "One"), comment(bo, item_id), edit(bo, item_id, "Two", was="One")]
    first = bo.push(*parked)
    site.now += 1
    ana.send(create(ana, item_id))
    assert (site.doc(item_id)["title"], site.doc(item_id)["comment_count"]) == ("Two", 1)
    assert states(site) == {mutation.id: ("applied", None) for mutation in parked}
    assert [row.doc["actor_id"] for row in site.rows("item_events")] == [ANA, BO, BO, BO]
    assert bo.push(*parked).receipts == first.receipts, "receipts are for ever (2)"
    bo.pull()
    assert {doc["state"] for doc in bo.sees("refusals").values()} == {"applied"}


def test_released_work_has_one_audit_row(site: Site) -> None:
    """A1."""
    ana, bo, item_id = site.phone(ANA), site.phone(BO), site.id(11)
    waiting = comment(bo, item_id)
    bo.send(waiting)
    assert isinstance(site.store, MemoryStore)
    assert ("audit", waiting.id) not in site.store.state.outbox
    ana.send(create(ana, item_id))
    audit = site.store.state.outbox[("audit", waiting.id)].payload
    assert (audit["user_id"], audit["name"], audit["client"]) == (BO, "comment.add", bo.client)


def test_released_work_is_judged_by_its_authors_rights_then(site: Site) -> None:
    """Invariant 12."""
    ana, bo, item_id = site.phone(ANA), site.phone(BO), site.id(11)
    waiting = bo.mutation("item.void", {"id": item_id, "reason": "not ours"})
    bo.send(waiting)
    ana.send(create(ana, item_id))
    assert states(site)[waiting.id] == ("refused", "forbidden")
    assert site.row("refusals", waiting.id).doc["waiting_for"] is None
    assert site.doc(item_id)["status"] == "open"


def test_later_work_of_the_same_author_goes_behind_parked_work_and_nobody_elses_does(site: Site) -> None:
    """Invariant 19. Eve may not see the item; she gets in later, and her work with her, in order."""
    ana, eve, bo = site.phone(ANA), site.phone(EVE), site.phone(BO)
    item_id = ana.create()
    site_parked = [edit(eve, item_id, "One"), comment(eve, item_id)]
    assert {receipt["outcome"] for receipt in eve.send(*site_parked)} == {"parked"}
    assert bo.send(comment(bo, item_id))[0]["outcome"] == "applied"
    site.office(admin.grant_membership(site.id(5), EVE, NORTH, Role.WORKER, site.now))
    (receipt,) = eve.send(edit(eve, item_id, "Two", was="One"))
    assert receipt["outcome"] in ("applied", "merged")
    assert site.doc(item_id)["title"] == "Two"
    assert site.doc(item_id)["comment_count"] == 2
    assert states(site) == {mutation.id: ("applied", None) for mutation in site_parked}


def test_a_move_into_sight_releases_what_was_parked(site: Site) -> None:
    ana, eve, ada = site.phone(ANA), site.phone(EVE), site.phone(ADA)
    item_id = ana.create()
    waiting = comment(eve, item_id)
    eve.send(waiting)
    ada.do("item.move", {"id": item_id, "from_sector_id": NORTH, "sector_id": SOUTH}, 1)
    assert states(site) == {waiting.id: ("applied", None)}
    assert site.doc(item_id)["comment_count"] == 1


def test_a_right_that_is_given_releases_what_was_parked_without_it(site: Site) -> None:
    """Invariant 8: the author may have nothing more to send."""
    ana, eve = site.phone(ANA), site.phone(EVE)
    seen, nowhere = ana.create(), site.id(11)
    waiting, still = comment(eve, seen), comment(eve, nowhere)
    eve.send(waiting, still)
    site.office(admin.grant_membership(site.id(5), EVE, NORTH, Role.WORKER, site.now))
    assert states(site) == {waiting.id: ("applied", None), still.id: ("parked", "waiting")}
    assert isinstance(site.store, MemoryStore)
    assert ("audit", waiting.id) in site.store.state.outbox


def test_a_card_that_moves_an_item_into_sight_releases_what_was_parked(site: Site) -> None:
    """Invariant 8."""
    east = uid(1, 3)
    site.office(admin.put_sector(east, PROJECT, "B-6", "East"))
    one, other, eve = site.phone(ADA), site.phone(ADA), site.phone(EVE)
    item_id = one.create(NORTH)
    waiting = comment(eve, item_id)
    eve.send(waiting)
    one.do("item.move", {"id": item_id, "from_sector_id": NORTH, "sector_id": east}, 1)
    receipt = other.do("item.move", {"id": item_id, "from_sector_id": NORTH, "sector_id": SOUTH}, 1)
    assert states(site)[waiting.id] == ("parked", "waiting")
    one.do("conflict.resolve", {"id": receipt["conflicts"][0], "choice": "other"})
    assert states(site)[waiting.id] == ("applied", None)


def test_work_parked_for_a_guest_is_released_when_the_item_becomes_the_companys(site: Site) -> None:
    """Invariant 8."""
    sue, gus = site.phone(SUE), site.phone(GUS)
    item_id = sue.create()
    waiting = comment(gus, item_id)
    assert gus.send(waiting)[0]["outcome"] == "parked"
    sue.edit(item_id, {"company_id": None}, {"company_id": TILER}, 1)
    assert states(site)[waiting.id] == ("applied", None)


def test_a_guest_whose_item_went_to_another_company_is_told(site: Site) -> None:
    """Else the work would wait, in silence, for an item that the guest had seen and will not see again."""
    sue, gus = site.phone(SUE), site.phone(GUS)
    seen, never = sue.create(company_id=TILER), sue.create(company_id=PAINTER)
    sue.edit(seen, {"company_id": TILER}, {"company_id": PAINTER}, 1)
    sue.edit(never, {"company_id": PAINTER}, {"company_id": None}, 1)
    answers = gus.send(comment(gus, seen), comment(gus, never))
    assert [answer["reason"] for answer in answers] == ["not_found", "waiting"]


def test_much_that_waits_is_released_in_a_few_loads(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each needs a row of its own; a load and a new plan for each would hold up every other push for minutes."""
    ana, bo, item_id = site.phone(ANA), site.phone(BO), site.id(11)
    was = {"trade_id": None}
    edits = [bo.mutation("item.edit", {"id": item_id, "set": {"trade_id": site.id(3)}, "was": was}) for _ in range(400)]
    bo.push(*edits)
    loads = []
    original = MemoryTransaction.load

    async def load(self: MemoryTransaction, keys: Iterable[Key]) -> Mapping[Key, Any]:
        loads.append(wanted := list(keys))
        return await original(self, wanted)

    monkeypatch.setattr(MemoryTransaction, "load", load)
    ana.send(create(ana, item_id))
    assert states(site) == {mutation.id: ("refused", "not_found") for mutation in edits}
    assert len(loads) <= 6


def test_an_invisible_row_answers_exactly_as_one_that_does_not_exist(site: Site) -> None:
    """Invariant 7: no oracle, whatever is tried."""
    there = site.phone(ANA).create()
    gone = site.phone(ANA).create()
    site.phone(SUE).do("item.delete", {"id": gone}, 1)
    nowhere = site.id(11)
    answers = []
    for item_id in (there, gone, nowhere):
        eve = site.phone(EVE)
        receipts = eve.send(
            edit(eve, item_id, "One"),
            eve.mutation("item.start", {"id": item_id}, 1),
            eve.mutation("item.accept", {"id": item_id}, 99),
            eve.mutation("item.delete", {"id": item_id}, 1),
            eve.mutation("item.restore", {"id": item_id}, 1),
            eve.mutation("item.move", {"id": item_id, "from_sector_id": NORTH, "sector_id": SOUTH}, 1),
            comment(eve, item_id),
        )
        answers.append([{**receipt, "id": None} for receipt in receipts])
    assert answers[0] == answers[1] == answers[2]
    assert {receipt["outcome"] for receipt in answers[0]} == {"parked"}


def test_who_could_see_the_item_once_is_told_that_it_went_out_of_sight(site: Site) -> None:
    ana, ada = site.phone(ANA), site.phone(ADA)
    item_id = ana.create()
    ada.do("item.move", {"id": item_id, "from_sector_id": NORTH, "sector_id": SOUTH}, 1)
    (receipt,) = ana.send(edit(ana, item_id, "One"))
    assert (receipt["outcome"], receipt["reason"]) == ("refused", "not_found")


def test_what_depends_on_a_refused_creation_is_refused(site: Site) -> None:
    """Invariant 19."""
    ana, item_id, other = site.phone(ANA), site.id(11), site.id(11)
    receipts = ana.send(
        create(ana, item_id, SOUTH), edit(ana, item_id, "One"), comment(ana, item_id), create(ana, other)
    )
    assert [receipt["reason"] for receipt in receipts] == ["forbidden", "depends_on", "depends_on", None]
    (receipt,) = ana.send(comment(ana, item_id))
    assert receipt["reason"] == "depends_on", "in a later push as well"


def test_parked_work_whose_creation_is_refused_later_is_refused_too(site: Site) -> None:
    """Invariant 8: nothing waits for what will not come."""
    ana, item_id = site.phone(ANA), site.id(11)
    waiting = comment(ana, item_id)
    ana.send(waiting)
    ana.send(create(ana, item_id, SOUTH))
    assert states(site)[waiting.id] == ("refused", "depends_on")


def test_nobody_can_spoil_another_users_waiting_work_by_a_creation_that_is_refused(site: Site) -> None:
    ana, eve, item_id = site.phone(ANA), site.phone(EVE), site.id(11)
    waiting = comment(ana, item_id)
    ana.send(waiting)
    eve.send(create(eve, item_id, NORTH))
    assert states(site)[waiting.id] == ("parked", "waiting")
    assert ana.send(comment(ana, item_id))[0]["outcome"] == "parked"
    bo = site.phone(BO)
    assert bo.send(comment(bo, item_id))[0]["outcome"] == "parked"


def test_a_second_try_to_create_makes_later_work_possible(site: Site) -> None:
    ana, item_id = site.phone(ANA), site.id(11)
    refused = create(ana, item_id, SOUTH)
    ana.send(refused)
    receipts = ana.send(create(ana, item_id), comment(ana, item_id))
    assert [receipt["outcome"] for receipt in receipts] == ["applied", "applied"]
    assert site.row("refusals", refused.id).doc["waiting_for"] is None


def test_a_parked_mutation_that_was_dismissed_is_not_released(site: Site) -> None:
    ana, bo, item_id = site.phone(ANA), site.phone(BO), site.id(11)
    waiting = comment(bo, item_id)
    bo.send(waiting)
    bo.do("refusal.dismiss", {"id": waiting.id})
    ana.send(create(ana, item_id))
    assert states(site)[waiting.id][0] == "dismissed"
    assert site.doc(item_id)["comment_count"] == 0


@pytest.mark.parametrize("more", [{"name": "item.split"}, {"schema": 2}])
def test_an_unknown_mutation_is_parked_and_holds_up_nobody(site: Site, more: dict[str, str | int]) -> None:
    """Invariant 22."""
    ana = site.phone(ANA)
    item_id = ana.create()
    unknown = ana.mutation(**{"name": "item.start", "args": {"id": item_id, "parts": [1]}} | more)  # type: ignore[arg-type]
    receipts = ana.send(unknown, comment(ana, item_id))
    assert [receipt["reason"] for receipt in receipts] == ["unknown_mutation", None]
    assert site.row("refusals", unknown.id).doc["args"] == {"id": item_id, "parts": [1]}


def test_a_server_that_knows_the_mutation_takes_it_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 22."""
    ana = site.phone(ANA)
    unknown = ana.mutation("site.greet", {"to": "Bo"})
    ana.send(unknown)
    assert run(release_known(site.store, site.now)) == 0
    greeted = []

    def greet(act: Act) -> Result:
        greeted.append(act.args["to"])
        return Result()

    monkeypatch.setattr(planners, "PLANNERS", {**planners.PLANNERS, "site.greet": greet})
    monkeypatch.setattr("sync.release.PLANNERS", planners.PLANNERS)
    monkeypatch.setattr(planners, "are_valid", lambda _name, _args: True)
    assert run(release_known(site.store, site.now)) == 1
    assert set(greeted) == {"Bo"}
    assert states(site)[unknown.id] == ("applied", None)
    assert run(release_known(site.store, site.now)) == 0
