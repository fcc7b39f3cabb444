"""The screens of photos: taken with a form, shown with where they are, described with no word lost, brought back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import Engine
from tests.browser.conftest import Site
from tests.browser.phone import Phone
from tests.browser.test_looks import _in_words, _judge
from tests.photographs import camera_jpeg

pytestmark = pytest.mark.browser

CAPTION = "The corner by the window"


def _picture(tmp_path: Path) -> Path:
    path = tmp_path / "scene.jpg"
    path.write_bytes(camera_jpeg())
    return path


def _take(phone: Phone, path: Path) -> None:
    phone.go("/new")
    phone.page.get_by_label("Take photo").set_input_files(path)
    expect(phone.page.locator(".thumb-place")).to_have_text("in this draft")


def _save_and_open(phone: Phone) -> None:
    """The page of the new item is in front, its photo on the server."""
    phone.page.get_by_label("What is wrong?").fill("Tile cracked")
    phone.button("Save on this phone").click()
    phone.page.get_by_role("link", name="Open", exact=True).click()
    expect(phone.page.locator(".thumb-place")).to_have_text("on server", timeout=30_000)


def test_photo_screens_have_no_axe_violation_in_any_theme(site: Site, chromium: Engine, tmp_path: Path) -> None:
    phone = site.phone(chromium)
    phone.options = {"bypass_csp": True, "reduced_motion": "reduce"}
    phone.open()
    phone.sign_in("Ana")
    found: dict[str, Any] = {}
    _take(phone, _picture(tmp_path))
    found |= _judge(phone, "capture with a photo", None)
    _save_and_open(phone)
    found |= _judge(phone, "item with a photo", None)
    phone.page.locator(".thumb").first.click()
    expect(phone.page.get_by_role("dialog").locator("img.photo")).to_be_visible()
    found |= _judge(phone, "photo", None)
    assert found == {}, _in_words(found)


def test_a_photo_and_its_record_are_one_card_and_one_number(site: Site, chromium: Engine, tmp_path: Path) -> None:
    phone = site.phone(chromium)
    phone.options = {"bypass_csp": True, "reduced_motion": "reduce"}
    phone.open()
    phone.sign_in("Ana")
    phone.is_green()
    site.proxy.offline()
    _take(phone, _picture(tmp_path))
    phone.page.get_by_label("What is wrong?").fill("Tile cracked")
    phone.button("Save on this phone").click()
    phone.says("Offline, 2 waiting")
    phone.go("/outbox")
    cards = phone.page.locator("li.entry")
    expect(cards).to_have_count(2)
    expect(cards.last).to_contain_text("waits for its item")
    expect(cards.last.locator("img")).to_be_visible()
    expect(phone.page.get_by_text("2 changes made here")).to_be_visible()
    expect(phone.page.locator(".navigation .badge")).to_have_text("2")
    expect(cards.last.get_by_role("button", name="Send now")).to_have_count(0)
    found = _judge(phone, "outbox with a photo", None)
    assert found == {}, _in_words(found)
    site.proxy.online()
    phone.button("Send now").first.click()
    expect(cards).to_have_count(0, timeout=30_000)
    phone.is_green()


def test_a_half_written_caption_outlives_escape_and_is_saved(site: Site, chromium: Engine, tmp_path: Path) -> None:
    phone = site.phone_of("Ana", chromium)
    _take(phone, _picture(tmp_path))
    _save_and_open(phone)
    dialog = phone.page.get_by_role("dialog")
    phone.page.locator(".thumb").click()
    dialog.get_by_label("Caption").fill(CAPTION)
    phone.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(phone.page.locator(".thumb")).to_be_focused()
    phone.page.locator(".thumb").click()
    expect(dialog.get_by_label("Caption")).to_have_value(CAPTION)
    dialog.get_by_role("button", name="Save").click()
    expect(phone.page.locator(".thumb-name")).to_have_text(f"Before: {CAPTION}")


def test_a_removed_photo_comes_back_by_undo(site: Site, chromium: Engine, tmp_path: Path) -> None:
    phone = site.phone_of("Ana", chromium)
    _take(phone, _picture(tmp_path))
    _save_and_open(phone)
    phone.page.locator(".thumb").click()
    phone.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(phone.page.locator(".thumb")).to_have_count(0)
    phone.button("Undo").click()
    expect(phone.page.locator(".thumb")).to_have_count(1)


def test_what_is_no_picture_is_offered_as_a_file_and_dropped_by_nobody(
    site: Site, chromium: Engine, tmp_path: Path
) -> None:
    phone = site.phone_of("Ana", chromium)
    path = tmp_path / "notes.jpg"
    path.write_bytes(b"this is no picture at all" * 100)
    phone.go("/new")
    phone.page.get_by_label("Take photo").set_input_files(path)
    dialog = phone.page.get_by_role("dialog", name="Not kept on this phone")
    with phone.page.expect_download() as download:
        dialog.get_by_role("button", name="Save notes.jpg").click()
    assert Path(download.value.path()).read_bytes() == path.read_bytes()


def test_an_unknown_page_says_so(site: Site, chromium: Engine) -> None:
    phone = site.phone_of("Ana", chromium)
    for address in ("/needs", "/items/%E0%A4%A"):
        phone.go(address)
        expect(phone.page.locator("main h1")).to_contain_text(
            "not on this phone" if "items" in address else "no such page"
        )


def test_a_sheet_that_follows_another_gives_the_focus_back_to_the_page(site: Site, chromium: Engine) -> None:
    phone = site.phone_of("Ana", chromium)
    phone.show(phone.capture("Door sticks"))
    phone.is_green()
    phone.button("More actions").click()
    phone.page.get_by_role("dialog").get_by_role("button", name="Dispute").click()
    phone.page.get_by_role("dialog").locator("textarea").fill("Not ours")
    phone.page.keyboard.press("Escape")
    expect(phone.page.get_by_role("dialog")).to_have_count(0)
    assert phone.evaluate("() => document.activeElement !== document.body")
    phone.button("More actions").click()
    phone.page.get_by_role("dialog").get_by_role("button", name="Dispute").click()
    expect(phone.page.get_by_role("dialog").locator("textarea")).to_have_value("Not ours")


def test_a_sheet_that_the_browser_closes_itself_is_over_and_leaves_the_next_alone(site: Site, chromium: Engine) -> None:
    """Chromium skips `cancel` where nobody touched the page since the last one: only `close` is told."""
    phone = site.phone_of("Ana", chromium)
    phone.show(phone.capture("Door sticks"))
    sheet = phone.page.get_by_role("dialog")
    for _ in range(2):
        phone.button("More actions").click()
        expect(sheet).to_be_visible()
        phone.evaluate("() => document.querySelector('dialog').close()")
        expect(phone.page.locator("dialog")).to_have_count(0)
        expect(phone.button("More actions")).to_be_focused()
    phone.button("More actions").click()
    phone.evaluate("""() => {
        const sheet = document.querySelector("dialog");
        [...sheet.querySelectorAll("button")].find((one) => one.textContent === "Dispute").click();
        sheet.dispatchEvent(new Event("close"));
    }""")
    expect(sheet.locator("textarea")).to_be_visible()
    phone.page.keyboard.press("Escape")
    expect(phone.page.locator("dialog")).to_have_count(0)


def test_a_sheet_whose_opener_sleeps_gives_the_focus_to_the_heading(site: Site, chromium: Engine) -> None:
    phone = site.phone_of("Ana", chromium)
    phone.show(phone.capture("Door sticks"))
    phone.button("More actions").click()
    phone.evaluate("() => { document.querySelector('main [aria-haspopup=dialog]').disabled = true; }")
    phone.page.keyboard.press("Escape")
    expect(phone.page.locator("main h1")).to_be_focused()
