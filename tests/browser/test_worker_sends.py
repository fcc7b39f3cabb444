"""Every tab closed: where the browser wakes the worker it sends by itself; elsewhere the next opening does."""

from __future__ import annotations

import pytest

from tests.browser.browsers import Engine, engine_of
from tests.browser.conftest import Site
from tests.browser.proxy import trouble

pytestmark = pytest.mark.browser

TITLES = ["Made without network 1", "Made without network 2"]


def _work_without_network(site: Site, engine: Engine) -> None:
    """Two items are made while the browser itself knows that there is no network, then every tab is closed."""
    phone = site.phone_of("Ana", engine)
    phone.context.set_offline(True)
    for title in TITLES:
        phone.capture(title)
    phone.says("2 waiting")
    phone.close_tabs()


def _assert_arrived(site: Site) -> None:
    (phone,) = site.phones
    site.ledger.wait_for("both items", lambda: all(site.ledger.items(title) for title in TITLES))
    assert [page for page in phone.context.pages if page.url.startswith(site.proxy.origin)] == []
    phone.open()
    phone.is_green()
    assert [len(site.ledger.items(title)) for title in TITLES] == [1, 1]
    site.assert_settled()


def test_the_worker_sends_after_reconnect_with_every_tab_closed(site: Site, chromium: Engine) -> None:
    _work_without_network(site, chromium)
    assert site.ledger.docs("punch_items") == []
    site.phones[0].context.set_offline(False)
    _assert_arrived(site)


def test_the_worker_outlasts_a_server_that_is_away_for_a_while(site: Site, chromium: Engine) -> None:
    _work_without_network(site, chromium)
    asked = len(site.proxy.seen("/sync"))
    site.proxy.put(trouble(503, "unavailable", retry_after_s=1), "/sync")
    site.phones[0].context.set_offline(False)
    site.proxy.wait_for("three tries by the worker", lambda: len(site.proxy.seen("/sync")) >= asked + 3, 60)
    assert site.ledger.docs("punch_items") == []
    site.proxy.clear()
    _assert_arrived(site)


def test_the_browser_tries_again_after_the_worker_was_stopped(site: Site, chromium: Engine) -> None:
    """The worker is torn down in the middle of its waiting; the next sync event of the browser takes the work up."""
    _work_without_network(site, chromium)
    asked = len(site.proxy.seen("/sync"))
    site.proxy.put(trouble(503, "unavailable", retry_after_s=300), "/sync")
    site.phones[0].context.set_offline(False)
    site.proxy.wait_for("a try by the worker", lambda: len(site.proxy.seen("/sync")) > asked)
    site.phones[0].stop_workers()
    site.proxy.clear()
    _assert_arrived(site)


def test_firefox_sends_at_the_next_opening(site: Site) -> None:
    phone = site.phone_of("Ana", engine_of("firefox"))
    site.proxy.offline()
    for title in TITLES:
        phone.capture(title)
    phone.close()
    site.proxy.online()
    assert site.ledger.docs("punch_items") == []
    phone.open()
    phone.is_green()
    assert [len(site.ledger.items(title)) for title in TITLES] == [1, 1]
    site.assert_settled()
