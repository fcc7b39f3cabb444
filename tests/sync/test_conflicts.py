"""Edits that meet: each field by its policy, the loser kept, one answer for everybody (invariants 6, 18)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sync.site import ADA, ANA, BO, SAM, SUE, TILES, Site, conflicts


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
