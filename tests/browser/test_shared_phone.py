"""One phone, two people: nobody's session shows, sends or deletes another's work (21)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import Engine
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

HERS = ["Only Ana knows this crack", "Only Ana knows that crack"]
HALF = "Only Ana typed half of"
HIS = "Bo found a bent pipe"


def test_the_next_person_sees_a_name_and_a_count_and_nothing_else(site: Site, browser_engine: Engine) -> None:
    phone = site.phone_of("Ana", browser_engine)
    site.proxy.offline()
    for title in HERS:
        phone.capture(title)
    phone.go("/new")
    phone.page.get_by_label("What is wrong?").press_sequentially(HALF)
    expect(phone.page.get_by_text("Draft kept on this phone")).to_be_visible()
    phone.sign_out()
    expect(phone.page.locator("#waiting")).to_contain_text("Ana: 2 waiting")
    _assert_nothing_of_hers(phone.page.content())

    site.proxy.online()
    phone.sign_in("Bo")
    for path in ("/", "/new", "/outbox", "/needs-you", "/settings"):
        phone.go(path)
        expect(phone.page.locator("main h1")).to_be_visible()
        _assert_nothing_of_hers(phone.page.content())
    phone.capture(HIS)
    phone.is_green()
    assert [doc["title"] for doc in site.ledger.docs("punch_items")] == [HIS]
    assert site.ledger.item(HIS)["raised_by"] == site.ledger.user_id("Bo")
    assert len(phone.outbox(site.ledger.user_id("Ana"))) == 2
    phone.sign_out()

    phone.sign_in("Ana")
    ana = site.ledger.user_id("Ana")
    for title in HERS:
        assert site.ledger.item(title)["raised_by"] == ana
    phone.go("/new")
    expect(phone.page.get_by_label("What is wrong?")).to_have_value(HALF)
    site.assert_settled()


def _assert_nothing_of_hers(text: str) -> None:
    for words in (*HERS, HALF):
        assert words not in text


def test_the_way_back_after_signing_out_shows_nothing(site: Site, browser_engine: Engine) -> None:
    """Browsers keep the page that was left and bring it back as it was, memory and all."""
    phone = site.phone(browser_engine)
    phone.options = (
        {"ignore_default_args": ["--disable-back-forward-cache"]} if browser_engine.name == "chromium" else {}
    )
    phone.open()
    phone.sign_in("Ana")
    phone.show(phone.capture(HERS[0]))
    phone.is_green()
    phone.sign_out()
    for _ in range(2):
        phone.page.evaluate("() => history.back()")
        phone.page.wait_for_timeout(1_000)
        _assert_nothing_of_hers(phone.page.content())
        expect(phone.page.locator("input[name=login]")).to_be_visible()


def test_a_form_open_in_two_tabs_keeps_what_each_has_typed(site: Site, browser_engine: Engine) -> None:
    phone = site.phone_of("Ana", browser_engine)
    phone.go("/new")
    first = phone.page
    first.get_by_label("What is wrong?").fill(HALF)
    expect(first.get_by_text("Draft kept on this phone")).to_be_visible()
    phone.wait_for("the draft", lambda: HALF in phone.drafts())
    second = phone.open("/new")
    expect(second.get_by_label("What is wrong?")).to_have_value(HALF)
    phone.front(first)
    first.get_by_label("What is wrong?").fill(f"{HALF} and more")
    phone.front(second)
    phone.capture(HIS)
    phone.is_green()
    expect(first.get_by_label("What is wrong?")).to_have_value(f"{HALF} and more")
    phone.front(first)
    phone.button("Save on this phone").click()
    site.ledger.wait_for("both items", lambda: len(site.ledger.docs("punch_items")) == 2)
    assert {doc["title"] for doc in site.ledger.docs("punch_items")} == {HIS, f"{HALF} and more"}
