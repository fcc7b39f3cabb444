"""What becomes of work on items: edits by policy, status by table, deletes that stick, losers that are kept
(invariants 4, 6, 10, 12, 18).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from sync import admin
from sync.rules import TRANSITIONS, Role
from sync.schema import Status
from tests.sync.site import (
    ADA,
    ANA,
    AUD,
    BO,
    EVE,
    GUS,
    NORTH,
    PAINT,
    PAINTER,
    PROJECT,
    SAM,
    SOUTH,
    STO,
    SUE,
    TILER,
    TILES,
    Site,
    uid,
)

NOWHERE = uid(15, 1)


def conflicts(site: Site) -> list[dict[str, Any]]:
    return [row.doc for row in site.rows("conflicts")]


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


def test_the_newcomer_wins_a_field_of_policy_latest_and_the_loser_is_kept(site: Site) -> None:
    """Invariant 18."""
    ana, bo = site.phone(ANA), site.phone(BO)
    item_id = ana.create()
    ana.edit(item_id, {"location": ""}, {"location": "Hall"}, 1)
    receipt = bo.edit(item_id, {"location": ""}, {"location": "Stair"}, 1)
    assert (receipt["outcome"], receipt["fields"]) == ("merged", {"location": "kept"})
    assert site.doc(item_id)["location"] == "Stair"
    (conflict,) = conflicts(site)
    assert receipt["conflicts"] == [conflict["id"]]
    assert {name: conflict[name] for name in ("kind", "state", "base", "current", "other")} == {
        "kind": "latest",
        "state": "noted",
        "base": "",
        "current": "Stair",
        "other": "Hall",
    }
    assert (conflict["current_by"], conflict["other_by"]) == (BO, ANA)


def test_a_field_of_policy_ask_keeps_its_value_and_waits_for_a_person(site: Site) -> None:
    """Invariant 18; both authors have the card, also one who holds no sector any more."""
    sue, sam = site.phone(SUE), site.phone(SAM)
    item_id = sue.create()
    sue.edit(item_id, {"due_on": None}, {"due_on": "2026-12-01"}, 1)
    receipt = sam.edit(item_id, {"due_on": None, "location": ""}, {"due_on": "2026-12-03", "location": "Hall"}, 1)
    assert (receipt["outcome"], receipt["fields"]) == ("conflict", {"due_on": "conflict"})
    assert (site.doc(item_id)["due_on"], site.doc(item_id)["location"]) == ("2026-12-01", "Hall")
    for person in (sue, sam):
        person.pull()
        scope = person.rows[f"user/{person.user_id}"]
        (conflict,) = [doc for (entity, _), doc in scope.items() if entity == "conflicts"]
        assert (conflict["current"], conflict["other"], conflict["base"]) == ("2026-12-01", "2026-12-03", None)


def test_a_second_losing_edit_updates_the_open_card(site: Site) -> None:
    sue, sam, ada = site.phone(SUE), site.phone(SAM), site.phone(ADA)
    item_id = sue.create()
    sue.edit(item_id, {"due_on": None}, {"due_on": "2026-12-01"}, 1)
    first = sam.edit(item_id, {"due_on": None}, {"due_on": "2026-12-03"}, 1)
    second = sam.edit(item_id, {"due_on": "2026-12-03"}, {"due_on": "2026-12-04"}, 1)
    assert second["conflicts"] == first["conflicts"]
    third = ada.edit(item_id, {"due_on": None}, {"due_on": "2026-12-09"}, 1)
    assert third["conflicts"] != first["conflicts"], "another author has another card"
    assert sorted(conflict["other"] for conflict in conflicts(site)) == ["2026-12-04", "2026-12-09"]


def test_a_workers_priority_is_a_suggestion_that_a_supervisor_takes_with_one_tap(site: Site) -> None:
    ana, sue = site.phone(ANA), site.phone(SUE)
    item_id = ana.create()
    receipt = ana.edit(item_id, {"priority": "normal", "title": "Cracked tile"}, {"priority": "high", "title": "T"}, 1)
    assert (receipt["outcome"], receipt["fields"]) == ("conflict", {"priority": "suggested"})
    assert (site.doc(item_id)["priority"], site.doc(item_id)["title"]) == ("normal", "T")
    (card,) = conflicts(site)
    assert (card["kind"], card["state"], card["other"]) == ("suggestion", "open", "high")
    assert ana.do("conflict.resolve", {"id": card["id"], "choice": "other"})["reason"] == "forbidden"
    assert sue.do("conflict.resolve", {"id": card["id"], "choice": "other"})["outcome"] == "applied"
    assert site.doc(item_id)["priority"] == "high"


def _open_conflict(site: Site, first: str = SUE, second: str = SAM) -> tuple[str, str]:
    one, other = site.phone(first), site.phone(second)
    item_id = one.create()
    one.edit(item_id, {"due_on": None}, {"due_on": "2026-12-01"}, 1)
    receipt = other.edit(item_id, {"due_on": None}, {"due_on": "2026-12-03"}, 1)
    return item_id, receipt["conflicts"][0]


@pytest.mark.parametrize(("choice", "due_on"), [("current", "2026-12-01"), ("other", "2026-12-03")])
def test_one_answer_settles_a_conflict_for_everybody(site: Site, choice: str, due_on: str) -> None:
    item_id, card = _open_conflict(site)
    sue, sam = site.phone(SUE), site.phone(SAM)
    assert sue.do("conflict.resolve", {"id": card, "choice": choice}, 1)["outcome"] == "applied"
    assert site.doc(item_id)["due_on"] == due_on
    again = sam.do("conflict.resolve", {"id": card, "choice": choice}, 1)
    assert again["outcome"] == "applied"
    different = {"current": "other", "other": "current"}[choice]
    assert sam.do("conflict.resolve", {"id": card, "choice": different}, 1)["reason"] == "already_resolved"
    doc = site.row("conflicts", card).doc
    assert (doc["state"], doc["choice"], doc["resolved_by"]) == ("resolved", choice, SUE)


def test_an_answer_to_a_card_that_shows_an_old_value_is_refused_and_the_card_put_right(site: Site) -> None:
    """Invariant 6: nobody overrules a value without having seen it; 8: the next answer can succeed."""
    item_id, card = _open_conflict(site)
    ada, sue = site.phone(ADA), site.phone(SUE)
    base = site.doc(item_id)["version"]
    assert ada.edit(item_id, {"due_on": "2026-12-01"}, {"due_on": "2026-12-24"}, base)["outcome"] == "applied"
    assert sue.do("conflict.resolve", {"id": card, "choice": "other"}, 1)["reason"] == "moved_on"
    doc = site.row("conflicts", card).doc
    assert (doc["state"], doc["current"], doc["current_by"]) == ("open", "2026-12-24", ADA)
    assert sue.do("conflict.resolve", {"id": card, "choice": "other"}, 2)["outcome"] == "applied"
    assert site.doc(item_id)["due_on"] == "2026-12-03"


def test_a_noted_conflict_ends_when_both_authors_have_seen_it(site: Site) -> None:
    ana, bo, sue = site.phone(ANA), site.phone(BO), site.phone(SUE)
    item_id = sue.create()
    ana.edit(item_id, {"location": ""}, {"location": "Hall"}, 1)
    (card,) = bo.edit(item_id, {"location": ""}, {"location": "Stair"}, 1)["conflicts"]
    for phone, state in ((ana, "noted"), (ana, "noted"), (bo, "resolved")):
        assert phone.do("conflict.resolve", {"id": card, "choice": "current"}, 1)["outcome"] == "applied"
        assert site.row("conflicts", card).doc["state"] == state
    assert site.row("conflicts", card).doc["seen_by"] == sorted([ANA, BO])


def test_the_loser_of_latest_can_be_restored(site: Site) -> None:
    """Invariant 18."""
    ana, bo = site.phone(ANA), site.phone(BO)
    item_id = ana.create()
    ana.edit(item_id, {"location": ""}, {"location": "Hall"}, 1)
    (card,) = bo.edit(item_id, {"location": ""}, {"location": "Stair"}, 1)["conflicts"]
    ana.do("conflict.resolve", {"id": card, "choice": "other"}, 1)
    assert site.doc(item_id)["location"] == "Hall"
    assert site.row("conflicts", card).doc["state"] == "resolved"


def test_texts_merge_by_line_and_what_overlaps_waits(site: Site) -> None:
    ana, bo = site.phone(ANA), site.phone(BO)
    item_id = ana.create(description="a\nb\nc")
    ana.edit(item_id, {"description": "a\nb\nc"}, {"description": "A\nb\nc"}, 1)
    receipt = bo.edit(item_id, {"description": "a\nb\nc"}, {"description": "a\nb\nC"}, 1)
    assert (receipt["outcome"], receipt["fields"]) == ("merged", {"description": "merged"})
    assert site.doc(item_id)["description"] == "A\nb\nC"
    later = ana.edit(item_id, {"description": "A\nb\nc"}, {"description": "AA\nb\nc"}, 1)
    assert later["outcome"] == "merged", "her own line again; his stays"
    assert site.doc(item_id)["description"] == "AA\nb\nC"
    lost = bo.edit(item_id, {"description": "a\nb\nC"}, {"description": "x\nb\nC"}, 1)
    assert lost["fields"] == {"description": "conflict"}
    assert [conflict["kind"] for conflict in conflicts(site)] == ["text"]


def test_tags_of_both_are_kept_in_any_order(site: Site) -> None:
    results = []
    for first, second in ((ANA, BO), (BO, ANA)):
        item_id = site.phone(SUE).create(tags=["a", "b"])
        wanted = {ANA: ["a", "x"], BO: ["b", "y"]}
        for user_id in (first, second):
            site.phone(user_id).edit(item_id, {"tags": ["a", "b"]}, {"tags": wanted[user_id]}, 1)
        results.append(site.doc(item_id)["tags"])
    assert results == [["x", "y"], ["x", "y"]]


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


def _item_in(site: Site, status: Status) -> str:
    """An item brought to a state by commands; its submitter is Bo."""
    ways: dict[Status, list[tuple[str, str]]] = {
        Status.OPEN: [],
        Status.IN_PROGRESS: [(BO, "item.start")],
        Status.READY_FOR_REVIEW: [(BO, "item.submit")],
        Status.NOT_ACCEPTED: [(BO, "item.submit"), (SUE, "item.send_back")],
        Status.DISPUTED: [(BO, "item.start"), (BO, "item.dispute")],
        Status.CLOSED: [(BO, "item.submit"), (SUE, "item.accept")],
        Status.VOID: [(SUE, "item.void")],
    }
    item_id = site.phone(SUE).create()
    for user_id, name in ways[status]:
        site.phone(user_id).do(name, {"id": item_id, "reason": "because"}, 99)
    assert site.doc(item_id)["status"] == status
    return item_id


@pytest.mark.parametrize("name", TRANSITIONS)
@pytest.mark.parametrize("status", Status)
def test_status_moves_by_the_table_and_by_nothing_else(site: Site, name: str, status: Status) -> None:
    item_id, transition = _item_in(site, status), TRANSITIONS[name]
    sue = site.phone(SUE)
    receipt = sue.do(name, {"id": item_id, "reason": "because"}, site.doc(item_id)["version"])
    after = site.doc(item_id)["status"]
    if status in transition.sources:
        assert receipt["outcome"] == "applied"
        assert after == (transition.target or Status.IN_PROGRESS)
    elif transition.is_repeatable and status is transition.target:
        assert (receipt["outcome"], after) == ("applied", status)
    else:
        ended = status if status in (Status.CLOSED, Status.VOID) else "moved_on"
        assert (receipt["outcome"], receipt["reason"], after) == ("refused", ended, status)


@pytest.mark.parametrize("name", [name for name, transition in TRANSITIONS.items() if transition.needs_reason])
@pytest.mark.parametrize("args", [{}, {"reason": None}, {"reason": " \n"}])
def test_a_command_that_needs_a_reason_is_refused_without(site: Site, name: str, args: dict[str, Any]) -> None:
    (status, *_) = TRANSITIONS[name].sources
    item_id = _item_in(site, status)
    assert site.phone(SUE).do(name, {"id": item_id, **args}, 9)["reason"] == "reason_missing"


def test_sending_back_counts_bounces_and_a_dispute_returns_to_where_it_began(site: Site) -> None:
    item_id = _item_in(site, Status.NOT_ACCEPTED)
    assert site.doc(item_id)["bounces"] == 1
    site.phone(BO).do("item.dispute", {"id": item_id, "reason": "not ours"})
    assert (site.doc(item_id)["disputed_from"], site.doc(item_id)["status_reason"]) == ("not_accepted", "not ours")
    site.phone(SUE).do("item.resolve", {"id": item_id, "reason": "it is"})
    assert (site.doc(item_id)["status"], site.doc(item_id)["disputed_from"]) == ("not_accepted", None)


def test_two_submissions_are_both_on_record(site: Site) -> None:
    item_id = _item_in(site, Status.READY_FOR_REVIEW)
    assert site.phone(ANA).do("item.submit", {"id": item_id}, 1)["outcome"] == "applied"
    events = [row.doc for row in site.rows("item_events") if row.doc["name"] == "item.submit"]
    assert [event["actor_id"] for event in events] == [BO, ANA]
    assert site.doc(item_id)["submitted_by"] == BO


def test_nobody_accepts_their_own_work_unless_the_project_allows_it(site: Site) -> None:
    sue = site.phone(SUE)
    item_id = sue.create()
    sue.do("item.submit", {"id": item_id}, 1)
    assert sue.do("item.accept", {"id": item_id}, 2)["reason"] == "own_work"
    site.office(admin.put_project(PROJECT, "Quay 7", is_own_work_accepted=True))
    assert sue.do("item.accept", {"id": item_id}, 2)["outcome"] == "applied"


def test_an_acceptance_that_has_not_seen_the_newest_comment_asks_again(site: Site) -> None:
    item_id = _item_in(site, Status.READY_FOR_REVIEW)
    sue, bo = site.phone(SUE), site.phone(BO)
    base = site.doc(item_id)["version"]
    bo.do("comment.add", {"id": site.id(), "item_id": item_id, "text": "It leaks again."}, base)
    sue.do("comment.add", {"id": site.id(), "item_id": item_id, "text": "Fine."}, base)
    assert sue.do("item.accept", {"id": item_id}, base)["reason"] == "new_evidence"
    assert sue.do("item.accept", {"id": item_id}, base + 1)["outcome"] == "applied", "her own comment is no news to her"


@pytest.mark.parametrize("status", [Status.CLOSED, Status.VOID])
def test_an_ended_item_takes_comments_and_no_edits(site: Site, status: Status) -> None:
    item_id, ana = _item_in(site, status), site.phone(ANA)
    assert ana.edit(item_id, {"location": ""}, {"location": "x"}, 1)["reason"] == status
    comment = {"id": site.id(), "item_id": item_id, "text": "Late, but here."}
    assert ana.do("comment.add", comment, 1)["outcome"] == "applied"


def test_comments_are_counted_and_never_lost(site: Site) -> None:
    """Invariant 4."""
    item_id = site.phone(SUE).create()
    phones = [site.phone(user_id) for user_id in (ANA, BO, STO, AUD)]
    for _ in range(3):
        for phone in phones:
            phone.do("comment.add", {"id": site.id(), "item_id": item_id, "text": "Hm."}, 1)
    assert site.doc(item_id)["comment_count"] == len(site.rows("comments")) == 12
    again = {"id": site.rows("comments")[0].id, "item_id": item_id, "text": "Other words."}
    assert phones[0].do("comment.add", again, 1)["reason"] == "exists"
    assert site.doc(item_id)["comment_count"] == 12


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


@pytest.mark.parametrize("order", ["one first", "other first", "together"])
def test_opposite_truths_end_with_one_state_and_one_question(site: Site, order: str) -> None:
    """Two supervisors, offline at once: priority and submission of one, trade and comment of the other are all in;
    the due date is a card for both, and one tap settles it.
    """
    sue, sam = site.phone(SUE), site.phone(SAM)
    item_id = sue.create()

    def of_sue() -> list[Any]:
        args = {"id": item_id, "set": {"priority": "high", "due_on": "2026-12-01"}}
        args["was"] = {"priority": "normal", "due_on": None}
        return [sue.mutation("item.edit", args, 1), sue.mutation("item.submit", {"id": item_id}, 1)]

    def of_sam() -> list[Any]:
        args = {"id": item_id, "set": {"due_on": "2026-12-03", "trade_id": TILES}}
        args["was"] = {"due_on": None, "trade_id": None}
        comment = {"id": site.id(), "item_id": item_id, "text": "Hm."}
        return [sam.mutation("item.edit", args, 1), sam.mutation("comment.add", comment, 1)]

    theirs = [(sue, of_sue()), (sam, of_sam())]
    if order == "together":
        for pair in zip(*(mutations for _, mutations in theirs), strict=True):
            for (phone, _), mutation in zip(theirs, pair, strict=True):
                phone.send(mutation)
    else:
        for phone, mutations in theirs if order == "one first" else reversed(theirs):
            phone.send(*mutations)
    doc = site.doc(item_id)
    assert (doc["priority"], doc["status"], doc["trade_id"], doc["comment_count"]) == (
        "high",
        "ready_for_review",
        TILES,
        1,
    )
    (card,) = conflicts(site)
    assert (card["field"], card["kind"], card["state"]) == ("due_on", "ask", "open")
    assert {card["current"], card["other"]} == {"2026-12-01", "2026-12-03"}
    assert sam.do("conflict.resolve", {"id": card["id"], "choice": "other"}, 1)["outcome"] == "applied"
    for phone in (sue, sam):
        phone.pull()
        assert phone.sees("conflicts")[card["id"]]["state"] == "resolved"
        assert phone.sees("punch_items")[item_id]["due_on"] == card["other"]
