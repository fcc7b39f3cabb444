"""What a phone says and keeps when somebody else answers, the session ends, or several senders meet (3, 21)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import Engine
from tests.browser.conftest import Site
from tests.browser.ledger import holdfast
from tests.browser.proxy import Hold, portal, trouble

pytestmark = pytest.mark.browser


def test_a_captive_portal_is_not_our_server(site: Site, browser_engine: Engine) -> None:
    phone = site.phone_of("Ana", browser_engine)
    site.proxy.put(portal())
    item_id = phone.capture("Door sticks")
    phone.says("This network answers for us")
    expect(phone.page.locator(".strip")).to_contain_text("1 waiting")
    assert [entry["name"] for entry in phone.outbox()] == ["item.create"]

    # The shell is not poisoned: app, item and sign-in page open from what was kept, and asking for an update changes
    # nothing.
    phone.page.evaluate("navigator.serviceWorker.getRegistration().then((one) => one.update()).catch(() => null)")
    phone.close_tabs()
    phone.open(f"/items/{item_id}")
    expect(phone.page.get_by_role("heading", name="Door sticks")).to_be_visible()
    phone.says("This network answers for us")
    kept = phone.page.evaluate(_KEPT)
    assert kept, "nothing is kept for offline use"
    assert [path for path, text in kept if "Guest Wi-Fi" in text] == []
    assert site.ledger.items("Door sticks") == []

    site.come_online()
    phone.is_green()
    assert len(site.ledger.items("Door sticks")) == 1
    site.assert_settled()


_KEPT = """async () => {
    const found = [];
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
            found.push([new URL(request.url).pathname, await (await cache.match(request)).text()]);
        }
    }
    return found;
}"""


def test_a_portal_at_the_first_visit_leaves_nothing_behind(site: Site, quick_engine: Engine) -> None:
    phone = site.phone(quick_engine)
    site.proxy.put(portal())
    phone.open()
    expect(phone.page.get_by_text("Welcome to Guest Wi-Fi")).to_be_visible()
    site.proxy.clear()
    phone.page.goto(site.proxy.origin)
    phone.sign_in("Ana")
    site.assert_settled()


def test_a_session_that_ends_in_mid_replay_loses_nothing(site: Site, browser_engine: Engine) -> None:
    phone = site.phone_of("Ana", browser_engine)
    site.proxy.offline()
    titles = [f"Point {number}" for number in range(1, 4)]
    for title in titles:
        phone.capture(title)
    phone.go("/new")
    phone.page.get_by_label("What is wrong?").fill("Half a sent")
    ended = holdfast(site.ledger.data, "user", "sign-out", "ana")
    assert ended.returncode == 0, ended.stderr
    site.come_online()

    phone.says("Sign in to send 3")
    loads = phone.page.evaluate("performance.timeOrigin")
    assert len(phone.outbox()) == 3
    phone.sign_in_again("Ana", waiting=3)
    phone.is_green()

    assert phone.page.evaluate("performance.timeOrigin") == loads, "signing in left the page"
    assert phone.page.get_by_label("What is wrong?").input_value() == "Half a sent"
    ana = site.ledger.user_id("Ana")
    assert [site.ledger.item(title)["raised_by"] for title in titles] == [ana] * 3
    site.assert_settled()


def test_an_answer_of_401_between_two_pushes_keeps_what_is_left(site: Site, quick_engine: Engine) -> None:
    phone = site.phone_of("Ana", quick_engine)
    phone.capture("Before")
    phone.is_green()
    site.proxy.put(trouble(401, "sign_in_required"), "/sync")
    phone.capture("After")
    phone.says("Sign in to send 1")
    assert len(site.ledger.docs("punch_items")) == 1
    site.proxy.clear()
    phone.sign_in_again("Ana", waiting=1)
    phone.is_green()
    assert len(site.ledger.items("After")) == 1
    site.assert_settled()


def test_two_tabs_and_the_worker_send_everything_once(site: Site, browser_engine: Engine) -> None:
    phone = site.phone_of("Ana", browser_engine)
    first = phone.page
    site.proxy.offline()
    for number in range(5):
        phone.capture(f"From the first tab {number}")
    second = phone.open()
    for number in range(5):
        phone.capture(f"From the second tab {number}")
    hold = Hold()
    site.proxy.online()
    site.proxy.put(hold, "/sync")
    phone.feel_the_network()
    if browser_engine.has_background_sync:
        phone.dispatch_sync()
    site.proxy.clear()

    for tab in (first, second):
        expect(tab.locator(".strip [role=status]")).to_contain_text("All on server", timeout=30_000)
    titles = sorted(doc["title"] for doc in site.ledger.docs("punch_items"))
    assert titles == sorted(f"From the {tab} tab {number}" for tab in ("first", "second") for number in range(5))
    assert sorted(doc["number"] for doc in site.ledger.docs("punch_items")) == list(range(1, 11))
    site.assert_settled()
