"""What becomes of items: who may make one, which edits are simply in, what is refused (invariants 3, 6, 10, 12)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from sync import admin
from tests.sync.site import ADA, ANA, AUD, BO, EVE, GUS, NORTH, PAINT, PROJECT, SOUTH, STO, SUE, TILER, TILES, Site, uid

NOWHERE = uid(15, 1)


def test_a_new_item_has_its_fields_a_number_and_its_author(site: Site) -> None:
    ana = site.phone(ANA)
    item_id = ana.create(trade_id=TILES, tags=["wet", "floor"], provisional_number="K7-1", priority="high")
    doc = site.doc(item_id)
    assert (doc["number"], doc["provisional_number"], doc["project_id"]) == (1, "K7-1", PROJECT)
    assert (doc["status"], doc["raised_by"], doc["trade_id"]) == ("open", ANA, TILES)
    assert (doc["tags"], doc["type"], doc["due_on"], doc["assignee_ids"]) == (["floor", "wet"], "defect", None, [])
    assert doc["priority"] == "high", "whoever creates may set any field"


@pytest.mark.parametrize(
    ("user_id", "args", "reason", "why"),
    [
        (ANA, {"sector_id": SOUTH}, "forbidden", "not her sector"),
        (ANA, {"sector_id": NOWHERE}, "forbidden", "a sector that is not there looks like one that is not hers"),
        (ADA, {"sector_id": NOWHERE}, "not_found", "an admin may everywhere, but there has to be a sector"),
        (AUD, {}, "forbidden", "auditors read"),
        (GUS, {}, "forbidden", "guests do not raise items"),
        (GUS, {"company_id": TILER}, "forbidden", "nor on their own company"),
        (ANA, {"trade_id": NOWHERE}, "not_found", "no such trade"),
        (ANA, {"company_id": TILES}, "not_found", "a trade is no company"),
        (ANA, {"assignee_ids": [EVE]}, "not_in_sector", "she works in another sector"),
        (ANA, {"assignee_ids": [NOWHERE]}, "not_in_sector", "nobody"),
        (ANA, {"title": " \n"}, "invalid", "a title says something"),
        (ANA, {"title": "x" * 256}, "invalid", "too long"),
        (ANA, {"title": None}, "invalid", "no text"),
        (ANA, {"priority": "very"}, "invalid", "no such priority"),
        (ANA, {"priority": ["high"]}, "invalid", "no text"),
        (ANA, {"due_on": "2026-02-29"}, "invalid", "no such day"),
        (ANA, {"due_on": "2026-2-28"}, "invalid", "not a date as we write it"),
        (ANA, {"due_on": 5}, "invalid", "no text"),
        (ANA, {"tags": ["a", "a"]}, "invalid", "twice the same"),
        (ANA, {"tags": [""]}, "invalid", "an empty tag"),
        (ANA, {"tags": "a"}, "invalid", "no list"),
        (ANA, {"assignee_ids": [ANA, ANA]}, "invalid", "twice the same"),
        (ANA, {"status": "closed"}, "invalid", "status is moved by commands"),
        (ANA, {"number": 5}, "invalid", "numbers are the server's"),
        (ANA, {"raised_by": BO}, "invalid", "authors are the server's"),
        (ANA, {"is_admin": True}, "invalid", "no such field"),
        (ANA, {"id": "x"}, "invalid", "no id"),
    ],
)
def test_a_creation_that_may_not_be_is_refused_and_kept(
    site: Site, user_id: str, args: dict[str, Any], reason: str, why: str
) -> None:
    phone = site.phone(user_id)
    wanted = {"id": site.id(11), "sector_id": NORTH, "title": "Tile"} | args
    receipt = phone.do("item.create", wanted)
    assert (receipt["outcome"], receipt["reason"]) == ("refused", reason)
    assert receipt["text"]
    kept = site.row("refusals", receipt["id"]).doc
    assert (kept["args"], kept["reason"], kept["state"], kept["user_id"]) == (wanted, reason, "refused", user_id)
    assert not site.rows("punch_items")


def test_an_item_is_made_once(site: Site) -> None:
    ana = site.phone(ANA)
    item_id = ana.create()
    assert ana.do("item.create", {"id": item_id, "sector_id": NORTH, "title": "Again"})["reason"] == "exists"


def test_edits_of_different_fields_are_both_in(site: Site) -> None:
    ana, bo = site.phone(ANA), site.phone(BO)
    item_id = ana.create()
    assert ana.edit(item_id, {"trade_id": None}, {"trade_id": TILES}, 1)["outcome"] == "applied"
    receipt = bo.edit(item_id, {"location": ""}, {"location": "Hall"}, 1)
    assert (receipt["outcome"], receipt["version"], receipt.get("fields")) == ("merged", 3, None)
    assert (site.doc(item_id)["trade_id"], site.doc(item_id)["location"]) == (TILES, "Hall")


def test_a_client_has_seen_its_own_edits_whatever_its_base(site: Site) -> None:
    """Invariant 6: five edits made offline on one base."""
    sue = site.phone(SUE)
    item_id = sue.create()
    days = [None, *(f"2026-12-0{day}" for day in range(1, 6))]
    mutations = [
        sue.mutation("item.edit", {"id": item_id, "set": {"due_on": new}, "was": {"due_on": old}}, 1)
        for old, new in pairwise(days)
    ]
    assert {receipt["outcome"] for receipt in sue.send(*mutations)} == {"applied"}
    assert site.doc(item_id)["due_on"] == "2026-12-05"


def test_a_second_edit_from_a_form_that_was_opened_before_the_first_is_no_conflict_with_oneself(site: Site) -> None:
    sue = site.phone(SUE)
    item_id = sue.create()
    sue.edit(item_id, {"due_on": None}, {"due_on": "2026-12-01"}, 1)
    assert sue.edit(item_id, {"due_on": None}, {"due_on": "2026-12-02"}, 1)["outcome"] == "applied"


def test_an_edit_of_an_item_just_made_offline_needs_no_base(site: Site) -> None:
    ana, sue = site.phone(ANA), site.phone(SUE)
    item_id = ana.create()
    assert ana.edit(item_id, {"location": "x"}, {"location": "Hall"}, None)["outcome"] == "applied"
    assert sue.edit(item_id, {"type": "damage"}, {"type": "safety"}, None)["outcome"] == "merged"


def test_an_edit_that_changes_nothing_is_applied_and_on_record(site: Site) -> None:
    ana = site.phone(ANA)
    item_id = ana.create()
    receipt = ana.edit(item_id, {"location": "Hall"}, {"location": ""}, 1)
    assert (receipt["outcome"], receipt["version"]) == ("applied", 1)
    assert [row.doc["name"] for row in site.rows("item_events")] == ["item.create", "item.edit"]


def test_an_edit_says_what_was_seen_of_the_same_fields(site: Site) -> None:
    ana = site.phone(ANA)
    item_id = ana.create()
    for was, wanted in (({}, {"location": "x"}), ({"title": "t"}, {"location": "x"}), ({}, {})):
        assert ana.do("item.edit", {"id": item_id, "set": wanted, "was": was}, 1)["reason"] == "invalid"


@pytest.mark.parametrize(
    ("user_id", "name", "is_allowed"),
    [
        (ANA, "item.edit", True),
        (STO, "item.edit", True),
        (AUD, "item.edit", False),
        (GUS, "item.edit", False),
        (GUS, "item.start", True),
        (GUS, "item.submit", True),
        (GUS, "item.void", False),
        (STO, "item.start", False),
        (AUD, "comment.add", True),
        (GUS, "comment.add", True),
        (ANA, "item.void", False),
        (ANA, "item.delete", False),
        (SUE, "item.void", True),
        (ADA, "item.delete", True),
    ],
)
def test_roles_may_what_the_table_says(site: Site, user_id: str, name: str, is_allowed: bool) -> None:
    item_id = site.phone(SUE).create(company_id=TILER, trade_id=PAINT)
    args: dict[str, Any] = {"id": item_id, "reason": "r"}
    if name == "item.edit":
        args = {"id": item_id, "set": {"location": "x"}, "was": {"location": ""}}
    elif name == "comment.add":
        args = {"id": site.id(), "item_id": item_id, "text": "t"}
    elif name == "item.delete":
        args = {"id": item_id}
    receipt = site.phone(user_id).do(name, args, 1)
    assert (receipt["reason"] is None) is is_allowed, receipt
    assert is_allowed or receipt["reason"] == "forbidden"


def test_a_disabled_user_is_refused_and_the_work_kept(site: Site) -> None:
    """Invariant 3."""
    ana = site.phone(ANA)
    item_id = ana.create()
    site.office(admin.disable_actor(ANA))
    receipt = ana.edit(item_id, {"location": ""}, {"location": "x"}, 1)
    assert (receipt["outcome"], receipt["reason"]) == ("refused", "forbidden")
    assert site.row("refusals", receipt["id"]).doc["args"]["set"] == {"location": "x"}


def test_a_refusal_is_dismissed_by_its_author_alone_and_its_content_stays(site: Site) -> None:
    """Invariant 3."""
    ana, bo = site.phone(ANA), site.phone(BO)
    refused = ana.do("item.create", {"id": site.id(11), "sector_id": SOUTH, "title": "Mine"})["id"]
    missing = bo.do("refusal.dismiss", {"id": site.id(10)})
    foreign = bo.do("refusal.dismiss", {"id": refused})
    assert missing["reason"] == foreign["reason"] == "not_found"
    assert ana.do("refusal.dismiss", {"id": refused})["outcome"] == "applied"
    assert ana.do("refusal.dismiss", {"id": refused})["outcome"] == "applied"
    doc = site.row("refusals", refused).doc
    assert (doc["state"], doc["args"]["title"]) == ("dismissed", "Mine")
