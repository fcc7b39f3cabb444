"""The app opens with the server gone: shell, list and items, under the same security policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import Engine
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser


def test_a_cold_start_without_server_brings_the_list(site: Site, browser_engine: Engine) -> None:
    phone = site.phone_of("Ana", browser_engine)
    item_id = phone.capture("Scratched frame")
    phone.is_green()
    phone.close()
    site.server.stop()
    site.proxy.offline()

    phone.open()
    phone.says("Offline, nothing waiting")
    expect(phone.page.get_by_role("link", name="Scratched frame")).to_be_visible()
    expect(phone.page.locator(".ready")).to_contain_text("Ready for offline: sector B-4, 1 item")
    phone.close_tabs()
    phone.open(f"/items/{item_id}")
    expect(phone.page.get_by_role("heading", name="Scratched frame")).to_be_visible()
    phone.comment(item_id, "Written without any server.")

    assert phone.page.evaluate(_BLOCKED) == "img-src", "the kept page has lost its security policy"
    assert phone.page.evaluate(_ANSWERED, ["GET", "/icons/icon.svg"]) is True
    for method, path in (("POST", "/"), ("POST", "/sync"), ("PUT", "/icons/icon.svg"), ("DELETE", "/session")):
        assert phone.page.evaluate(_ANSWERED, [method, path]) is False, f"the worker answered {method} {path}"

    site.server.start()
    site.come_online()
    phone.is_green()
    assert site.ledger.comments(item_id) == ["Written without any server."]
    phone.errors.clear()  # the policy did its work
    site.assert_settled()


# A picture that the policy forbids: which rule stopped it, or null.
_BLOCKED = """() => new Promise((done) => {
    addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
    const picture = new Image();
    picture.onload = picture.onerror = () => setTimeout(() => done(null), 500);
    picture.src = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=";
})"""

_ANSWERED = """([method, path]) => fetch(path, { method }).then(() => true, () => false)"""


def test_signing_out_and_in_again_works_from_what_is_kept(site: Site, quick_engine: Engine) -> None:
    phone = site.phone_of("Ana", quick_engine)
    phone.close()
    site.proxy.offline()
    phone.open()
    phone.says("Offline")
    phone.sign_out()
    phone.fill_sign_in("Ana")
    expect(phone.page.locator("#problem")).to_contain_text("does not answer")
    site.proxy.online()
    phone.sign_in("Ana")
    site.assert_settled()
