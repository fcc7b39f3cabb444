"""S8, second half: a phone's data is cleared; its person and the office are told what it last said it had not sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import camera
from tests.browser.browsers import Engine
from tests.browser.conftest import Site
from tests.browser.phone import Phone
from tests.photographs import camera_jpeg

pytestmark = pytest.mark.browser

CARD = "Your other phone"


def test_a_cleared_phone_says_what_may_be_lost_and_the_office_sees_the_same(
    site: Site, tmp_path: Path, quick_engine: Engine
) -> None:
    phone = site.phone_of("Ana", quick_engine)
    item_id = phone.capture("Cracked tile")
    phone.is_green()
    assert not phone.page.get_by_label(CARD).is_visible()
    _hold_a_photo(site, phone, item_id, tmp_path / "IMG_1.jpg")
    site.proxy.offline()
    phone.comment(item_id, "Made without network, and never told of")

    # A browser whose data was cleared is one that has never been here.
    site.proxy.online()
    cleared = site.phone_of("Ana", quick_engine)
    card = cleared.page.get_by_label(CARD)
    expect(card).to_contain_text("with 0 changes and 1 photo not sent")
    expect(card).to_contain_text("What was made on it since then is not known here")
    office = _office(site, quick_engine)
    expect(office.page.locator(".card").first).to_contain_text("Ana")
    expect(office.page.locator(".card").first).to_contain_text("0 changes and 1 photo not sent")

    _stays_offline_and_when_something_is_sent(site, cleared)

    phone.feel_the_network()
    camera.choose(phone, "Over any network")
    camera.green(phone)
    camera.assert_whole(site, 1)
    cleared.go("/")
    cleared.button("Look again").click()
    expect(card).to_have_count(0)
    office.page.reload()
    expect(office.page.locator("main")).to_contain_text("No phone is known to hold unsent work")


def _hold_a_photo(site: Site, phone: Phone, item_id: str, picture: Path) -> None:
    """Its row is on the server; its bytes wait for Wi-Fi."""
    picture.write_bytes(camera_jpeg())
    camera.choose(phone, "Wi-Fi only")
    camera.photograph(phone, item_id, picture)
    site.ledger.wait_for("the row of the photo", lambda: site.ledger.docs("photos"))
    phone.wait_for("the receipt of the row", lambda: phone.outbox() == [])


def _office(site: Site, engine: Engine) -> Phone:
    office = site.phone_of("Bo", engine)
    office.go("/settings")
    office.page.get_by_role("link", name="Everybody’s phones").click()
    expect(office.page.locator("main h1")).to_have_text("Phones")
    return office


def _stays_offline_and_when_something_is_sent(site: Site, cleared: Phone) -> None:
    cleared.capture("Found again")
    cleared.is_green()
    site.proxy.offline()
    cleared.go("/")
    expect(cleared.page.get_by_label(CARD)).to_be_visible()
    site.proxy.online()
    cleared.feel_the_network()
    cleared.button("Look again").click()
    expect(cleared.page.get_by_label(CARD)).to_contain_text("1 photo not sent")


def test_who_understood_is_not_told_again(site: Site, chromium: Engine) -> None:
    phone = site.phone_of("Ana", chromium)
    phone.capture("Cracked tile")
    phone.is_green()
    other = site.phone_of("Ana", chromium)
    card = other.page.get_by_label(CARD)
    expect(card).to_contain_text("with everything sent")
    card.get_by_role("button", name="Understood").click()
    expect(card).to_have_count(0)
    other.go("/")
    expect(other.page.locator("main h1")).to_be_visible()
    expect(card).to_have_count(0)
