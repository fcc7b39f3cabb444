"""Photos that come too early, too late, or to the wrong place (invariants 7, 12, 19, 22)."""

from __future__ import annotations

from typing import Any

import pytest

from sync import admin, planners, release
from sync.photos import PHOTOS
from sync.rules import Role
from tests.sync.site import ADA, ANA, AUD, BO, EVE, HOUR, NORTH, SOUTH, Phone, Site, membership, photo_args, run, uid

NOWHERE = uid(15, 1)


def test_a_photo_that_comes_before_its_item_waits_and_what_follows_goes_behind(site: Site) -> None:
    """Invariant 19."""
    ana, bo = site.phone(ANA), site.phone(BO)
    item_id = site.id(11)
    args = photo_args(site, item_id)
    named = {"id": args["id"], "item_id": item_id}
    edit = {**named, "set": {"caption": "Dry"}, "was": {"caption": args["caption"]}}
    receipts = ana.send(ana.mutation("photo.add", args), ana.mutation("photo.edit", edit))
    assert [receipt["outcome"] for receipt in receipts] == ["parked", "parked"]
    assert [row.doc["item_id"] for row in site.rows("refusals")] == [item_id, item_id]
    bo.do("item.create", {"id": item_id, "sector_id": NORTH, "title": "Tile"})
    assert site.row(PHOTOS, args["id"]).doc["caption"] == "Dry"
    assert site.doc(item_id)["photo_count"] == 1
    assert {row.doc["state"] for row in site.rows("refusals")} == {"applied"}


def test_what_builds_on_a_refused_photo_is_told_so(site: Site) -> None:
    """Invariant 19."""
    ana, aud = site.phone(ANA), site.phone(AUD)
    item_id = ana.create()
    args = photo_args(site, item_id)
    named = {"id": args["id"], "item_id": item_id}
    assert aud.do("photo.add", args)["reason"] == "forbidden"
    assert aud.do("photo.remove", named)["reason"] == "forbidden"
    assert ana.do("photo.add", {**args, "size_bytes": 0})["reason"] == "invalid"
    assert ana.do("photo.remove", named)["reason"] == "depends_on"
    assert ana.do("photo.add", args)["outcome"] == "applied", "mended and sent again"
    assert ana.do("photo.remove", named)["outcome"] == "applied"


def test_what_builds_on_a_photo_that_was_refused_after_it_waited_is_told_so(site: Site) -> None:
    ana, ada = site.phone(ANA), site.phone(ADA)
    item_id = site.id(11)
    args = photo_args(site, item_id)
    named = {"id": args["id"], "item_id": item_id}
    ana.send(ana.mutation("photo.add", args), ana.mutation("photo.remove", named))
    taken = ana.create()
    photo = photo_args(site, taken, id=args["id"])
    assert site.phone(BO).do("photo.add", photo, 1)["outcome"] == "applied", "the id is used meanwhile"
    ada.do("item.create", {"id": item_id, "sector_id": NORTH, "title": "Tile"})
    assert [row.doc["reason"] for row in site.rows("refusals")] == ["exists", "not_found"]


def test_later_work_on_a_photo_that_waited_and_was_refused_is_told_so(site: Site) -> None:
    ana, ada = site.phone(ANA), site.phone(ADA)
    item_id = site.id(11)
    args = photo_args(site, item_id)
    named = {"id": args["id"], "item_id": item_id}
    ana.do("photo.add", args)
    site.office(admin.end_membership(membership(ANA), site.now - HOUR))
    site.office(admin.grant_membership(uid(5, 98), ANA, NORTH, Role.AUDITOR, site.now))
    ada.do("item.create", {"id": item_id, "sector_id": NORTH, "title": "Tile"})
    assert [row.doc["reason"] for row in site.rows("refusals")] == ["forbidden"]
    site.office(admin.grant_membership(uid(5, 99), ANA, NORTH, Role.WORKER, site.now))
    assert ana.do("photo.remove", named)["reason"] == "depends_on"


@pytest.mark.parametrize("name", ["photo.edit", "photo.remove", "photo.restore"])
def test_a_photo_elsewhere_answers_as_one_that_does_not_exist(site: Site, name: str) -> None:
    """Invariant 7: ids are guessed in vain."""
    eve, ana = site.phone(EVE), site.phone(ANA)
    hidden_item = eve.create(SOUTH)
    hidden, mine = eve.shoot(hidden_item), ana.create()

    def tried(phone: Phone, photo_id: str, item_id: str) -> dict[str, Any]:
        args = {"id": photo_id, "item_id": item_id}
        if name == "photo.edit":
            args |= {"set": {"caption": "x"}, "was": {"caption": ""}}  # type: ignore[dict-item]
        return {key: value for key, value in phone.do(name, args, 1).items() if key != "id"}

    assert tried(ana, hidden, mine) == tried(ana, NOWHERE, mine)
    assert tried(ana, hidden, mine)["reason"] == "not_found"
    assert tried(ana, hidden, hidden_item) == tried(site.phone(ANA), NOWHERE, uid(15, 2))


def test_a_photo_of_a_former_member_is_late_work(site: Site) -> None:
    """Invariant 12: made and based before the end, and here within 72 hours."""
    ana, bo = site.phone(ANA), site.phone(BO)
    item_id = ana.create()
    made_at = site.now
    site.now += HOUR
    site.office(admin.end_membership(membership(ANA), site.now))
    site.now += HOUR
    bo.edit(item_id, {"location": ""}, {"location": "Hall"}, 1)
    args = photo_args(site, item_id)
    receipt = ana.do("photo.add", args, 1, made_at=made_at)
    assert (receipt["outcome"], receipt["late"]) == ("applied", True)
    assert (site.row(PHOTOS, args["id"]).doc["is_late"], site.last_event()["is_late"]) == (True, True)
    refused = ana.do("photo.add", photo_args(site, item_id), 2, made_at=made_at)
    assert refused["reason"] == "not_found", "based on what she could not have seen"


def test_a_server_from_before_photos_parks_them_and_a_newer_one_takes_them_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 22: why the schema's number stays."""
    ana = site.phone(ANA)
    item_id = ana.create()
    args = photo_args(site, item_id)
    edit = {"id": args["id"], "item_id": item_id, "set": {"caption": "Dry"}, "was": {"caption": ""}}
    older = {name: planner for name, planner in planners.PLANNERS.items() if not name.startswith("photo.")}
    with monkeypatch.context() as patch:
        patch.setattr(planners, "PLANNERS", older)
        receipts = ana.send(ana.mutation("photo.add", args, 1), ana.mutation("photo.edit", edit, 1))
        assert {(receipt["outcome"], receipt["reason"]) for receipt in receipts} == {("parked", "unknown_mutation")}
    assert run(release.release_known(site.store, site.now)) == 2
    assert site.row(PHOTOS, args["id"]).doc["caption"] == "Dry"
