"""The stories in the foreground of a third engine: WebKitGTK, whose relatives are on every iPhone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Site
from tests.browser.proxy import EDITS, SwallowAnswer
from tests.browser.webkit import WebKit, on_unseen_screen
from tests.browser.webkit_phone import WebKitPhone

pytestmark = [pytest.mark.browser, pytest.mark.full]

TITLE = "Cracked tile at the door"


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
