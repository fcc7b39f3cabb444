"""From "saved" on, nothing is lost: the browser is killed the moment the words appear (3, 23)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import Engine
from tests.browser.conftest import Site
from tests.browser.phone import Phone
from tests.browser.proxy import Hold

pytestmark = pytest.mark.browser

TITLE = "Water under the door"


def test_what_was_called_saved_survives_a_kill(site: Site, browser_engine: Engine) -> None:
    phone = _phone_with_kept_session(site, browser_engine)
    site.proxy.offline()
    item_id = _save_and_kill(site, "Saved on this phone")

    phone.open()
    (entry,) = phone.outbox()
    assert (entry["name"], entry["args"]["id"], entry["args"]["title"]) == ("item.create", item_id, TITLE)
    expect(phone.page.get_by_role("link", name=TITLE)).to_be_visible()
    site.come_online()
    phone.is_green()
    assert site.ledger.item(TITLE)["id"] == item_id
    site.assert_settled()


def test_a_kill_between_the_server_s_commit_and_its_answer_doubles_nothing(site: Site, browser_engine: Engine) -> None:
    phone = _phone_with_kept_session(site, browser_engine)
    site.proxy.put(Hold(is_answer_held=True), "/sync")
    phone.capture(TITLE)
    site.ledger.wait_for("the item", lambda: site.ledger.items(TITLE))
    phone.kill()
    site.proxy.clear()

    phone.open()
    phone.is_green()
    assert len(site.ledger.items(TITLE)) == 1
    assert len(site.ledger.receipts()) == 1
    site.assert_settled()


def _phone_with_kept_session(site: Site, engine: Engine) -> Phone:
    """Browsers write cookies down after a while, or when they end in good order; the promise is about the work."""
    phone = site.phone_of("Ana", engine)
    phone.close()
    phone.open()
    phone.is_green()
    return phone


def _save_and_kill(site: Site, words: str) -> str:
    """Saves a new item and kills the browser when the screen says so; the item's id, as the screen gave it."""
    (phone,) = site.phones
    phone.go("/new")
    phone.page.get_by_label("What is wrong?").fill(TITLE)
    seen = phone.page.evaluate_handle(_SAVE_AND_WATCH, words)
    href = str(seen.json_value())
    phone.kill()
    return href.removeprefix("/items/")


# The click and the look at the screen in one go: nothing slower stands between the words and the kill.
_SAVE_AND_WATCH = """(words) => new Promise((done) => {
    const look = () => {
        if (document.querySelector(".snackbar-text")?.textContent.includes(words)) {
            done(document.querySelector(".snackbar-acts a").getAttribute("href"));
        }
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
    document.querySelector("button[form=capture]").click();
})"""


def test_what_was_typed_a_second_ago_survives_a_kill(site: Site, quick_engine: Engine) -> None:
    phone = _phone_with_kept_session(site, quick_engine)
    phone.go("/new")
    phone.page.get_by_label("What is wrong?").press_sequentially(TITLE)
    phone.page.wait_for_timeout(1_000)  # the promise: a second
    phone.kill()
    phone.open("/new")
    expect(phone.page.get_by_label("What is wrong?")).to_have_value(TITLE)
    assert site.ledger.items(TITLE) == []
    assert phone.outbox() == []
