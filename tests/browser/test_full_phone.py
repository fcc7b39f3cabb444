"""The browser refuses to store one byte more: the person is told, nothing is half stored, and typed text stays (23)."""

from __future__ import annotations

import random
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser import full_storage
from tests.browser.browsers import engine_of
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

TITLE: Final = "Door sticks"
# The longest comment there is: more than what a database file has to spare, and nothing that packs well.
LONG: Final = "".join(chr(random.Random(at).randrange(0x4E00, 0x9FFF)) for at in range(10_000))


def test_a_full_phone_says_so_keeps_what_is_typed_and_goes_on_once_there_is_room(site: Site) -> None:
    """Firefox: the one engine whose quota a test can set without being root."""
    phone = site.phone(engine_of("firefox"))
    phone.options = full_storage.SMALL
    phone.open()
    phone.sign_in("Ana")
    item_id = phone.capture(TITLE)
    phone.is_green()
    site.proxy.offline()
    assert full_storage.fill(phone) > 5_000_000
    before = phone.read("work", "meta")

    phone.show(item_id)
    box = phone.page.get_by_label("Your comment")
    box.fill(LONG)
    expect(phone.page.get_by_text("what you type is not kept")).to_be_visible()
    phone.button("Add comment").click()
    expect(phone.page.locator(".snackbar-text")).to_contain_text("Not saved")
    phone.says("This phone could not store")
    assert box.input_value() == LONG
    assert phone.outbox() == []
    assert phone.read("work", "meta") == before, "a number was given out for what was not stored"

    full_storage.free(phone)
    phone.button("Add comment").click()
    expect(phone.page.locator(".snackbar-text")).to_contain_text("Comment. Saved on this phone")
    assert [entry["args"]["text"] for entry in phone.outbox()] == [LONG]
    assert site.ledger.comments(item_id) == []
    site.come_online()
    phone.is_green()
    assert site.ledger.comments(item_id) == [LONG]
    site.assert_settled()
