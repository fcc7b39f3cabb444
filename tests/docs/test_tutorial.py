"""docs/TUTORIAL.md is true: its commands are run and its taps made in the order of the text, on a real server."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect, sync_playwright

from tests.browser.browsers import engine_of
from tests.photographs import camera_jpeg

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs/TUTORIAL.md").read_text("utf-8")
DATA: Final = "/tmp/holdfast-tutorial"
START: Final = f"scripts/run --data {DATA}"
SET_UP_S: Final = 400
"""Seconds the first start may take: it downloads what Python and the build need."""
WAIT_MS: Final = 20_000
MINUTE_MS: Final = 75_000
STRIP: Final = ".strip [role=status]"


@dataclass(frozen=True)
class Step:
    """A numbered section: its commands with what they are said to print, and what it says stands on the screen."""

    title: str
    text: str

    @property
    def commands(self) -> list[tuple[str, str | None]]:
        blocks = re.findall(r"```sh\n(.*?)```(?:\s*```text\n(.*?)```)?", self.text, re.DOTALL)
        return [(command.strip(), expected.strip() or None) for command, expected in blocks]

    @property
    def typed(self) -> list[str]:
        """What this section has one type."""
        prose = re.sub(r"```.*?```", "", self.text, flags=re.DOTALL)
        return re.findall(r"`(.+?)`", prose)

    def word(self, word: str) -> str:
        """A word of the screen, which this section must name."""
        assert word in re.findall(r"\*\*(.+?)\*\*", self.text), f"{self.title!r} does not speak of {word!r}"
        return word


STEPS: Final = [
    Step(title, text) for title, text in re.findall(r"^## (\d+\. .+?)\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
]


class Reader:
    """Somebody who does what the page says, with a folder and a port of their own."""

    def __init__(self, checkout: Path, folder: Path, playwright: Playwright) -> None:
        self.checkout = checkout
        self.port = free_port()
        self.picture = folder / "IMG_0042.jpg"
        self._profile = folder / "profile"
        self._data = folder / "data"
        self._said = folder / "server.log"
        self._playwright = playwright
        self._server: subprocess.Popen[bytes] | None = None
        self._browser: BrowserContext | None = None

    @property
    def page(self) -> Page:
        assert self._browser is not None, "the browser is closed"
        return self._browser.pages[0]

    def run(self, command: str, expected: str | None) -> None:
        """Runs a command, which must print what is expected, if not at once: jobs are done in the background."""
        end = time.monotonic() + WAIT_MS / 1000
        while not is_like(said := self._output(command), expected or ""):
            assert time.monotonic() < end, said
            time.sleep(0.2)

    def _output(self, command: str) -> str:
        words = ["bash", "-euo", "pipefail", "-c", command.replace(DATA, str(self._data))]
        done = subprocess.run(
            words, cwd=self.checkout, env=environment(), text=True, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_server(self, command: str, expected: str | None) -> None:
        """Starts the server in a terminal of its own; returns once it says where it is."""
        assert command == START
        words: list[str | Path] = [self.checkout / "scripts/run", "--data", self._data, "--port", str(self.port)]
        with self._said.open("ab") as log:
            begin = log.tell()
            self._server = subprocess.Popen(words, cwd=self.checkout, env=environment(), stdout=log, stderr=log)
        end = time.monotonic() + SET_UP_S
        while "Holdfast is on" not in (said := self._said.read_bytes()[begin:].decode()):
            assert self._server.poll() is None, said
            assert time.monotonic() < end, said
            time.sleep(0.05)
        assert is_like(said.replace(f"localhost:{self.port}", "localhost:8000"), expected or ""), said

    def press_ctrl_c(self) -> None:
        """Stops the server, as its terminal would."""
        assert self._server is not None
        self._server.send_signal(signal.SIGINT)
        self._server.wait(20)
        self._server = None

    def open_browser(self) -> None:
        self._browser = engine_of("chromium").start(self._playwright, self._profile)
        self._browser.set_default_timeout(WAIT_MS)
        self.page.goto(f"http://localhost:{self.port}")

    def close_browser(self) -> None:
        assert self._browser is not None
        self._browser.close()
        self._browser = None

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).last.click()

    def reads(self, text: str, css: str = STRIP) -> None:
        """Waits until the strip, or what `css` names, says so."""
        expect(self.page.locator(css).first).to_contain_text(text, timeout=WAIT_MS)

    def end(self) -> None:
        if self._browser is not None:
            self.close_browser()
        if self._server is not None:
            self._server.kill()
            self._server.wait(20)


def start(step: Step, reader: Reader) -> None:
    ((command, expected),) = step.commands
    *_, serving = command.splitlines()
    reader.start_server(serving, expected)


def sign_in(step: Step, reader: Reader) -> None:
    reader.open_browser()
    login, password = step.typed
    reader.page.locator("input[name=login]").fill(login)
    reader.page.locator("input[name=password]").fill(password)
    reader.press(step.word("Sign in"))
    reader.reads(step.word("All on server"))
    reader.reads(step.word("Ready for offline"), ".ready")
    reader.page.evaluate("navigator.serviceWorker.ready.then(() => true)")


def go_down(step: Step, reader: Reader) -> None:
    assert "Press Ctrl-C" in step.text
    reader.press_ctrl_c()
    reader.page.reload()
    expect(reader.page.locator(".row, [role=listitem], li").first).to_be_visible()


def take_a_photo(step: Step, reader: Reader) -> None:
    reader.page.get_by_role("link", name=step.word("Capture"), exact=True).click()
    (title,) = step.typed
    reader.page.get_by_label(step.word("What is wrong?")).fill(title)
    reader.page.get_by_label(step.word("From files")).set_input_files(reader.picture)
    assert step.word("Take photo")
    reader.reads(step.word("1 photo saved on this phone"), ".snackbar-text")
    reader.press(step.word("Save on this phone"))
    reader.reads(step.word("Offline, 2 waiting"))


def close_the_browser(step: Step, reader: Reader) -> None:
    reader.close_browser()
    reader.open_browser()
    reader.reads(step.word("Offline, 2 waiting"))
    reader.page.get_by_text("Water under the tiles").first.click()
    reader.reads(step.word("waiting"), ".thumb-place")
    run_commands(step, reader)


def come_back_up(step: Step, reader: Reader) -> None:
    ((command, expected),) = step.commands
    reader.start_server(command, expected)
    expect(reader.page.locator(STRIP)).to_contain_text(step.word("All on server"), timeout=MINUTE_MS)
    reader.reads(step.word("on server"), ".thumb-place")


def run_commands(step: Step, reader: Reader) -> None:
    for command, expected in step.commands:
        reader.run(command, expected)


ACTS: Final[dict[str, Callable[[Step, Reader], None]]] = {
    "1. Start": start,
    "2. Sign in": sign_in,
    "3. Go down": go_down,
    "4. Take a photo": take_a_photo,
    "5. Close the browser": close_the_browser,
    "6. Come back up": come_back_up,
    "7. Look at it": run_commands,
}


@pytest.fixture
def checkout(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """This checkout, or a clone of it in which nothing is set up, made with the page's own first command."""
    if request.param == "this checkout":
        return ROOT
    clone = STEPS[0].commands[0][0].splitlines()[0]
    env = {**environment(), "REPOSITORY": str(ROOT)}
    subprocess.run(["bash", "-euc", clone], cwd=tmp_path, env=env, check=True, capture_output=True)
    return tmp_path / "holdfast"


@pytest.fixture
def reader(checkout: Path, tmp_path: Path) -> Iterator[Reader]:
    with sync_playwright() as playwright:
        reader = Reader(checkout, tmp_path, playwright)
        reader.picture.write_bytes(camera_jpeg())
        try:
            yield reader
        finally:
            reader.end()


@pytest.mark.browser
@pytest.mark.full
@pytest.mark.parametrize("checkout", ["this checkout", "a fresh clone"], indirect=True)
def test_the_tutorial_can_be_followed_to_the_letter(reader: Reader) -> None:
    assert [step.title for step in STEPS] == list(ACTS)
    for step in STEPS:
        ACTS[step.title](step, reader)


@pytest.mark.parametrize(
    ("said", "expected", "is_alike", "why"),
    [
        ("a\nb\nc\n", "a\n…\nc", True, "anything may stand for three dots"),
        ("c\n", "…\nc", True, "no line at all, too"),
        ("ac\n", "…\nc", False, "but whole lines"),
        ("a  \nb\n", "a\nb", True, "spaces at the end do not show"),
        ("12 of 12", "{n} of {n}", True, "a name stands for the same both times"),
        ("12 of 13", "{n} of {n}", False, "they differ"),
        ("a\nb", "a", False, "more was said"),
        ("", "a", False, "nothing was said"),
    ],
)
def test_what_a_command_prints_is_compared_with_the_page(said: str, expected: str, is_alike: bool, why: str) -> None:
    assert is_like(said, expected) == is_alike, why


def is_like(said: str, expected: str) -> bool:
    """Whether a command said what the page shows: `…` stands for anything, `{name}` for the same word each time."""
    pattern = ""
    for piece in re.split(r"(…\n?|\{\w+\})", _trimmed(expected)):
        name = piece[1:-1] if re.fullmatch(r"\{\w+\}", piece) else None
        if name is not None:
            pattern += f"(?P={name})" if f"(?P<{name}>" in pattern else rf"(?P<{name}>\S+)"
        else:
            pattern += {"…": ".*", "…\n": r"(?:.*\n)?"}.get(piece) or re.escape(piece)
    return re.fullmatch(pattern, _trimmed(said), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
