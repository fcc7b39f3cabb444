"""What a person is told beside the main road: nothing alarming without a reason, and heard as well as seen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import Engine
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]


def test_ones_own_comment_is_nobody_who_changed_the_item(site: Site, quick_engine: Engine) -> None:
    ana, bo = site.phone_of("Ana", quick_engine), site.phone_of("Bo", quick_engine)
    item_id = ana.capture("Handrail is loose")
    ana.is_green()
    ana.begin_edit(item_id, title="Handrail is very loose")
    warning = ana.page.get_by_text("Somebody changed this item")
    ana.comment(item_id, "It moves by a hand's width")
    ana.is_green()
    ana.begin_edit(item_id, title="Handrail is very loose")
    expect(warning).to_have_count(0)

    bo.page.reload()
    bo.is_green()
    bo.edit(item_id, location="Stair 2")
    bo.is_green()
    ana.page.reload()
    expect(warning).to_be_visible()


def test_the_strip_is_heard_also_where_it_is_a_button(site: Site, quick_engine: Engine) -> None:
    ana = site.phone_of("Ana", quick_engine)
    ana.page.context.clear_cookies()
    ana.page.reload()
    button = ana.page.locator("button.strip-main")
    expect(button).to_be_visible()
    expect(ana.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert button.locator("[role=status]").count() == 0, "children of a button are presentational"
    expect(ana.page.locator(".strip").get_by_role("status")).to_contain_text("Sign in")


def test_the_bar_of_the_browser_has_the_colour_of_the_brand() -> None:
    colour = json.loads((ROOT / "pwa/manifest.webmanifest").read_text())["theme_color"]
    for template in sorted((ROOT / "server/templates").glob("*.html")):
        for found in re.findall(r'name="theme-color" content="(#\w+)"', template.read_text()):
            assert found == colour, template.name
