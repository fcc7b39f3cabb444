"""A sector of 5,000 items: "ready" is said when all of it is there, the list stays small and smooth."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser import seed
from tests.browser.browsers import Engine
from tests.browser.conftest import Site
from tests.browser.ledger import holdfast
from tests.browser.proxy import CutAnswer

pytestmark = [pytest.mark.browser, pytest.mark.full]

COUNT: Final = 5_000
NEEDLE: Final = "Needle in the haystack"
MOST_NODES: Final = 1_500


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small site with a punch list of 5,000 in one sector, as the trade brings it."""
    folder = tmp_path_factory.mktemp("big")
    data = folder / "data"
    seed.make(data)
    rows = folder / "list.csv"
    with rows.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Title", "Reference"])
        writer.writerows([NEEDLE if n == COUNT // 2 else f"Point {n}", f"R-{n}"] for n in range(1, COUNT + 1))
    done = holdfast(data, "import", str(rows), "--sector", "B-4", timeout_s=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return data


def test_ready_is_said_when_all_is_there_and_a_cut_download_goes_on(site: Site, browser_engine: Engine) -> None:
    phone = site.phone(browser_engine)
    phone.open()
    site.proxy.put(CutAnswer(20_000), "/sync", skip=1, times=1)
    phone.sign_in("Ana")

    ready = [telling.ready for telling in phone.told() if telling.ready is not None]
    assert ready[0].startswith("Ready for offline: sector B-4, 5,000 items"), ready[0]
    cookies = [one.json()["cookie"] for one in site.proxy.seen("/sync")]
    assert cookies[0] is None
    assert cookies[1] == cookies[2] is not None, "the download began anew instead of going on"
    assert len(phone.rows("punch_items")) == COUNT
    site.assert_settled()


def test_a_long_list_is_searched_and_scrolled_with_few_nodes(site: Site, browser_engine: Engine) -> None:
    phone = site.phone_of("Ana", browser_engine)
    page = phone.page
    expect(page.locator(".virtual-rows li").first).to_have_attribute("aria-setsize", str(COUNT))
    seen = set()
    for part in (0, 0.25, 0.5, 0.75, 1):
        page.locator(".virtual").evaluate("(box, part) => { box.scrollTop = box.scrollHeight * part; }", part)
        position = f"[aria-posinset='{max(1, min(COUNT, round(COUNT * part)))}']"
        if part in (0, 1):
            expect(page.locator(f".virtual-rows li{position}")).to_be_visible()
        seen.add(page.locator(".virtual-rows li").first.get_attribute("aria-posinset"))
        assert page.evaluate("document.querySelectorAll('*').length") < MOST_NODES
    assert len(seen) >= 3, "the list did not scroll"
    page.get_by_label("Search number, title, tag").fill("haystack")
    expect(page.locator(".virtual-rows li")).to_have_count(1)
    page.get_by_role("link", name=NEEDLE).click()
    expect(page.get_by_role("heading", name=NEEDLE)).to_be_visible()
