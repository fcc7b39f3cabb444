"""What is being typed in a sheet is not lost to a slip of the mouse or to an update taken in another tab."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import Engine
from tests.browser.conftest import Site
from tests.browser.test_saved_is_true import STORAGE
from tests.browser.test_updates import TEXT, _publish, _state

pytestmark = pytest.mark.browser


def test_an_update_waits_for_the_words_of_a_sheet(site: Site, quick_engine: Engine, tmp_path: Path) -> None:
    phone = site.phone_of("Ana", quick_engine)
    phone.show(phone.capture("Door sticks"))
    phone.is_green()
    writing = phone.page
    phone.button("More actions").click()
    writing.get_by_role("dialog").get_by_role("button", name="Void").click()
    reason = writing.get_by_role("dialog").locator("textarea")
    reason.fill(TEXT)
    box = reason.bounding_box()
    assert box is not None
    writing.mouse.move(box["x"] + 80, box["y"] + 10)
    writing.mouse.down()
    writing.mouse.move(5, 5)  # selecting to the left, beyond the sheet
    writing.mouse.up()
    assert reason.input_value() == TEXT, "letting go of a selection closed the sheet"

    other = phone.open("/settings")
    _publish(site, tmp_path / "build")
    other.evaluate("navigator.serviceWorker.getRegistration().then((one) => one.update())")
    phone.wait_for("the new worker waiting", lambda: _state(phone) == "waiting")
    other.get_by_role("button", name="Update now").first.click()
    expect(other.locator(".update")).to_contain_text("The update waits")
    assert reason.input_value() == TEXT


def test_the_words_of_a_sheet_outlast_news_and_a_full_phone(site: Site, chromium: Engine) -> None:
    phone = site.phone(chromium)
    phone.start()
    phone.context.add_init_script(STORAGE)
    phone.open()
    phone.sign_in("Ana")
    item_id = phone.capture("Door sticks")
    phone.show(item_id)
    phone.is_green()
    phone.button("More actions").click()
    sheet = phone.page.get_by_role("dialog")
    sheet.get_by_role("button", name="Void").click()
    sheet.locator("textarea").fill(TEXT)

    news = phone.open()  # another tab of the same person: its changes come as news to the first
    phone.edit(item_id, location="Stair 2")
    phone.is_green()
    reading = phone.context.pages[-2]
    phone.front(reading)
    expect(reading.get_by_text("Stair 2").first).to_be_attached()
    expect(sheet.locator("textarea")).to_have_value(TEXT)

    reading.evaluate("() => { storage_test.is_full = true; }")
    sheet.get_by_role("button", name="Void").click()
    expect(reading.locator(".snackbar-text")).to_contain_text("Not saved")
    expect(sheet.locator("textarea")).to_have_value(TEXT)
    reading.evaluate("() => { storage_test.is_full = false; }")
    sheet.get_by_role("button", name="Void").click()
    expect(sheet).to_have_count(0)
    phone.is_green()
    item = site.ledger.item("Door sticks")
    assert (item["status"], item["status_reason"]) == ("void", TEXT)
    news.close()
    site.assert_settled()
