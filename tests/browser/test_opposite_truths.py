"""S5: two people change the same item without network; both are told, one tap settles it for both (18)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import ENGINES, Engine
from tests.browser.conftest import Site
from tests.browser.phone import Phone

pytestmark = pytest.mark.browser

TITLE = "Handrail is loose"
MONDAY, TUESDAY, THURSDAY = "2026-12-07", "2026-12-08", "2026-12-10"
ORDERS = ("Ana first", "Bo first", "both at once")
# Firefox starts slowly: its other two orders run with --full.
CASES = [
    pytest.param(engine, order, marks=[pytest.mark.full] if engine == "firefox" and order != "both at once" else [])
    for engine in ENGINES
    for order in ORDERS
]


@pytest.mark.parametrize(("browser_engine", "order"), CASES, indirect=["browser_engine"])
def test_two_truths_about_one_item_are_settled_with_one_tap(site: Site, browser_engine: Engine, order: str) -> None:
    ana, bo = site.phone_of("Ana", browser_engine), site.phone_of("Bo", browser_engine)
    item_id = _shared_item(ana, bo)
    site.proxy.offline()
    _ana_works(ana, item_id)
    _bo_works(bo, item_id)
    _come_back(site, order, ana, bo)
    due, other = _assert_merged(site, item_id, order)

    for phone in (ana, bo):
        _assert_card(phone, item_id)
    settler, watcher = (ana, bo) if order != "Bo first" else (bo, ana)
    settler.answer(item_id, "Take that")
    settler.is_green()
    _ask_for_news(watcher)
    for phone in (ana, bo):
        phone.show(item_id)
        expect(phone.page.locator("article.conflict")).to_have_count(0)
    _assert_settled(site, item_id, due, other, "Ana" if settler is ana else "Bo")
    site.assert_settled()


def _shared_item(ana: Phone, bo: Phone) -> str:
    item_id = ana.capture(TITLE)
    ana.edit(item_id, due=MONDAY)
    ana.is_green()
    _ask_for_news(bo)
    bo.show(item_id)
    return item_id


def _ask_for_news(phone: Phone) -> None:
    """What a person does who wants to know: the app asks when it is opened anew."""
    asked = len(phone.proxy.seen("/sync"))
    phone.page.reload()
    phone.proxy.wait_for("a sync", lambda: any(one.answered_at for one in phone.proxy.seen("/sync")[asked:]))
    phone.is_green()


def _ana_works(ana: Phone, item_id: str) -> None:
    ana.edit(item_id, priority="High", due=TUESDAY)
    ana.command(item_id, "Submit for review")
    ana.comment(item_id, "Fixed with two new anchors.")


def _bo_works(bo: Phone, item_id: str) -> None:
    bo.edit(item_id, due=THURSDAY, trade="Tiling")
    bo.comment(item_id, "The anchors come on Wednesday.")


def _come_back(site: Site, order: str, ana: Phone, bo: Phone) -> None:
    if order == "both at once":
        site.come_online()
        ana.is_green()
        bo.is_green()
        return
    first, second = (ana, bo) if order == "Ana first" else (bo, ana)
    second.close_tabs()
    if second.engine.has_background_sync:
        second.close()  # else its worker would send before it is its turn
    site.come_online()
    first.is_green()
    second.open()
    second.is_green()


def _assert_merged(site: Site, item_id: str, order: str) -> tuple[str, str]:
    """All that does not clash is in, whatever the order; the due date that came second waits. Returns both dates."""
    item = site.ledger.item(TITLE)
    trade = next(doc["id"] for doc in site.ledger.docs("trades") if doc["name"] == "Tiling")
    assert (item["priority"], item["status"], item["trade_id"]) == ("high", "ready_for_review", trade)
    assert sorted(site.ledger.comments(item_id)) == ["Fixed with two new anchors.", "The anchors come on Wednesday."]
    (conflict,) = site.ledger.conflicts(item_id)
    assert (conflict["field"], conflict["kind"], conflict["state"]) == ("due_on", "ask", "open")
    assert conflict["base"] == MONDAY
    assert {conflict["current"], conflict["other"]} == {TUESDAY, THURSDAY}
    assert item["due_on"] == conflict["current"]
    if order != "both at once":
        assert item["due_on"] == (TUESDAY if order == "Ana first" else THURSDAY)
    return str(conflict["current"]), str(conflict["other"])


def _assert_card(phone: Phone, item_id: str) -> None:
    """Names, both values, and one tap for each."""
    _ask_for_news(phone)
    expect(phone.page.locator(".strip-needs")).to_contain_text("1 needs you")
    phone.show(item_id)
    card = phone.page.locator("article.conflict")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("Due: two versions")
    expect(card).to_contain_text("You")
    expect(card.get_by_role("button")).to_have_count(2)


def _assert_settled(site: Site, item_id: str, due: str, other: str, settler: str) -> None:
    (conflict,) = site.ledger.conflicts(item_id)
    assert (conflict["state"], conflict["choice"]) == ("resolved", "other")
    assert conflict["resolved_by"] == site.ledger.user_id(settler)
    assert site.ledger.item(TITLE)["due_on"] == other
    settled = site.ledger.events(item_id)[-1]
    assert settled["name"] == "conflict.resolve"
    assert settled["changes"]["due_on"] == [due, other]
    assert settled["actor_id"] == site.ledger.user_id(settler)
    # Base, both and the resolver are kept beside the item; the chain seals who did it, and what by its hash.
    assert conflict["base"] == MONDAY
    assert {(conflict["current"], conflict["current_by"]), (conflict["other"], conflict["other_by"])} == {
        (TUESDAY, site.ledger.user_id("Ana")),
        (THURSDAY, site.ledger.user_id("Bo")),
    }
    (losing,) = site.ledger.audit(conflict["mutation_id"])
    (resolving,) = site.ledger.audit(settled["id"])
    assert (losing["actor_id"], losing["payload"]["outcome"]) == (conflict["other_by"], "conflict")
    assert resolving["actor_id"] == conflict["resolved_by"]
