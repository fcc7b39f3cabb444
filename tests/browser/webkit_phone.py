"""A phone whose browser is WebKitGTK: the verbs of `phone.Phone` that stories in the foreground take."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import WebKitGTK
from selenium.webdriver.remote.webelement import WebElement
from urllib3.exceptions import HTTPError

from tests.browser import browsers, tellings
from tests.browser.people import PASSWORD
from tests.browser.proxy import Proxy, now_ms
from tests.browser.webkit import WebKit
from tests.browser.witness import NAVIGATE, ONE_FRAME, WAIT_MS, Witness

_AWAIT: Final = """const done = arguments[1];
Promise.resolve(({})(arguments[0])).then((value) => done({{ value }}), (error) => done({{ error: String(error) }}));"""
_BUTTON: Final = """const [name, within] = arguments;
return [...document.querySelectorAll(`${within} button`)].reverse().find((one) =>
    (one.getAttribute("aria-label") ?? one.textContent).trim() === name && one.checkVisibility()) ?? null;"""
_FIELD: Final = """const [name] = arguments;
const label = [...document.querySelectorAll("label")].find((one) => one.textContent.trim().startsWith(name));
return label === undefined ? null : label.control;"""
_FILL: Final = """const [field, value] = arguments;
Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set.call(field, value);
field.dispatchEvent(new Event("input", { bubbles: true }));"""


class WebKitPhone(Witness):
    """One browser on one profile."""

    def __init__(self, webkit: WebKit, profile: Path, proxy: Proxy) -> None:
        super().__init__(profile, proxy)
        self._webkit = webkit
        self._log = profile.with_suffix(".log")
        self._driver: WebKitGTK | None = None

    # --- the browser -----------------------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        return self._driver is not None

    @property
    def driver(self) -> WebKitGTK:
        assert self._driver is not None, "this phone's browser is not running"
        return self._driver

    def open(self, path: str = "/") -> None:
        """A tab on an address of the app, in front of the others."""
        if self._driver is None:
            self._driver = self._webkit.start(self.profile, self._log)
            self._driver.set_script_timeout(WAIT_MS / 1000)
        elif self._is_on_the_app():
            self._driver.switch_to.new_window("tab")
        self._driver.get(self.proxy.origin + path)
        self._find("the app", ".shell, #signin-form, body > h1")
        self.evaluate(ONE_FRAME)

    def close_tabs(self) -> None:
        """Closes every tab of the app; the browser goes on."""
        self.collect()
        old = self.driver.window_handles
        self.driver.switch_to.new_window("tab")
        blank = self.driver.current_window_handle
        for tab in old:
            self.driver.switch_to.window(tab)
            self.driver.close()
        self.driver.switch_to.window(blank)

    def kill(self) -> None:
        browsers.kill(self.profile)
        if self._driver is not None:
            # It is dead already, and its driver may know.
            with contextlib.suppress(WebDriverException, HTTPError, OSError):
                self._driver.quit()
            self._driver = None
            self._note_end()

    def feel_the_network(self) -> None:
        if self._driver is not None and self._is_on_the_app():
            self.evaluate("() => void dispatchEvent(new Event('online'))")

    def evaluate(self, function: str, value: Any = None) -> Any:
        told = self.driver.execute_async_script(_AWAIT.format(function), value)
        assert "error" not in told, told["error"]
        return told.get("value")

    def collect(self) -> None:
        if self._is_on_the_app():
            self._note_recorded(self.evaluate(tellings.READ))
        complaints = [line for line in self._log.read_text(errors="replace").splitlines() if _is_trouble(line)]
        self.errors = [f"{self.profile.name}: {line}" for line in complaints]

    def _is_on_the_app(self) -> bool:
        return str(self.driver.current_url).startswith(self.proxy.origin)

    # --- what a person does ----------------------------------------------------------------------------------------

    def sign_in(self, name: str) -> None:
        """Signs in where the app asks for it, and waits until everything is on the phone."""
        since = now_ms()
        self._find("the login", "input[name=login]").send_keys(name.lower())
        self._find("the password", "input[name=password]").send_keys(PASSWORD)
        self.press("Sign in")
        self.is_green()
        self._note_person(since)
        self._find("what is ready", ".ready")
        self.evaluate("() => navigator.serviceWorker.ready.then(() => true)")

    def go(self, path: str) -> None:
        """To a screen of the app as a link would, without loading the page anew."""
        if self._is_on_the_app():
            self.evaluate(NAVIGATE, path)
        else:
            self.open(path)

    def capture(self, title: str) -> str:
        """Writes a new item and waits until the screen says it is saved; its id."""
        self.go("/new")
        self.fill("What is wrong?", title)
        with self._writing("Saved on this phone: •"):
            self.press("Save on this phone")
        link = self._find("the new item's link", ".snackbar-acts a")
        return str(link.get_attribute("href")).rpartition("/")[2]

    def show(self, item_id: str) -> None:
        self.go(f"/items/{item_id}")
        self.wait_for("the item", lambda: "Activity" in self._text("h2, h3"))

    def edit(self, item_id: str, **fields: str) -> None:
        """Changes fields of an item in the form; waits until the screen says they are saved."""
        self.go(f"/items/{item_id}?edit")
        self._find("the form", "#edit")
        for label, value in fields.items():
            self.fill(label.capitalize(), value)
        with self._writing("Saved on this phone"):
            self.press("Save changes")
        self.wait_for("left the form", lambda: not self._all("#edit"))

    def comment(self, item_id: str, text: str) -> None:
        self.show(item_id)
        self.fill("Your comment", text)
        with self._writing("Comment. Saved on this phone"):
            self.press("Add comment")

    def command(self, item_id: str, word: str) -> None:
        """A status command by the word on its button."""
        self.show(item_id)
        with self._writing(f"{word}. Saved on this phone"):
            self.press(word)

    def send_originals(self) -> None:
        """Chooses in the settings that photos are sent as the camera made them."""
        self.go("/settings")
        self.press("Original")

    def add_photo(self, item_id: str, path: Path) -> None:
        """Chooses a picture of this machine for the item; waits until the screen says it is kept."""
        self.show(item_id)
        with self._writing("1 photo saved on this phone"):
            self._labelled("From files").send_keys(str(path))

    def press(self, name: str, within: str = "") -> None:
        """A click on the button of that name, as soon as nothing covers it."""

        def click() -> bool:
            button = self.driver.execute_script(_BUTTON, name, within)
            if button is not None:
                button.click()
            return button is not None

        self.wait_for(f"the button {name!r}", click)

    def fill(self, label: str, value: str) -> None:
        """Replaces what the field of that label holds; the driver has no keys for dates, so events stand for keys."""
        self.driver.execute_script(_FILL, self._labelled(label), value)

    def _labelled(self, label: str) -> WebElement:
        self.wait_for(f"the field {label!r}", lambda: self.driver.execute_script(_FIELD, label))
        field: WebElement = self.driver.execute_script(_FIELD, label)
        return field

    @contextlib.contextmanager
    def _writing(self, message: str) -> Iterator[None]:
        """What is done inside writes an entry: waits until one more is stored and the screen says so."""
        before = self.numbered()
        yield
        self.wait_for(f"the message {message!r}", lambda: message in self._text(".snackbar-text"))
        self.wait_for("one more entry", lambda: self.numbered() > before)

    # --- what a person sees ----------------------------------------------------------------------------------------

    def says(self, text: str | re.Pattern[str], timeout_ms: int = WAIT_MS) -> None:
        pattern = text if isinstance(text, re.Pattern) else re.compile(re.escape(text))
        self.wait_for(
            f"a strip that says {pattern.pattern!r}",
            lambda: pattern.search(self._text(".strip [role=status]").strip()),
            timeout_ms / 1000,
        )

    def describe(self) -> str:
        if self._driver is None:
            return "no browser is running"
        try:
            return f"{self.driver.current_url}\n{self._text('body')}\n{self.errors}"
        except (WebDriverException, HTTPError) as error:
            return str(error)

    def wait_for(self, what: str, is_there: Callable[[], Any], timeout_s: float = WAIT_MS / 1000) -> None:
        """Looks until `is_there` gives something true; a page that is just being drawn has nothing to show."""

        def look() -> Any:
            with contextlib.suppress(WebDriverException):
                return is_there()

        end = time.monotonic() + timeout_s
        while not look():
            assert time.monotonic() < end, f"the phone never had {what}:\n{self.describe()}"
            time.sleep(0.02)

    def _find(self, what: str, css: str) -> WebElement:
        self.wait_for(what, lambda: self._all(css))
        return self._all(css)[-1]

    def _all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", css)

    def _text(self, css: str) -> str:
        """What all that matches reads, in lines."""
        return "\n".join(one.text for one in self._all(css))


def _is_trouble(line: str) -> bool:
    """Whether a page complained of an error of its own or of its policy; requests that fail are the tests' doing."""
    return "CONSOLE JS ERROR" in line or "Content Security Policy" in line or "TrustedScript" in line
