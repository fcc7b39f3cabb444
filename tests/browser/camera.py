"""Photos in a test: taken with what a person touches, and compared to the byte with what the server holds."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import expect

from tests.browser import tellings
from tests.browser.conftest import Site
from tests.browser.phone import Phone
from tests.browser.witness import WAIT_MS

PART_BYTES: Final = 256 * 1024
PREPARING_MS: Final = 60_000


def photograph(phone: Phone, item_id: str, *pictures: Path) -> None:
    """Adds pictures to an item, from files; waits until the screen says that they are saved."""
    phone.show(item_id)
    expect(phone.page.locator("#photos-head")).to_be_visible()
    phone.page.locator("input[type=file][multiple]").set_input_files(list(pictures))
    expect(phone.page.locator(".snackbar-text")).to_contain_text("saved on this phone", timeout=PREPARING_MS)
    phone.wait_for("the entries of the photos", lambda: len(kept(phone)) >= len(pictures))


def kept(phone: Phone) -> list[dict[str, Any]]:
    """What the phone holds of photos that were added to an item, oldest first."""
    records = [one for one in phone.read("work", "photos") if one["item_id"] is not None]
    return sorted(records, key=lambda one: (one["kept_at"], one["id"]))


def choose(phone: Phone, word: str) -> None:
    """One of the choices on the settings page."""
    phone.go("/settings")
    button = phone.button(word)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def sent_bytes(site: Site) -> int:
    """Bytes of photos that left phones, arrived or not."""
    return sum(len(one.body) for one in site.proxy.seen("/uploads/", "PATCH"))


def stored(site: Site) -> list[dict[str, Any]]:
    """Rows of photos of which the server says that it has them."""
    return [doc for doc in site.ledger.docs("photos") if doc["state"] == "stored"]


def assert_whole(site: Site, count: int) -> None:
    """So many photos are stored once: rows, bytes, hashes and the audit chain agree, and no parts are left."""
    rows = site.ledger.docs("photos")
    assert [row["state"] for row in rows] == ["stored"] * count
    objects = site.ledger.data / "objects"
    for row in rows:
        held = (objects / "originals" / row["sha256"][:2] / row["sha256"]).read_bytes()
        assert (len(held), hashlib.sha256(held).hexdigest()) == (row["size_bytes"], row["sha256"])
    site.ledger.wait_for("an empty outbox", lambda: site.ledger.undelivered() == 0)
    entries = site.ledger.select("SELECT payload FROM audit_logs WHERE kind = 'photo.stored'", database="core")
    assert len(entries) == count
    assert [path for path in (objects / "parts").rglob("*") if path.is_file()] == []


def assert_not_green_too_early(site: Site, phone: Phone) -> None:
    """The strip never said "all on server" while a photo of this phone was not there."""
    clients = phone.client_ids()
    owed = [(row["made_at"], row["stored_at"]) for row in site.ledger.docs("photos") if row["client"] in clients]
    assert owed, "no photo was taken on this phone"
    for telling, until in tellings.spans(phone.told(), phone.ends):
        for made_at, stored_at in owed:
            is_early = telling.at < stored_at and (until is None or until > made_at + tellings.TURN_MS)
            assert telling.kind != "all_on_server" or not is_early, f"{telling} until {until}: {made_at} to {stored_at}"


def assert_settled(site: Site, count: int) -> None:
    """So many photos are whole, their previews made, every phone has the rows as they are, and nothing waits."""
    assert_whole(site, count)

    def previewed() -> bool:
        return all(row["preview"] == "view" for row in site.ledger.docs("photos"))

    site.ledger.wait_for("previews", previewed)
    rows = {row["id"]: row for row in site.ledger.docs("photos")}
    for phone in site.phones:
        phone.page.reload()  # a page asks what is new when it opens
        phone.wait_for("the rows of the photos", partial(_has, phone, rows))
    site.assert_settled()


def _has(phone: Phone, rows: dict[str, Any]) -> bool:
    return phone.rows("photos") == rows


def green(phone: Phone) -> None:
    """Waits until everything is there, photos too."""
    phone.is_green(4 * WAIT_MS)
