"""Deletions that stick, and moves that take everything along (invariants 7, 10, 12)."""

from __future__ import annotations

from sync import admin
from sync.rules import Role
from tests.sync.site import ADA, ANA, EVE, GUS, NORTH, PAINTER, PROJECT, SAM, SOUTH, SUE, TILER, Site, uid


def test_a_deleted_item_leaves_every_phone_and_no_older_work_brings_it_back(site: Site) -> None:
    """Invariant 10."""
    ana, sue, gus = site.phone(ANA), site.phone(SUE), site.phone(GUS)
    item_id = ana.create(company_id=TILER)
    comment = ana.do("comment.add", {"id": site.id(), "item_id": item_id, "text": "Here."}, 1)
    for phone in (ana, gus):
        phone.pull()
        assert phone.sees("punch_items").keys() == {item_id}
        assert phone.sees("comments").keys() == {comment["row"]}
    sue.do("item.delete", {"id": item_id}, 2)
    for phone in (ana, gus):
        phone.pull()
        assert not phone.sees("punch_items")
        assert not phone.sees("comments")
        assert not phone.sees("item_events")
    assert ana.edit(item_id, {"location": ""}, {"location": "x"}, 2)["reason"] == "deleted"
    assert ana.do("item.submit", {"id": item_id}, 2)["reason"] == "deleted"
    late = {"id": site.id(), "item_id": item_id, "text": "Too late."}
    assert ana.do("comment.add", late, 2)["reason"] == "deleted"
    assert sue.do("item.delete", {"id": item_id}, 2)["outcome"] == "applied"
    assert site.row("punch_items", item_id).is_deleted


def test_a_restored_item_is_back_with_all_that_hung_on_it(site: Site) -> None:
    ana, sue = site.phone(ANA), site.phone(SUE)
    item_id = ana.create()
    ana.do("comment.add", {"id": site.id(), "item_id": item_id, "text": "Here."}, 1)
    sue.do("item.delete", {"id": item_id}, 2)
    ana.pull()
    assert ana.do("item.restore", {"id": item_id})["reason"] == "forbidden"
    assert sue.do("item.restore", {"id": item_id})["outcome"] == "applied"
    ana.pull()
    assert ana.sees("punch_items").keys() == {item_id}
    assert len(ana.sees("comments")) == 1
    assert len(ana.sees("item_events")) == 4


def test_a_restoration_older_than_the_deletion_does_not_undo_it(site: Site) -> None:
    """Invariant 10."""
    sue, sam = site.phone(SUE), site.phone(SAM)
    item_id = sue.create()
    sue.do("item.delete", {"id": item_id}, 1)
    queued = sam.mutation("item.restore", {"id": item_id}, 2)
    sue.do("item.restore", {"id": item_id}, 2)
    sue.do("item.delete", {"id": item_id}, 3)
    assert sam.send(queued)[0]["reason"] == "deleted"


def test_a_move_takes_the_item_and_its_children_to_the_other_sector(site: Site) -> None:
    """Invariant 12: judged in both sectors."""
    ada, ana, eve, sue = (site.phone(user_id) for user_id in (ADA, ANA, EVE, SUE))
    item_id = ana.create()
    ana.do("comment.add", {"id": site.id(), "item_id": item_id, "text": "Here."}, 1)
    ana.pull()
    eve.pull()
    args = {"id": item_id, "from_sector_id": NORTH, "sector_id": SOUTH}
    assert sue.do("item.move", args, 2)["reason"] == "forbidden", "she has no right in the other sector"
    assert ada.do("item.move", args, 2)["outcome"] == "applied"
    ana.pull()
    eve.pull()
    assert not ana.sees("punch_items")
    assert not ana.sees("comments")
    assert eve.sees("punch_items").keys() == {item_id}
    assert len(eve.sees("comments")) == 1
    assert len(eve.sees("item_events")) == 3


def test_two_different_moves_are_a_question_for_people(site: Site) -> None:
    east = uid(1, 3)
    site.office(admin.put_sector(east, PROJECT, "B-6", "East"))
    one, other = site.phone(ADA), site.phone(ADA)
    item_id = one.create(NORTH)
    one.do("item.move", {"id": item_id, "from_sector_id": NORTH, "sector_id": SOUTH}, 1)
    receipt = other.do("item.move", {"id": item_id, "from_sector_id": NORTH, "sector_id": east}, 1)
    assert (receipt["outcome"], receipt["fields"]) == ("conflict", {"sector_id": "conflict"})
    assert site.doc(item_id)["sector_id"] == SOUTH
    other.do("conflict.resolve", {"id": receipt["conflicts"][0], "choice": "other"}, 1)
    assert site.doc(item_id)["sector_id"] == east


def test_a_move_by_a_card_takes_the_right_in_both_sectors(site: Site) -> None:
    """Invariant 12: a worker here who leads there pulls nothing over."""
    east = uid(1, 3)
    site.office(
        admin.put_sector(east, PROJECT, "B-6", "East"),
        admin.grant_membership(site.id(5), ANA, east, Role.SUPERVISOR, site.now),
    )
    ana, one, other = site.phone(ANA), site.phone(ADA), site.phone(ADA)
    item_id = one.create(SOUTH)
    one.do("item.move", {"id": item_id, "from_sector_id": SOUTH, "sector_id": NORTH}, 1)
    receipt = other.do("item.move", {"id": item_id, "from_sector_id": SOUTH, "sector_id": east}, 1)
    card = {"id": receipt["conflicts"][0], "choice": "other"}
    assert ana.do("conflict.resolve", card)["reason"] == "forbidden"
    assert site.doc(item_id)["sector_id"] == NORTH
    site.office(admin.grant_membership(site.id(5), ANA, NORTH, Role.SUPERVISOR, site.now))
    assert ana.do("conflict.resolve", card)["outcome"] == "applied"


def test_a_change_of_company_moves_the_item_between_guests(site: Site) -> None:
    sue, gus = site.phone(SUE), site.phone(GUS)
    item_id = sue.create(company_id=TILER)
    sue.do("comment.add", {"id": site.id(), "item_id": item_id, "text": "Yours."}, 1)
    gus.pull()
    assert gus.sees("punch_items").keys() == {item_id}
    sue.edit(item_id, {"company_id": TILER}, {"company_id": PAINTER}, 2)
    gus.pull()
    assert not gus.sees("punch_items")
    assert not gus.sees("comments")
