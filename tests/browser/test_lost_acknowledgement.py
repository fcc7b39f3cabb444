"""S1: the server has the edits, the phone never heard so, and a later edit is made meanwhile; once is once (2, 3)."""

from __future__ import annotations

import pytest

from tests.browser.browsers import Engine
from tests.browser.conftest import Site
from tests.browser.proxy import EDITS, SwallowAnswer

pytestmark = pytest.mark.browser

TITLE = "Cracked tile at the door"


@pytest.mark.parametrize("is_restarted", [False, True], ids=["server stays", "server restarted"])
def test_edits_whose_answer_was_lost_arrive_once(site: Site, browser_engine: Engine, is_restarted: bool) -> None:
    phone = site.phone_of("Ana", browser_engine)
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


def test_nothing_is_called_sent_while_every_answer_is_lost(site: Site, quick_engine: Engine) -> None:
    phone = site.phone_of("Ana", quick_engine)
    asked = len(site.proxy.seen("/sync"))
    site.proxy.put(SwallowAnswer(), "/sync", carrying=EDITS)
    phone.capture(TITLE)
    site.proxy.wait_for("two tries", lambda: len(site.proxy.seen("/sync")) >= asked + 2)
    phone.says("1 waiting")
    phone.go("/outbox")
    assert "is not acknowledged by the server yet" in phone.page.locator("main").inner_text()
    site.come_online()
    phone.is_green()
    assert len(site.ledger.items(TITLE)) == 1
    site.assert_settled()
