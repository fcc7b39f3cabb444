"""Status moves by the table, and comments beside it (invariants 4, 6)."""

from __future__ import annotations

from typing import Any

import pytest

from sync import admin
from sync.rules import TRANSITIONS
from sync.schema import Status
from tests.sync.site import ANA, AUD, BO, PROJECT, STO, SUE, Site, item_in


@pytest.mark.parametrize("name", TRANSITIONS)
@pytest.mark.parametrize("status", Status)
def test_status_moves_by_the_table_and_by_nothing_else(site: Site, name: str, status: Status) -> None:
    item_id, transition = item_in(site, status), TRANSITIONS[name]
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
    item_id = item_in(site, status)
    assert site.phone(SUE).do(name, {"id": item_id, **args}, 9)["reason"] == "reason_missing"


def test_sending_back_counts_bounces_and_a_dispute_returns_to_where_it_began(site: Site) -> None:
    item_id = item_in(site, Status.NOT_ACCEPTED)
    assert site.doc(item_id)["bounces"] == 1
    site.phone(BO).do("item.dispute", {"id": item_id, "reason": "not ours"})
    assert (site.doc(item_id)["disputed_from"], site.doc(item_id)["status_reason"]) == ("not_accepted", "not ours")
    site.phone(SUE).do("item.resolve", {"id": item_id, "reason": "it is"})
    assert (site.doc(item_id)["status"], site.doc(item_id)["disputed_from"]) == ("not_accepted", None)


def test_two_submissions_are_both_on_record(site: Site) -> None:
    item_id = item_in(site, Status.READY_FOR_REVIEW)
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
    item_id = item_in(site, Status.READY_FOR_REVIEW)
    sue, bo = site.phone(SUE), site.phone(BO)
    base = site.doc(item_id)["version"]
    bo.do("comment.add", {"id": site.id(), "item_id": item_id, "text": "It leaks again."}, base)
    sue.do("comment.add", {"id": site.id(), "item_id": item_id, "text": "Fine."}, base)
    assert sue.do("item.accept", {"id": item_id}, base)["reason"] == "new_evidence"
    assert sue.do("item.accept", {"id": item_id}, base + 1)["outcome"] == "applied", "her own comment is no news to her"


@pytest.mark.parametrize("status", [Status.CLOSED, Status.VOID])
def test_an_ended_item_takes_comments_and_no_edits(site: Site, status: Status) -> None:
    item_id, ana = item_in(site, status), site.phone(ANA)
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
