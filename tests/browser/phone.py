"""A phone in a test: one browser profile, one person at a time, driven by what a person can see."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Error, Locator, Page, Playwright, expect

from tests.browser import browsers, tellings
from tests.browser.browsers import Engine
from tests.browser.people import PASSWORD
from tests.browser.proxy import Proxy, now_ms
from tests.browser.witness import NAVIGATE, ONE_FRAME, WAIT_MS, Witness


class Phone(Witness):
    """One browser on one profile. `page` is the tab in front."""

    def __init__(self, playwright: Playwright, engine: Engine, profile: Path, proxy: Proxy) -> None:
        super().__init__(profile, proxy)
        self.engine = engine
        self.options: dict[str, Any] = {}
        self._playwright = playwright
        self._context: BrowserContext | None = None
        self._page: Page | None = None

    # --- the browser -----------------------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        return self._context is not None

    @property
    def context(self) -> BrowserContext:
        assert self._context is not None, "this phone's browser is not running"
        return self._context

    @property
    def page(self) -> Page:
        assert self._page is not None, "no tab is open"
        return self._page

    def start(self) -> None:
        """Starts the browser on its profile, without opening the app."""
        if self._context is None:
            self._context = self.engine.start(self._playwright, self.profile, **self.options)
            self._context.set_default_timeout(WAIT_MS)
            self._context.add_init_script(tellings.RECORDER)

    def open(self, path: str = "/") -> Page:
        """A new tab on an address of the app, in front of the others."""
        self.start()
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._note_console(message.text))
        page.goto(self.proxy.origin + path)
        page.locator(".shell, #signin-form, body > h1").first.wait_for()
        page.evaluate(ONE_FRAME)
        self._page = page
        return page

    def front(self, page: Page) -> None:
        """Goes on with another tab that is open already."""
        page.bring_to_front()
        self._page = page

    def close_tabs(self) -> None:
        """Closes every tab of the app; the browser goes on."""
        blank = self.context.new_page()
        for page in self.context.pages:
            if page is not blank:
                self._collect(page)
                page.close()
        self._page = None

    def close(self) -> None:
        """Ends the browser in good order; its profile stays."""
        if self._context is not None:
            self.collect()
            if self.engine.has_background_sync and self._context.pages:
                self.stop_workers()  # the browser would wait half a minute for a worker that waits for the network
            self._context.close()
            self._forget()

    def kill(self) -> None:
        """SIGKILL to the browser: what was not on the disk is gone."""
        browsers.kill(self.profile)
        if self._context is not None:
            with contextlib.suppress(Error):  # it is dead already
                self._context.close()
            self._forget()

    def _forget(self) -> None:
        self._context = None
        self._page = None
        self._note_end()

    def _note_console(self, text: str) -> None:
        if "Content-Security-Policy" in text or "Content Security Policy" in text or "TrustedScript" in text:
            self.errors.append(text)

    def feel_the_network(self) -> None:
        """The browser tells its tabs that there is a network, as it does when the phone finds one."""
        for page in self._context.pages if self._context is not None else []:
            if page.url.startswith(self.proxy.origin):
                page.evaluate("() => void dispatchEvent(new Event('online'))")

    def dispatch_sync(self) -> None:
        """Wakes the worker (Chromium) as the browser does when the network is back, whatever the tabs are doing."""
        session = self.context.new_cdp_session(self.page)
        versions: list[dict[str, Any]] = []
        session.on("ServiceWorker.workerVersionUpdated", lambda event: versions.extend(event["versions"]))
        session.send("ServiceWorker.enable")
        self.wait_for("a running worker", lambda: any(one["status"] == "activated" for one in versions))
        registration = next(one["registrationId"] for one in versions if one["status"] == "activated")
        session.send(
            "ServiceWorker.dispatchSyncEvent",
            {"origin": self.proxy.origin, "registrationId": registration, "tag": "outbox", "lastChance": False},
        )
        session.detach()

    def stop_workers(self) -> None:
        """Stops every service worker (Chromium), as the browser does to save memory."""
        session = self.context.new_cdp_session(self.context.pages[0])
        session.send("ServiceWorker.enable")
        session.send("ServiceWorker.stopAllWorkers")
        session.detach()

    # --- what a person does ----------------------------------------------------------------------------------------

    def sign_in(self, name: str) -> None:
        """Signs in where the app asks for it, and waits until everything is on the phone."""
        since = now_ms()
        self.fill_sign_in(name)
        self.is_green()
        self._note_person(since)
        expect(self.page.locator(".ready")).to_be_visible(timeout=WAIT_MS)
        self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")

    def sign_in_again(self, name: str, waiting: int) -> None:
        """Through the strip, without leaving the page."""
        self.says(f"Sign in to send {waiting}")
        self.page.locator("button.strip-main").click()
        expect(self.page.get_by_role("dialog")).to_contain_text(f"{waiting} change")
        self.fill_sign_in(name)

    def fill_sign_in(self, name: str) -> None:
        if not self.page.url.startswith(self.proxy.origin):
            self.go("/")
        login = self.page.locator("input[name=login]:visible")
        login.fill(name.lower())
        self.page.locator("input[name=password]:visible").fill(PASSWORD)
        self.button("Sign in").last.click()

    def go(self, path: str) -> None:
        """To a screen of the app as a link would, without loading the page anew."""
        if self._page is None or not self.page.url.startswith(self.proxy.origin):
            self.open(path)
            return
        self.page.evaluate(NAVIGATE, path)

    def capture(self, title: str, *, sector: str | None = None) -> str:
        """Writes a new item and waits until the screen says it is saved; its id."""
        self.go("/new")
        self.page.get_by_label("What is wrong?").fill(title)
        if sector is not None:
            self.page.get_by_role("button", name=re.compile(r"^Sector")).click()
            self.page.get_by_role("dialog").get_by_role("button", name=re.compile(sector)).click()
        with self._writing("Saved on this phone: •"):
            self.button("Save on this phone").click()
        return str(self.page.locator(".snackbar-acts a").get_attribute("href")).removeprefix("/items/")

    def show(self, item_id: str) -> None:
        self.go(f"/items/{item_id}")
        expect(self.page.get_by_role("heading", name="Activity")).to_be_visible()

    def edit(self, item_id: str, **fields: str) -> None:
        """Changes fields of an item in the form; waits until the screen says they are saved."""
        self.begin_edit(item_id, **fields)
        with self._writing("Saved on this phone"):
            self.button("Save changes").click()
        expect(self.page.locator("#edit")).to_have_count(0)  # the form leaves by itself

    def begin_edit(self, item_id: str, **fields: str) -> None:
        self.go(f"/items/{item_id}?edit")
        expect(self.page.locator("#edit")).to_be_visible()
        for label, value in fields.items():
            field = self.page.get_by_label(re.compile(f"^{label.capitalize()}"))
            if label == "priority":
                self.page.get_by_role("group", name="Priority").get_by_role("button", name=value, exact=True).click()
            elif label in ("trade", "company"):
                self.page.get_by_role("button", name=re.compile(f"^{label.capitalize()}")).click()
                self.page.get_by_role("dialog").get_by_role("button", name=value).click()
            else:
                field.first.fill(value)

    def comment(self, item_id: str, text: str) -> None:
        self.show(item_id)
        self.page.get_by_label("Your comment").fill(text)
        with self._writing("Comment. Saved on this phone"):
            self.button("Add comment").click()

    def command(self, item_id: str, word: str, reason: str | None = None) -> None:
        """A status command by the word on its button."""
        self.show(item_id)
        with self._writing(f"{word}. Saved on this phone"):
            self.button(word).click()
            if reason is not None:
                dialog = self.page.get_by_role("dialog")
                dialog.locator("textarea").fill(reason)
                dialog.get_by_role("button", name=word).click()

    def answer(self, item_id: str, word: str) -> None:
        """One tap on a conflict card."""
        self.show(item_id)
        with self._writing("Answer saved on this phone"):
            self.page.locator("article.conflict").get_by_role("button", name=re.compile(f"^{word}")).click()

    def discard(self, text: str) -> None:
        """Throws away what was never tried, on the outbox page, where it is asked twice."""
        self.go("/outbox")
        self.page.locator("li.entry", has_text=text).get_by_role("button", name="Discard").click()
        self.page.get_by_role("dialog").get_by_role("button", name="Discard for ever").click()
        expect(self.page.locator(".snackbar-text")).to_contain_text("Discarded")
        expect(self.page.locator("li.entry", has_text=text)).to_have_count(0)

    def sign_out(self) -> None:
        """Signs out; with unsent work, keeping it on this phone."""
        self.go("/settings")
        self.button("Sign out").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name=re.compile("Keep on this phone and sign out|^Sign out$")).click()
        expect(self.page.locator("input[name=login]")).to_be_visible()

    @contextlib.contextmanager
    def _writing(self, message: str) -> Iterator[None]:
        """What is done inside writes an entry: waits until one more is stored and the screen says so."""
        before = self.numbered()
        yield
        expect(self.page.locator(".snackbar-text")).to_contain_text(message)
        # An earlier message of the same words may still be there; so the entry itself is looked for, too.
        self.wait_for("one more entry", lambda: self.numbered() > before)

    def wait_for(self, what: str, is_there: Callable[[], Any], timeout_s: float = WAIT_MS / 1000) -> None:
        """Looks until `is_there` gives something true; a page that is just being left has nothing to show."""

        def look() -> Any:
            with contextlib.suppress(Error):
                return is_there()

        end = time.monotonic() + timeout_s
        while not look():
            assert time.monotonic() < end, f"the phone never had {what}"
            self.page.wait_for_timeout(20)

    # --- what a person sees ----------------------------------------------------------------------------------------

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def strip(self) -> Locator:
        """The sentence of the strip."""
        return self.page.locator(".strip [role=status]")

    def says(self, text: str | re.Pattern[str], timeout_ms: int = WAIT_MS) -> None:
        """Waits until the strip says so."""
        expect(self.strip).to_contain_text(text, timeout=timeout_ms)

    def describe(self) -> str:
        """The tab in front in words, for the message of a failing test."""
        if self._page is None:
            return "no tab is open"
        try:
            text = self.page.locator("body").inner_text(timeout=2_000)
        except Error as error:
            text = str(error)
        return f"{self.page.url}\n{text}\n{self.errors}"

    def evaluate(self, function: str, value: Any = None) -> Any:
        return self.page.evaluate(function, value)

    def collect(self) -> None:
        for page in self.context.pages:
            self._collect(page)

    def _collect(self, page: Page) -> None:
        if page.url.startswith(self.proxy.origin):
            self._note_recorded(page.evaluate(tellings.READ))
