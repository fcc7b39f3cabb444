"""Every tab closed: where the browser wakes the worker, photos go by themselves, as records do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import camera
from tests.browser.browsers import Engine
from tests.browser.conftest import Site
from tests.browser.proxy import trouble
from tests.photographs import camera_jpeg

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("is_store_away", [False, pytest.param(True, marks=pytest.mark.full)], ids=["", "store away"])
def test_the_worker_sends_photos_with_every_tab_closed(
    site: Site, chromium: Engine, tmp_path: Path, is_store_away: bool
) -> None:
    pictures = [tmp_path / f"IMG_{number}.jpg" for number in range(2)]
    for number, path in enumerate(pictures):
        path.write_bytes(camera_jpeg(size=(2400, 1800 + 8 * number)))
    phone = site.phone_of("Ana", chromium)
    phone.context.set_offline(True)
    item_id = phone.capture("Made without network")
    camera.photograph(phone, item_id, *pictures)
    phone.close_tabs()
    assert site.ledger.docs("photos") == []

    if is_store_away:
        site.proxy.put(trouble(503, "storage_unavailable", retry_after_s=1), "/uploads")
    phone.context.set_offline(False)
    if is_store_away:
        site.proxy.wait_for("three tries", lambda: len(site.proxy.seen("/uploads")) >= 3, 60)
        assert len(site.ledger.docs("photos")) == 2, "records waited for photos"
        site.proxy.clear()
    site.ledger.wait_for("both photos", lambda: len(camera.stored(site)) == 2, 60)
    assert [page for page in phone.context.pages if page.url.startswith(site.proxy.origin)] == []
    phone.open()
    camera.assert_settled(site, 2)
