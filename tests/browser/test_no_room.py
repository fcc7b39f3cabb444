"""S8: there is room for one photo: notes are never refused, photos before they are taken, none is half kept (23)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import FileChooser, expect

from tests.browser import camera, full_storage
from tests.browser.browsers import engine_of
from tests.browser.conftest import Site
from tests.browser.phone import Phone
from tests.photographs import camera_jpeg

pytestmark = pytest.mark.browser

TITLE: Final = "Cracked tile at the door"
NOTES: Final = [f"Note {number}" for number in range(1, 6)]
LAST_NOTE: Final = "Note 6"


def test_with_room_for_one_photo_three_are_taken_and_five_notes_written(site: Site, tmp_path: Path) -> None:
    """Firefox: the one engine whose quota a test can set without being root."""
    pictures = [tmp_path / f"IMG_{number}.jpg" for number in range(3)]
    for number, path in enumerate(pictures):
        path.write_bytes(camera_jpeg(size=(4032, 3024 + 8 * number)))
    phone = site.phone(engine_of("firefox"))
    phone.options = full_storage.SMALL
    phone.open()
    phone.sign_in("Ana")
    camera.choose(phone, "Original")
    item_id = phone.capture(TITLE)
    phone.is_green()
    site.proxy.offline()
    full_storage.fill(phone, pictures[0].stat().st_size * 3 // 2)

    phone.show(item_id)
    phone.page.locator("input[type=file][multiple]").set_input_files(pictures)
    sheet = phone.page.get_by_role("dialog")
    expect(sheet).to_contain_text("Not kept on this phone", timeout=camera.PREPARING_MS)
    expect(sheet).to_contain_text("Text can still be saved")
    for number in (1, 2):  # what the camera gave is not dropped: each can be saved elsewhere
        expect(sheet.get_by_role("button", name=f"Save IMG_{number}.jpg as a file")).to_be_visible()
    expect(sheet.get_by_role("button", name="Save IMG_0.jpg")).to_have_count(0)
    phone.page.keyboard.press("Escape")
    (photo,) = phone.read("work", "photos")
    parts = -(-photo["size_bytes"] // camera.PART_BYTES)
    assert len(phone.read("work", "photo_parts")) == parts + 1, "bytes of a refused photo are left"
    for text in NOTES:
        phone.comment(item_id, text)

    _assert_refused_before_it_is_taken(phone, item_id)
    assert [entry["name"] for entry in phone.outbox()] == ["photo.add", *["comment.add"] * 6]

    full_storage.free(phone)
    site.come_online()
    camera.green(phone)
    assert site.ledger.comments(item_id) == [*NOTES, LAST_NOTE]
    camera.assert_not_green_too_early(site, phone)
    camera.assert_settled(site, 1)


def _assert_refused_before_it_is_taken(phone: Phone, item_id: str) -> None:
    """Nearly full: the camera does not open, choices are offered, and still a note is saved."""
    full_storage.fill(phone, 400_000)
    sheet = phone.page.get_by_role("dialog")
    choosers: list[FileChooser] = []

    def note(chooser: FileChooser) -> None:
        choosers.append(chooser)

    phone.page.on("filechooser", note)
    phone.go("/")
    phone.show(item_id)
    expect(phone.page.get_by_text("No room for another photo").first).to_be_visible()
    phone.page.get_by_text("Take photo").click()
    expect(sheet).to_contain_text("No room for another photo")
    assert choosers == []
    phone.page.keyboard.press("Escape")
    phone.comment(item_id, LAST_NOTE)
