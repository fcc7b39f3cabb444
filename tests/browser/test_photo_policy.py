"""S3: over which network photos go is judged when they are sent, so that a change of mind counts at once (26)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser import camera
from tests.browser.browsers import Engine, engine_of
from tests.browser.conftest import Site
from tests.browser.phone import Phone
from tests.browser.proxy import Late
from tests.photographs import camera_jpeg

pytestmark = pytest.mark.browser

TITLE: Final = "Cracked tile at the door"
COUNT: Final = 10
# What a phone's Chromium tells of its network, and a desktop's does not.
CONNECTION: Final = """(() => {
    const connection = new EventTarget();
    Object.defineProperty(connection, "type", { get: () => localStorage.getItem("network") ?? "cellular" });
    Object.defineProperty(Navigator.prototype, "connection", { configurable: true, get: () => connection });
})()"""
WIFI: Final = """() => {
    localStorage.setItem("network", "wifi");
    navigator.connection.dispatchEvent(new Event("change"));
}"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    paths = [folder / f"IMG_{number}.jpg" for number in range(COUNT)]
    for number, path in enumerate(paths):
        path.write_bytes(camera_jpeg(size=(2400, 1800 + 8 * number)))
    return paths


def test_a_change_of_policy_in_the_middle_counts_at_once(site: Site, chromium: Engine, pictures: list[Path]) -> None:
    phone = site.phone(chromium)
    phone.start()
    phone.context.add_init_script(CONNECTION)
    phone.open()
    phone.sign_in("Ana")
    item_id = _ten_photos_held(phone, pictures)
    assert site.proxy.seen("/uploads") == []

    site.proxy.put(Late(150), "/uploads/", method="PATCH")
    flipped_at = time.monotonic()
    camera.choose(phone, "Over any network")
    site.proxy.wait_for("a photo", lambda: len(site.proxy.seen("/uploads")) > 0)
    assert time.monotonic() - flipped_at < 5
    site.ledger.wait_for("three photos", lambda: len(camera.stored(site)) == 3)
    camera.choose(phone, "Wi-Fi only")
    _assert_text_is_not_held_up(site, lambda text: phone.comment(item_id, text))
    phone.says("photos wait for Wi-Fi")
    assert 3 <= len(camera.stored(site)) <= 4
    under_way = [photo["picture"] for photo in camera.kept(phone)]
    sent = camera.sent_bytes(site)
    phone.page.wait_for_timeout(1_500)  # longer than anything takes that would send
    assert camera.sent_bytes(site) == sent
    assert [photo["picture"] for photo in camera.kept(phone)] == under_way, "parts that had arrived were forgotten"

    site.proxy.clear()
    phone.page.evaluate(WIFI)
    _assert_all_there(site, phone)


def test_signing_out_never_calls_a_photo_sent_that_waits_for_wifi(
    site: Site, chromium: Engine, pictures: list[Path]
) -> None:
    phone = site.phone_of("Ana", chromium)
    camera.choose(phone, "Wi-Fi only")
    camera.photograph(phone, phone.capture(TITLE), pictures[0])
    phone.says("1 photo waits for Wi-Fi (", 30_000)
    phone.go("/settings")
    phone.button("Sign out").click()
    sheet = phone.page.get_by_role("dialog")
    expect(sheet).to_contain_text("1 change stays on this phone")
    expect(sheet).not_to_contain_text("Everything of yours is on the server")
    sheet.get_by_role("button", name="Send").click()  # said by a person: over any network
    camera.green(phone)
    expect(sheet).to_contain_text("Everything of yours is on the server")
    camera.assert_settled(site, 1)


def _ten_photos_held(phone: Phone, pictures: list[Path]) -> str:
    camera.choose(phone, "Wi-Fi only")
    item_id = phone.capture(TITLE)
    camera.photograph(phone, item_id, *pictures)
    phone.says(f"{COUNT} photos wait for Wi-Fi (", 30_000)
    return item_id


def _assert_text_is_not_held_up(site: Site, write: Callable[[str], None]) -> None:
    written_at = time.monotonic()
    write("Written while photos wait.")
    item_id = site.ledger.item(TITLE)["id"]
    site.ledger.wait_for("the comment", lambda: site.ledger.comments(item_id), 3)
    assert time.monotonic() - written_at < 3


def _assert_all_there(site: Site, phone: Phone) -> None:
    camera.green(phone)
    photos = [(row["size_bytes"], row["thumb_bytes"]) for row in site.ledger.docs("photos")]
    assert camera.sent_bytes(site) <= sum(map(sum, photos)) + camera.PART_BYTES
    camera.assert_not_green_too_early(site, phone)
    camera.assert_settled(site, COUNT)


@pytest.mark.full
def test_where_the_browser_tells_no_network_a_person_sends_them(site: Site, pictures: list[Path]) -> None:
    phone = site.phone_of("Ana", engine_of("firefox"))
    item_id = _ten_photos_held(phone, pictures)
    _assert_text_is_not_held_up(site, lambda text: phone.comment(item_id, text))
    assert site.proxy.seen("/uploads") == []
    phone.page.locator("button.thumb").first.click()
    phone.page.get_by_role("dialog").get_by_role("button", name="Send now over this network").click()
    site.ledger.wait_for("the one photo", lambda: len(camera.stored(site)) == 1)
    phone.says(f"{COUNT - 1} photos wait for Wi-Fi (")
    phone.page.keyboard.press("Escape")
    expect(phone.page.get_by_role("dialog")).to_have_count(0)
    phone.go("/outbox")
    expect(phone.page.locator("li.entry")).to_have_count(COUNT - 1)
    phone.button("Send now").first.click()
    _assert_all_there(site, phone)
