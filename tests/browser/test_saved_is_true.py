""" "Saved on this phone" is said when the write is on the disk, and never when it is not (23)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import Engine
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

SLOW_MS = 1_000  # less than a strip may take to turn
# Storage that takes its time or is full, as a phone's is; `durable` are the instants at which writes were complete.
STORAGE = """(() => {
    window.storage_test = { slow_ms: 0, is_full: false, durable: [], kinds: [] };
    const transaction = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (names, mode, options) {
        const opened = transaction.call(this, names, mode, options);
        if (mode !== "readwrite" || !opened.objectStoreNames.contains("entries")) return opened;
        const test = window.storage_test;
        test.kinds.push(opened.durability);
        opened.addEventListener("complete", () => test.durable.push(Date.now()));
        const store = opened.objectStore("entries");
        const end = Date.now() + test.slow_ms;
        const wait = () => {
            if (test.is_full) opened.abort();
            else if (Date.now() < end) store.count().onsuccess = wait;
        };
        store.count().onsuccess = wait;
        return opened;
    };
})()"""


def test_saved_is_said_after_the_write_is_durable(site: Site, browser_engine: Engine) -> None:
    phone = site.phone(browser_engine)
    phone.start()
    phone.context.add_init_script(STORAGE)
    phone.open()
    phone.sign_in("Ana")
    site.proxy.offline()
    phone.page.evaluate("(ms) => { storage_test.slow_ms = ms; storage_test.durable = []; }", SLOW_MS)
    phone.capture("Slow to store")
    first, *_ = phone.page.evaluate("storage_test.durable")
    said = [telling.at for telling in phone.told() if telling.message and telling.message.startswith("Saved")]
    assert said, "nothing was said at all"
    assert said[0] >= first, f"said {first - said[0]} ms before it was durable"
    assert set(phone.page.evaluate("storage_test.kinds")) == {"strict"}
    phone.page.evaluate("() => { storage_test.slow_ms = 0; }")
    site.come_online()
    site.assert_settled()


def test_nothing_is_called_saved_when_the_phone_is_full(site: Site, quick_engine: Engine) -> None:
    phone = site.phone(quick_engine)
    phone.start()
    phone.context.add_init_script(STORAGE)
    phone.open()
    phone.sign_in("Ana")
    site.proxy.offline()
    phone.page.evaluate("() => { storage_test.is_full = true; }")
    phone.go("/new")
    phone.page.get_by_label("What is wrong?").fill("No room for this")
    phone.button("Save on this phone").click()
    expect(phone.page.locator(".snackbar-text")).to_contain_text("Not saved")
    assert phone.page.get_by_label("What is wrong?").input_value() == "No room for this"
    assert phone.outbox() == []
    assert not [one for one in phone.told() if one.message and one.message.startswith("Saved")]

    phone.page.evaluate("() => { storage_test.is_full = false; }")
    phone.button("Save on this phone").click()
    expect(phone.page.locator(".snackbar-text")).to_contain_text("Saved on this phone")
    site.come_online()
    phone.is_green()
    assert len(site.ledger.items("No room for this")) == 1
    site.assert_settled()


def test_a_phone_whose_storage_was_cleared_does_not_speak_of_waiting_work(site: Site, chromium: Engine) -> None:
    phone = site.phone_of("Ana", chromium)
    site.proxy.offline()
    phone.capture("Gone with the storage")
    phone.says("1 waiting")
    session = phone.context.new_cdp_session(phone.page)
    session.send("Storage.clearDataForOrigin", {"origin": site.proxy.origin, "storageTypes": "indexeddb"})
    site.come_online()
    phone.says("This phone could not store")
