"""Photos as rows: who may add, change, remove and restore them, and what the item makes of it (4, 10, 12, 26)."""

from __future__ import annotations

import pytest

from sync.changes import Plan, Row
from sync.photos import PHOTOS
from sync.schema import Status
from tests.sync.site import (
    ADA,
    ANA,
    AUD,
    BO,
    EVE,
    GUS,
    NOON,
    NORTH,
    PAINTER,
    SAM,
    SOUTH,
    STO,
    SUE,
    TILER,
    Site,
    item_in,
    photo_args,
    run,
)

SHORE = {"lat_e7": 532_000_000, "lon_e7": -90_000_000, "accuracy_m": 12}


def test_a_photo_is_a_row_of_its_item_that_waits_for_its_bytes(site: Site) -> None:
    """Invariant 26: nothing of the bytes is here, and the row is."""
    ana, bo = site.phone(ANA), site.phone(BO)
    item_id = ana.create()
    photo_id = ana.shoot(item_id, position=SHORE)
    doc = site.row(PHOTOS, photo_id).doc
    said = photo_args(site, item_id, position=SHORE, id=photo_id)
    assert doc == said | {
        "version": 1,
        "author_id": ANA,
        "client": ana.client,
        "made_at": NOON,
        "received_at": NOON,
        "is_late": False,
        "state": "waiting",
        "stored_at": None,
        "preview": "none",
    }
    assert (site.doc(item_id)["photo_count"], site.doc(item_id)["version"]) == (1, 2)
    assert (site.last_event()["name"], site.last_event()["changes"]) == ("photo.add", {"photo_count": [0, 1]})
    bo.pull()
    assert bo.sees(PHOTOS) == {photo_id: doc}
    assert ana.do("photo.add", said, 2)["reason"] == "exists"
    assert site.doc(item_id)["photo_count"] == 1


@pytest.mark.parametrize(
    ("user_id", "outcome", "reason", "why"),
    [
        (ANA, "applied", None, "workers show what they did"),
        (STO, "applied", None, "storekeepers what came"),
        (GUS, "applied", None, "a guest on the own company's item"),
        (AUD, "refused", "forbidden", "auditors read, and write comments"),
        (EVE, "parked", "waiting", "what she cannot see does not exist"),
    ],
)
def test_those_add_photos_who_work_on_the_item(
    site: Site, user_id: str, outcome: str, reason: str | None, why: str
) -> None:
    item_id = site.phone(SUE).create(company_id=TILER)
    receipt = site.phone(user_id).do("photo.add", photo_args(site, item_id), 1)
    assert (receipt["outcome"], receipt["reason"]) == (outcome, reason), why


@pytest.mark.parametrize("status", Status)
def test_a_photo_attaches_in_any_state(site: Site, status: Status) -> None:
    site.phone(ANA).shoot(item_in(site, status))


def test_its_author_alone_changes_a_photo(site: Site) -> None:
    ana, again = site.phone(ANA), site.phone(ANA)
    item_id = ana.create()
    args = {"id": ana.shoot(item_id), "item_id": item_id}
    wanted = {"set": {"caption": "Dry", "kind": "after"}, "was": {"caption": "Behind the door", "kind": "before"}}
    for other in (BO, SUE, ADA):
        assert site.phone(other).do("photo.edit", args | wanted, 2)["reason"] == "forbidden"
    receipt = again.do("photo.edit", args | wanted, 2)
    assert (receipt["outcome"], receipt["row"], receipt["version"]) == ("applied", args["id"], 2)
    doc = site.row(PHOTOS, args["id"]).doc
    assert (doc["caption"], doc["kind"], doc["version"]) == ("Dry", "after", 2)
    assert site.last_event()["changes"] == {"caption": ["Behind the door", "Dry"], "kind": ["before", "after"]}
    assert site.doc(item_id)["version"] == 2, "the item itself is as it was"
    assert ana.do("photo.edit", args | wanted, 2)["version"] == 2, "nothing new, and still on record"
    assert site.last_event()["changes"] == {}


@pytest.mark.parametrize(
    ("user_id", "reason"), [(ANA, None), (SUE, None), (ADA, None), (BO, "forbidden"), (STO, "forbidden")]
)
def test_author_and_those_who_decide_remove_and_restore(site: Site, user_id: str, reason: str | None) -> None:
    """Invariants 4, 10."""
    ana, other = site.phone(ANA), site.phone(user_id)
    item_id = ana.create()
    args = {"id": ana.shoot(item_id), "item_id": item_id}
    receipt = other.do("photo.remove", args, 2)
    assert receipt["reason"] == reason
    if reason is not None:
        assert site.doc(item_id)["photo_count"] == 1
        return
    assert (site.doc(item_id)["photo_count"], site.row(PHOTOS, args["id"]).is_deleted) == (0, True)
    assert site.last_event()["changes"] == {"photo_count": [1, 0]}
    assert other.do("photo.remove", args, 3)["outcome"] == "applied", "it is gone already"
    assert site.doc(item_id)["photo_count"] == 0
    assert other.do("photo.restore", args, 3)["outcome"] == "applied"
    assert other.do("photo.restore", args, 4)["outcome"] == "applied"
    assert (site.doc(item_id)["photo_count"], site.row(PHOTOS, args["id"]).is_deleted) == (1, False)
    assert site.row(PHOTOS, args["id"]).doc["version"] == 3


def test_a_removed_photo_leaves_every_phone_and_no_older_work_brings_it_back(site: Site) -> None:
    """Invariant 10."""
    ana, sue, sam = site.phone(ANA), site.phone(SUE), site.phone(SAM)
    item_id = ana.create()
    args = {"id": ana.shoot(item_id), "item_id": item_id}
    ana.pull()
    assert ana.sees(PHOTOS).keys() == {args["id"]}
    sue.do("photo.remove", args, 2)
    queued = sam.mutation("photo.restore", args, 3)
    sue.do("photo.restore", args, 3)
    sue.do("photo.remove", args, 4)
    assert sam.send(queued)[0]["reason"] == "deleted", "he had seen the first removal, not the second"
    edit = {**args, "set": {"caption": "x"}, "was": {"caption": "y"}}
    assert ana.do("photo.edit", edit, 2)["reason"] == "deleted"
    ana.pull()
    assert not ana.sees(PHOTOS)


def test_photos_go_where_their_item_goes(site: Site) -> None:
    """Invariant 7."""
    ada, ana, eve, gus = (site.phone(user_id) for user_id in (ADA, ANA, EVE, GUS))
    item_id = ana.create(company_id=TILER)
    kept, gone = ana.shoot(item_id), ana.shoot(item_id)
    ana.do("photo.remove", {"id": gone, "item_id": item_id}, 3)
    for phone in (ana, eve, gus):
        phone.pull()
    assert [phone.sees(PHOTOS).keys() for phone in (ana, eve, gus)] == [{kept}, set(), {kept}]
    ada.edit(item_id, {"company_id": TILER}, {"company_id": PAINTER}, 4)
    ada.do("item.move", {"id": item_id, "from_sector_id": NORTH, "sector_id": SOUTH}, 5)
    for phone in (ana, eve, gus):
        phone.pull()
    assert [phone.sees(PHOTOS).keys() for phone in (ana, eve, gus)] == [set(), {kept}, set()]


def test_photos_leave_and_come_back_with_their_item(site: Site) -> None:
    ana, sue = site.phone(ANA), site.phone(SUE)
    item_id = ana.create()
    kept, gone = ana.shoot(item_id), ana.shoot(item_id)
    sue.do("photo.remove", {"id": gone, "item_id": item_id}, 3)
    sue.do("item.delete", {"id": item_id}, 4)
    ana.pull()
    assert not ana.sees(PHOTOS)
    assert ana.do("photo.add", photo_args(site, item_id), 3)["reason"] == "deleted"
    for name in ("photo.remove", "photo.restore"):
        assert ana.do(name, {"id": kept, "item_id": item_id}, 3)["reason"] == "deleted"
    sue.do("item.restore", {"id": item_id}, 5)
    ana.pull()
    assert ana.sees(PHOTOS).keys() == {kept}, "what was removed before stays so"


@pytest.mark.parametrize("is_removed_before", [False, True])
def test_an_acceptance_that_has_not_seen_the_newest_photo_asks_again(site: Site, is_removed_before: bool) -> None:
    item_id = item_in(site, Status.READY_FOR_REVIEW)
    sue, bo = site.phone(SUE), site.phone(BO)
    photo = {"id": "", "item_id": item_id}
    if is_removed_before:
        photo["id"] = bo.shoot(item_id)
        bo.do("photo.remove", photo)
    base = site.doc(item_id)["version"]
    if is_removed_before:
        bo.do("photo.restore", photo)
    else:
        bo.shoot(item_id)
    sue.shoot(item_id)
    assert sue.do("item.accept", {"id": item_id}, base)["reason"] == "new_evidence"
    assert sue.do("item.accept", {"id": item_id}, base + 1)["outcome"] == "applied", "her own photo is no news to her"


def test_an_item_from_before_there_were_photos_has_none(site: Site) -> None:
    """No document was rewritten when photos came."""
    item_id = item_in(site, Status.READY_FOR_REVIEW)
    old = site.row("punch_items", item_id)
    doc = {name: value for name, value in old.doc.items() if name != "photo_count"}
    _write(site, Row("punch_items", item_id, old.version, doc, old.field_versions))
    site.phone(ANA).shoot(item_id)
    assert (site.doc(item_id)["photo_count"], site.last_event()["changes"]) == (1, {"photo_count": [0, 1]})
    assert site.phone(SUE).do("item.accept", {"id": item_id}, old.version)["reason"] == "new_evidence"


def _write(site: Site, row: Row) -> None:
    transaction = run(site.store.begin(()))
    run(transaction.write(Plan(rows={(row.entity, row.id): row})))
    run(transaction.commit())
