"""Every screen in every theme holds WCAG 2.2 AA as axe judges it; the app may be installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Playwright, expect

from tests.browser.browsers import Engine
from tests.browser.conftest import Site
from tests.browser.ledger import ROOT
from tests.browser.people import COMPANY
from tests.browser.phone import Phone
from tests.browser.proxy import trouble

pytestmark = pytest.mark.browser

THEMES: Final = ("light", "dark", "sun")
AXE: Final = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN: Final = """async ([rules]) => {
    const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
    const words = (node) => `${node.html.slice(0, 200)} ${node.any.map((check) => check.message).join("; ")}`;
    return found.violations.map(({ id, nodes }) => [id, nodes.map(words)]);
}"""


def _screens(phone: Phone, item_id: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Every screen by name, with how to get there; sheets are open, lists are filled."""

    def sheet(path: str, button: str) -> Callable[[], None]:
        def go() -> None:
            phone.go(path)
            phone.button(button).first.click()
            expect(phone.page.get_by_role("dialog")).to_be_visible()

        return go

    def reason() -> None:
        sheet(f"/items/{item_id}", "More actions")()
        phone.page.get_by_role("dialog").get_by_role("button", name="Dispute").click()
        expect(phone.page.get_by_role("dialog").locator("textarea")).to_be_visible()

    def form(path: str, selector: str) -> Callable[[], None]:
        def go() -> None:
            phone.go(path)
            expect(phone.page.locator(selector)).to_be_visible()

        return go

    yield "list", form("/", ".list-pane")
    yield "filters", sheet("/", "Filters")
    yield "item", form(f"/items/{item_id}", "article.conflict >> nth=0")
    yield "more", sheet(f"/items/{item_id}", "More actions")
    yield "reason", reason
    yield "edit", form(f"/items/{item_id}?edit", "#edit")
    yield "capture", form("/new", "#capture")
    yield "outbox", form("/outbox", "li.entry:has-text('Discarded change')")
    yield "discard", sheet("/outbox", "Discard")
    yield "amend", sheet("/outbox", "Edit")
    yield "needs you", form("/needs-you", "article.refusal:has-text('cannot be read')")
    yield "settings", form("/settings", "text=Signed in as")
    yield "sign out", sheet("/settings", "Sign out")
    yield "sessions", form("/sessions", "main h1")


def test_no_screen_has_an_axe_violation_in_any_theme(
    site: Site, chromium: Engine, request: pytest.FixtureRequest
) -> None:
    pictures = ROOT / "test-results" / "screens" if request.config.getoption("--full") else None
    phone = site.phone(chromium)
    # Colours must not be caught half-way between two themes; without the policy axe may be put into the page.
    phone.options = {"bypass_csp": True, "reduced_motion": "reduce"}
    phone.open()
    found = _judge(phone, "sign in", pictures)
    phone.sign_in("Ana")
    item_id = _something_of_everything(site, phone)
    for name, go in _screens(phone, item_id):
        go()
        found |= _judge(phone, name, pictures)
        if (dialog := phone.page.locator("dialog[open]")).count():
            phone.page.keyboard.press("Escape")
            expect(dialog).to_have_count(0)
    phone.sign_out()
    phone.fill_sign_in("Ana")
    expect(phone.page.locator("#problem")).to_contain_text("does not answer")
    expect(phone.page.locator("#waiting")).to_contain_text("Ana: 4 waiting")
    found |= _judge(phone, "sign in with work waiting", pictures)
    assert found == {}, _in_words(found)


def test_what_another_phone_last_reported_looks_right_to_its_owner_and_the_office(
    site: Site, chromium: Engine, request: pytest.FixtureRequest
) -> None:
    pictures = ROOT / "test-results" / "screens" if request.config.getoption("--full") else None
    lost = site.phone_of("Ana", chromium)
    lost.capture("Cracked pane")
    lost.is_green()
    phone = site.phone(chromium)
    phone.options = {"bypass_csp": True, "reduced_motion": "reduce"}
    phone.open()
    phone.sign_in("Ana")
    expect(phone.page.get_by_label("Your other phone")).to_be_visible()
    found = _judge(phone, "last report", pictures)
    phone.page.goto(f"{site.proxy.origin}/office/phones")
    expect(phone.page.locator("time").first).not_to_contain_text("T")
    found |= _judge(phone, "phones of the office", pictures)
    assert found == {}, _in_words(found)


@pytest.mark.parametrize("name", [pytest.param("Eva", marks=pytest.mark.full), "Gil"])
def test_who_creates_no_items_has_a_bar_of_four_places(
    site: Site, chromium: Engine, name: str, request: pytest.FixtureRequest
) -> None:
    pictures = ROOT / "test-results" / "screens" if request.config.getoption("--full") else None
    phone = site.phone(chromium)
    phone.options = {"bypass_csp": True, "reduced_motion": "reduce"}
    phone.open()
    phone.sign_in("Ana")
    phone.edit(phone.capture("Cracked pane"), company=COMPANY)
    phone.is_green()
    phone.sign_out()
    phone.sign_in(name)

    places = phone.page.get_by_role("navigation").get_by_role("link")
    expect(places).to_have_text(["List", "Outbox", "Needs you", "Settings"])
    boxes = [place.bounding_box() for place in places.all()]
    assert len({round(box["width"]) for box in boxes if box}) == 1, "the places are not of one width"
    found = _judge(phone, f"list of {name}", pictures)
    phone.page.get_by_role("link", name="Cracked pane").click()
    expect(phone.page.get_by_label("Your comment")).to_be_visible()
    found |= _judge(phone, f"item of {name}", pictures)
    phone.go("/new")
    expect(phone.page.get_by_text("Your role does not create items.")).to_be_visible()
    found |= _judge(phone, f"capture of {name}", pictures)
    assert found == {}, _in_words(found)
    site.assert_settled()


def _in_words(found: dict[str, Any]) -> str:
    return "\n".join(f"{where}: {what}" for where, what in found.items())


def _judge(phone: Phone, name: str, pictures: Path | None) -> dict[str, Any]:
    """What axe finds on the screen in front, by screen and theme."""
    found = {}
    if not phone.page.evaluate("() => 'axe' in window"):
        phone.page.add_script_tag(path=AXE)
    for theme in THEMES:
        phone.page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        if violations := phone.page.evaluate(_RUN, [RULES]):
            found[f"{name} in {theme}"] = violations
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            phone.page.screenshot(path=pictures / f"{name.replace(' ', '-')}-{theme}.png")
    return found


def _something_of_everything(site: Site, phone: Phone) -> str:
    """An item with a comment, history, a suggestion to answer; changes that wait, are discarded, or refused; its id."""
    item_id = phone.capture("Cracked tile at the door")
    phone.edit(item_id, due="2026-12-08", trade="Tiling", priority="Urgent")
    phone.comment(item_id, "The whole row is loose.")
    phone.is_green()
    worker = site.phone_of("Cem", phone.engine)
    worker.edit(item_id, due="2026-12-10")
    worker.is_green()
    worker.close()
    site.phones.remove(worker)
    phone.page.reload()
    expect(phone.page.locator(".strip-needs")).to_be_visible()
    site.proxy.put(trouble(400, "invalid_request"), "/sync", carrying=b"cannot be read")
    phone.capture("This cannot be read by the server")
    phone.says("could not be read there")
    phone.wait_for("nothing in the outbox", lambda: phone.outbox() == [])  # a number's placeholder is sent, too
    site.proxy.offline()
    phone.capture("Tried in vain")  # what could not be read is counted, too
    phone.says("Offline, 2 waiting")
    phone.capture("Never tried, so it may still be discarded")
    phone.says("Offline, 3 waiting")
    phone.capture("Never tried, and discarded")
    phone.discard("Never tried, and discarded")
    return item_id


def test_the_theme_that_was_chosen_stays(site: Site, chromium: Engine) -> None:
    phone = site.phone_of("Ana", chromium)
    phone.go("/settings")
    for theme in ("Light", "Dark", "Sun"):
        phone.button(theme).click()
        phone.page.reload()
        expect(phone.page.locator("html")).to_have_attribute("data-theme", theme.lower())


def test_the_app_may_be_installed(site: Site, chromium: Engine, playwright: Playwright) -> None:
    phone = site.phone_of("Ana", chromium)
    session = phone.context.new_cdp_session(phone.page)
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    assert session.send("Page.getAppManifest")["errors"] == []
