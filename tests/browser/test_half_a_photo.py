"""S2: a photo is cut half-way and the browser dies; records do not wait for it, and it goes on where it was (5, 26)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser import camera
from tests.browser.browsers import Engine
from tests.browser.conftest import Site
from tests.browser.proxy import Allowance, CutUpstream, Exchange
from tests.photographs import camera_jpeg

pytestmark = pytest.mark.browser

TITLE: Final = "Cracked tile at the door"
NOTE: Final = "The whole row is loose."
SIZE: Final = (4800, 3600)


def _parts(site: Site) -> list[Exchange]:
    return site.proxy.seen("/uploads/", "PATCH")


def test_half_a_photo_and_a_dead_browser(site: Site, quick_engine: Engine, tmp_path: Path) -> None:
    picture = tmp_path / "IMG_2041.jpg"
    picture.write_bytes(camera_jpeg(size=SIZE))
    assert picture.stat().st_size > 6_000_000
    phone = site.phone_of("Ana", quick_engine)
    camera.choose(phone, "Original")
    phone.close()  # browsers write cookies down when they end in good order
    phone.open()
    phone.is_green()

    site.proxy.offline()
    item_id = phone.capture(TITLE)
    phone.comment(item_id, NOTE)
    camera.photograph(phone, item_id, picture)
    (photo,) = camera.kept(phone)
    assert photo["size_bytes"] > 6_000_000
    site.come_online()
    site.proxy.put(Allowance(photo["size_bytes"] * 55 // 100), "/uploads/", method="PATCH")
    site.proxy.wait_for(
        "the cut", lambda: any(isinstance(one.fault, CutUpstream) for one in site.proxy.seen("/uploads/"))
    )
    phone.kill()
    assert site.ledger.comments(site.ledger.item(TITLE)["id"]) == [NOTE]
    assert camera.stored(site) == []

    office = site.phone_of("Bo", quick_engine)
    expect(office.page.locator("li", has_text=TITLE)).to_contain_text("1/1")
    office.show(item_id)
    expect(office.page.locator(".thumb-place")).to_have_text("still on Ana’s phone")

    site.proxy.offline()
    phone.open()
    phone.says("Offline")
    expect(phone.strip).not_to_contain_text("nothing waiting")
    phone.show(item_id)
    expect(phone.page.locator(".thumb-place")).to_have_text("waiting")
    site.come_online()
    camera.green(phone)
    assert camera.sent_bytes(site) <= photo["size_bytes"] + photo["thumb_bytes"] + camera.PART_BYTES
    camera.assert_not_green_too_early(site, phone)
    camera.assert_settled(site, 1)
    for screen in (phone.page, office.page):
        expect(screen.locator(".thumb-place")).to_have_text("on server")
