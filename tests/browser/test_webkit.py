"""The stories in the foreground of a third engine: WebKitGTK, whose relatives are on every iPhone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Site
from tests.browser.proxy import EDITS, Allowance, CutUpstream, Exchange, Reset, SwallowAnswer
from tests.browser.webkit import WebKit, on_unseen_screen
from tests.browser.webkit_phone import WebKitPhone
from tests.photographs import camera_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.full]

TITLE = "Cracked tile at the door"
PART_BYTES = 262_144


@pytest.fixture(scope="module")
def webkit() -> Iterator[WebKit]:
    with on_unseen_screen() as started:
        yield started


@pytest.fixture
def phone(site: Site, webkit: WebKit, tmp_path: Path) -> WebKitPhone:
    """A phone of this engine on which Ana has signed in and everything is downloaded."""
    phone = WebKitPhone(webkit, tmp_path / "profiles" / "webkit", site.proxy)
    site.others.append(phone)
    phone.open()
    phone.sign_in("Ana")
    return phone


@pytest.mark.parametrize("is_restarted", [False, True], ids=["server stays", "server restarted"])
def test_edits_whose_answer_was_lost_arrive_once(site: Site, phone: WebKitPhone, is_restarted: bool) -> None:
    site.proxy.put(SwallowAnswer(), "/sync", carrying=EDITS)
    item_id = phone.capture(TITLE)
    phone.command(item_id, "Start work")
    site.ledger.wait_for("both edits", lambda: len(site.ledger.events(item_id)) == 2)
    assert len(phone.outbox()) == 2, "the phone forgot what nobody has acknowledged"

    phone.close_tabs()
    site.proxy.offline()
    if is_restarted:
        site.server.restart()
    phone.open(f"/items/{item_id}")
    phone.says("Offline, 2 waiting")
    phone.edit(item_id, due="2026-12-08")
    assert [entry["name"] for entry in phone.outbox()] == ["item.create", "item.start", "item.edit"]

    site.come_online()
    phone.is_green()
    item = site.ledger.item(TITLE)
    assert (item["number"], item["status"], item["due_on"]) == (1, "in_progress", "2026-12-08")
    assert [event["name"] for event in site.ledger.events(item_id)] == ["item.create", "item.start", "item.edit"]
    assert [receipt["outcome"] for receipt in site.ledger.receipts()] == ["applied"] * 3
    site.assert_settled()


def test_what_the_screen_called_saved_survives_a_killed_browser(site: Site, phone: WebKitPhone) -> None:
    site.proxy.offline()
    item_id = phone.capture(TITLE)
    phone.comment(item_id, "Seen from both sides.")
    phone.kill()
    phone.open(f"/items/{item_id}")
    phone.says("Offline, 2 waiting")
    site.come_online()
    phone.is_green()
    assert site.ledger.comments(site.ledger.item(TITLE)["id"]) == ["Seen from both sides."]
    assert {telling.kind for telling in phone.told()} >= {"offline", "all_on_server"}, "nothing was written down"
    site.assert_settled()


def test_half_a_photo_goes_on_where_it_was_cut_when_the_browser_died(
    site: Site, phone: WebKitPhone, tmp_path: Path
) -> None:
    camera = tmp_path / "IMG_0042.jpg"
    camera.write_bytes(camera_jpeg())
    phone.send_originals()
    site.proxy.offline()
    item_id = phone.capture(TITLE)
    phone.add_photo(item_id, camera)
    phone.comment(item_id, "Both sides.")
    (size_bytes,) = [photo["picture"]["size_bytes"] for photo in phone.read("work", "photos")]
    assert size_bytes > 3_000_000

    site.proxy.online()
    site.proxy.put(Allowance(size_bytes * 55 // 100), "/uploads/", method="PATCH")
    phone.feel_the_network()
    site.proxy.wait_for("the cut", lambda: any(isinstance(one.fault, CutUpstream) for one in _parts(site)))
    phone.kill()
    item = site.ledger.item(TITLE)
    assert site.ledger.comments(item["id"]) == ["Both sides."]
    assert [photo["state"] for photo in site.ledger.docs("photos")] == ["waiting"], "half a photo was called stored"

    site.proxy.offline()
    phone.open(f"/items/{item_id}")
    phone.says("Offline, 1 waiting")
    site.come_online()
    phone.is_green(60_000)
    (photo,) = site.ledger.docs("photos")
    stored = site.server.data / "objects/originals" / photo["sha256"][:2] / photo["sha256"]
    assert photo["state"] == "stored"
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == photo["sha256"]
    sent = sum(len(one.body) for one in _parts(site) if not isinstance(one.fault, Reset))
    assert sent <= size_bytes + photo["thumb_bytes"] + PART_BYTES, "bytes that had arrived were sent again"
    site.ledger.wait_for("its previews", lambda: [one["preview"] for one in site.ledger.docs("photos")] == ["view"])
    phone.open(f"/items/{item_id}")  # a page asks what is new when it opens
    phone.wait_for("the row as it is", lambda: phone.rows("photos") == {photo["id"]: site.ledger.docs("photos")[0]})
    site.assert_settled()


def _parts(site: Site) -> list[Exchange]:
    return site.proxy.seen("/uploads/", "PATCH")
