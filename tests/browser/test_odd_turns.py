"""Turns that nobody plans: work thrown away, addresses that are none, and one comment box open in two tabs."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import Engine
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

TITLE = "Door sticks"
ONE, OTHER = "It needs planing.", "It needs a new hinge."
NO_ADDRESSES = [
    ("/items/%E0%A4%A", "a letter cut in the middle", "This item is not on this phone"),
    ("/items/%", "a lone sign", "This item is not on this phone"),
    ("/new?refusal=%", "a lone sign behind the question mark", "New item"),
]


def test_discarded_work_stands_in_the_outbox_until_its_number_is_sent(site: Site, quick_engine: Engine) -> None:
    phone = site.phone_of("Ana", quick_engine)
    site.proxy.offline()
    phone.capture("Tried, so it stays")
    phone.says("Offline, 1 waiting")
    phone.capture("Thrown away")
    phone.says("Offline, 2 waiting")
    phone.discard("Thrown away")
    for _ in range(2):
        card = phone.page.locator("li.entry", has_text="Discarded change")
        expect(card).to_have_count(1)
        expect(card.get_by_role("button")).to_have_count(0)
        assert "Thrown away" not in phone.page.locator("main").inner_text()
        assert [entry["name"] for entry in phone.outbox()] == ["item.create", "noop"]
        phone.page.reload()
        phone.says("Offline, 2 waiting")

    site.come_online()
    phone.is_green()
    expect(phone.page.get_by_text("Nothing is waiting on this phone.")).to_be_visible()
    assert [doc["title"] for doc in site.ledger.docs("punch_items")] == ["Tried, so it stays"]
    assert [receipt["outcome"] for receipt in site.ledger.receipts()] == ["applied", "applied"]
    site.assert_settled()


def test_an_address_that_is_none_opens_the_app_all_the_same(site: Site, quick_engine: Engine) -> None:
    phone = site.phone_of("Ana", quick_engine)
    for is_online in (True, False):
        if not is_online:
            site.proxy.offline()
        for path, why, heading in NO_ADDRESSES:
            phone.close_tabs()
            phone.open(path)
            expect(phone.page.locator("main h1"), why).to_contain_text(heading)
            phone.page.get_by_role("navigation").get_by_role("link", name="List").click()
            expect(phone.page.get_by_label("Search number, title, tag"), why).to_be_visible()
    assert phone.outbox() == []
    site.come_online()
    site.assert_settled()


def test_a_comment_box_open_in_two_tabs_loses_neither_text(site: Site, quick_engine: Engine) -> None:
    phone = site.phone_of("Ana", quick_engine)
    item_id = phone.capture(TITLE)
    phone.show(item_id)
    phone.is_green()
    first = phone.page
    first.get_by_label("Your comment").fill(ONE)
    phone.wait_for("the draft", lambda: ONE in phone.drafts())
    second = phone.open(f"/items/{item_id}")
    expect(second.get_by_label("Your comment")).to_have_value(ONE)
    phone.comment(item_id, OTHER)
    phone.is_green()

    phone.front(first)
    expect(first.locator(".comment", has_text=OTHER)).to_be_visible()
    expect(first.get_by_label("Your comment")).to_have_value(ONE)
    phone.button("Add comment").click()
    expect(first.locator(".comment", has_text=ONE)).to_be_visible()
    phone.is_green()
    assert sorted(site.ledger.comments(item_id)) == [OTHER, ONE]
    site.assert_settled()
