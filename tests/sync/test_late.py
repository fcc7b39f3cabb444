"""Late work (invariant 12): what was done before a membership ended counts, for 72 hours, and a forged clock gains
at most that.
"""

from __future__ import annotations

import pytest

from sync import admin
from sync.acts import LATE_MS
from tests.sync.site import ANA, BO, HOUR, NORTH, SUE, Site, membership


@pytest.fixture
def item_id(site: Site) -> str:
    """An item at version 1, written four hours before the end."""
    item_id = site.phone(SUE).create()
    site.now += 4 * HOUR
    return item_id


def end(site: Site, user_id: str = ANA) -> int:
    """End a membership now; the instant."""
    site.office(admin.end_membership(membership(user_id), site.now))
    return site.now


@pytest.mark.parametrize(
    ("made_before_ms", "arrives_after_ms", "is_taken", "why"),
    [
        (HOUR, 0, True, "made before, arrives at the end"),
        (1, HOUR, True, "made a moment before"),
        (0, HOUR, False, "the end is exclusive"),
        (-1, HOUR, False, "made after the end"),
        (HOUR, LATE_MS, True, "72 hours later"),
        (HOUR, LATE_MS + 1, False, "a moment more"),
        (2000 * HOUR, HOUR, False, "before the membership began"),
    ],
)
def test_late_work_is_taken_for_72_hours(
    site: Site, item_id: str, made_before_ms: int, arrives_after_ms: int, is_taken: bool, why: str
) -> None:
    ana = site.phone(ANA)
    ended_at = end(site)
    site.now = ended_at + arrives_after_ms
    args = {"id": site.id(), "item_id": item_id, "text": "Done before noon."}
    receipt = ana.do("comment.add", args, 1, made_at=ended_at - made_before_ms)
    if is_taken:
        assert (receipt["outcome"], receipt["late"]) == ("applied", True)
        comment = site.row("comments", args["id"]).doc
        assert (comment["is_late"], comment["author_id"]) == (True, ANA)
        assert site.row("item_events", receipt["id"]).doc["is_late"]
    else:
        assert (receipt["outcome"], receipt["reason"]) == ("refused", "not_found")
        assert site.row("refusals", receipt["id"]).doc["args"] == args


def test_the_base_must_have_been_seen_before_the_end_too(site: Site, item_id: str) -> None:
    """A forged clock does not make news from after the end old."""
    ana, bo = site.phone(ANA), site.phone(BO)
    ended_at = end(site)
    site.now += HOUR
    bo.edit(item_id, {"location": ""}, {"location": "Hall"}, 1)
    wanted = {"id": item_id, "set": {"title": "X"}, "was": {"title": "Cracked tile"}}
    before = ended_at - HOUR
    assert ana.do("item.edit", wanted, 2, made_at=before)["reason"] == "not_found"
    assert ana.do("item.edit", wanted, 99, made_at=before)["reason"] == "not_found", "a version that never was"
    assert ana.do("item.edit", wanted, 1, made_at=before)["late"] is True


def test_without_a_base_the_item_must_have_been_there_before_the_end(site: Site, item_id: str) -> None:
    """Else a forged clock and no base would reach whatever was raised since."""
    ana = site.phone(ANA)
    ended_at = end(site)
    site.now += HOUR
    newer = site.phone(BO).create()
    answers = [
        ana.do("comment.add", {"id": site.id(), "item_id": each, "text": "t"}, None, made_at=ended_at - HOUR)
        for each in (item_id, newer)
    ]
    assert [(answer["outcome"], answer["reason"]) for answer in answers] == [
        ("applied", None),
        ("refused", "not_found"),
    ]


def test_the_phones_clock_is_corrected_by_its_offset_at_sending(site: Site, item_id: str) -> None:
    ended_at = end(site)
    site.now += HOUR
    ana = site.phone(ANA)
    args = {"id": site.id(), "item_id": item_id, "text": "By my clock it is tomorrow."}
    mutation = ana.mutation("comment.add", args, 1, made_at=ended_at + 20 * HOUR)
    (receipt,) = ana.send(mutation, sent_at=site.now + 22 * HOUR)
    assert receipt["late"] is True
    event = site.row("item_events", mutation.id).doc
    assert (event["made_at"], event["corrected_at"]) == (ended_at + 20 * HOUR, ended_at - 2 * HOUR)


def test_no_clock_puts_work_into_the_future_or_before_time(site: Site, item_id: str) -> None:
    ana = site.phone(ANA)
    for made_at, sent_at in ((2**53 - 1, 0), (0, 2**53 - 1)):
        mutation = ana.mutation("comment.add", {"id": site.id(), "item_id": item_id, "text": "t"}, 1, made_at=made_at)
        ana.send(mutation, sent_at=sent_at)
        assert site.row("item_events", mutation.id).doc["corrected_at"] in (0, site.now)


def test_late_work_has_the_role_of_its_time_and_no_more(site: Site, item_id: str) -> None:
    ana = site.phone(ANA)
    ended_at = end(site)
    site.now += HOUR
    receipt = ana.do("item.void", {"id": item_id, "reason": "r"}, 1, made_at=ended_at - HOUR)
    assert receipt["reason"] == "forbidden"


def test_a_new_item_may_come_late(site: Site) -> None:
    ana = site.phone(ANA)
    ended_at = end(site)
    site.now += HOUR
    args = {"id": site.id(11), "sector_id": NORTH, "title": "Found before I left"}
    receipts = ana.send(
        ana.mutation("item.create", args, made_at=ended_at - HOUR),
        ana.mutation("item.start", {"id": args["id"]}, made_at=ended_at - HOUR),
    )
    assert [receipt.get("late") for receipt in receipts] == [True, True]


def test_late_work_that_was_parked_counts_from_its_arrival(site: Site) -> None:
    bo, item_id = site.phone(BO), site.id(11)
    ended_at = end(site, BO)
    site.now += 71 * HOUR
    waiting = bo.mutation("comment.add", {"id": site.id(), "item_id": item_id, "text": "t"}, made_at=ended_at - HOUR)
    assert bo.send(waiting)[0]["outcome"] == "parked"
    site.now += 100 * HOUR
    ana = site.phone(ANA)
    ana.do("item.create", {"id": item_id, "sector_id": NORTH, "title": "Cracked tile"})
    assert site.row("refusals", waiting.id).doc["state"] == "applied"
    assert site.doc(item_id)["comment_count"] == 1


def test_a_disabled_user_has_no_late_work(site: Site, item_id: str) -> None:
    ana = site.phone(ANA)
    site.office(admin.disable_actor(ANA))
    args = {"id": site.id(), "item_id": item_id, "text": "t"}
    assert ana.do("comment.add", args, 1, made_at=site.now - HOUR)["reason"] == "forbidden"
