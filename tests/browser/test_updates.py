"""A new version of the app waits while a form is half typed, and is taken when a person says so."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import Engine
from tests.browser.conftest import Site
from tests.browser.phone import Phone
from tests.browser.proxy import portal

pytestmark = pytest.mark.browser

TEXT = "Half typed, to the lettér"
NEW = "ffffffffffffffff"


def test_an_update_keeps_half_typed_text_and_comes_when_it_is_taken(
    site: Site, browser_engine: Engine, tmp_path: Path
) -> None:
    phone = site.phone_of("Ana", browser_engine)
    writing = phone.page
    phone.go("/new")
    writing.get_by_label("What is wrong?").press_sequentially(TEXT)
    expect(writing.get_by_text("Draft kept on this phone")).to_be_visible()
    loaded_at = writing.evaluate("performance.timeOrigin")
    _publish(site, tmp_path / "build")
    writing.evaluate("navigator.serviceWorker.getRegistration().then((one) => one.update())")
    expect(writing.locator(".update")).to_contain_text("The update waits")

    other = phone.open("/settings")
    expect(other.locator(".update")).to_be_visible()
    offered = other.get_by_role("button", name="Update now").first
    if offered.is_visible():
        offered.click()  # this tab cannot know: it is refused because the other one is dirty
        expect(other.locator(".update")).to_contain_text("The update waits")
    assert _state(phone) == "waiting"
    assert writing.evaluate("performance.timeOrigin") == loaded_at, "a tab with unsaved text was reloaded"
    assert writing.get_by_label("What is wrong?").input_value() == TEXT

    other.close()
    phone.front(writing)
    phone.button("Save on this phone").click()
    expect(writing.locator(".snackbar-text")).to_contain_text("Saved on this phone")
    phone.is_green()
    writing.locator(".update").get_by_role("button", name="Update now").click()
    phone.wait_for("a page of the new version", lambda: _kept(phone) == [f"holdfast-shell-{NEW}"])
    expect(phone.strip).to_be_visible()
    assert len(site.ledger.items(TEXT)) == 1
    site.assert_settled()


def test_a_portal_in_the_middle_of_an_update_never_becomes_the_shell(
    site: Site, quick_engine: Engine, tmp_path: Path
) -> None:
    phone = site.phone_of("Ana", quick_engine)
    kept = _kept(phone)
    _publish(site, tmp_path / "build")
    for path in ("/", "/signin"):
        site.proxy.put(portal(), path)
    assert phone.page.evaluate(_UPDATE) == "redundant", "a shell with the portal's page in it was installed"
    assert _kept(phone) == kept
    phone.page.reload()
    phone.is_green()
    site.proxy.clear()
    assert phone.page.evaluate(_UPDATE) == "installed"
    site.assert_settled()


# Asks for a new worker and says what became of it, or why there is none. The browser may have looked by itself just
# before, so what counts is the worker, not who found it.
_UPDATE = """async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    let found = null, said = "nothing found";
    registration.addEventListener("updatefound", () => (found = registration.installing));
    for (let tries = 0; tries < 40; tries += 1) {
        await registration.update().catch((error) => (said = String(error)));
        const worker = found ?? registration.installing ?? registration.waiting;
        if (worker !== null) {
            const settled = new Promise((done) => worker.addEventListener("statechange", done, { once: true }));
            if (worker.state === "installing") await settled;
            return worker.state;
        }
        await new Promise((done) => setTimeout(done, 250));
    }
    return said;
}"""


def _publish(site: Site, build: Path) -> None:
    """Puts a new version on the server: the same app, of another name."""
    shutil.copytree(site.server.build, build)
    manifest = json.loads((build / "manifest.json").read_text())
    worker = build / "sw.js"
    worker.write_text(worker.read_text().replace(manifest["version"], NEW))
    worker.with_name("sw.js.gz").write_bytes(gzip.compress(worker.read_bytes()))
    (build / "manifest.json").write_text(json.dumps({**manifest, "version": NEW}))
    site.server.stop()
    site.server.build = build
    site.server.start()


def _state(phone: Phone) -> str:
    state: str = phone.page.evaluate(
        "navigator.serviceWorker.getRegistration().then((one) => (one.waiting ? 'waiting' : 'none'))"
    )
    return state


def _kept(phone: Phone) -> list[str]:
    names: list[str] = phone.page.evaluate("caches.keys()")
    return [name for name in names if name.startswith("holdfast-shell-")]
