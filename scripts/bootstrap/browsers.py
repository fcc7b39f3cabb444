"""The browsers that tests drive: Debian's own, installed when they are missing and we may."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scripts.bootstrap import debian
from scripts.bootstrap.programs import output_of

SYSTEM_PYTHON: Final = "/usr/bin/python3"
"""The Python that Debian's bindings to WebKit are made for; the tests' own environment cannot have them."""
_WEBKIT_VERSION: Final = """
import gi
gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import Gtk, WebKit2 as webkit
version = webkit.get_major_version(), webkit.get_minor_version(), webkit.get_micro_version()
print("WebKitGTK", ".".join(map(str, version)))
"""


@dataclass(frozen=True)
class Browser:
    """A browser with Debian's packages of what driving it takes.

    Each of `programs` names one of them in all the ways it may be found; `ask` is the command line that says the
    browser's version, where an empty word stands for the first program.
    """

    name: str
    packages: tuple[str, ...]
    programs: tuple[tuple[str, ...], ...]
    ask: tuple[str, ...] = ("", "--version")


CHROMIUM: Final = Browser("Chromium", ("chromium",), (("chromium", "chromium-browser", "google-chrome"),))
FIREFOX: Final = Browser("Firefox", ("firefox-esr",), (("firefox-esr", "firefox"),))
WEBKIT: Final = Browser(
    "WebKitGTK",
    ("webkit2gtk-driver", "xvfb", "python3-gi", "gir1.2-webkit2-4.1"),
    (("WebKitWebDriver",), ("Xvfb",), (SYSTEM_PYTHON,)),
    (SYSTEM_PYTHON, "-c", _WEBKIT_VERSION),
)
ALL: Final = (CHROMIUM, FIREFOX, WEBKIT)


def ensure(wanted: Sequence[Browser] = ALL) -> None:
    """Installs what is missing; a machine that may not install ends with one line naming the packages."""
    missing = [package for browser in wanted if _version(browser) is None for package in browser.packages]
    if missing:
        debian.install(missing, because="The browser tests drive real browsers")


def version_of(browser: Browser) -> str:
    """What `browser` says it is, or that it is missing."""
    return _version(browser) or f"{browser.name} MISSING"


def _version(browser: Browser) -> str | None:
    programs = [next(filter(None, map(shutil.which, names)), None) for names in browser.programs]
    if None in programs:
        return None
    said = output_of([word or str(programs[0]) for word in browser.ask])
    return said.splitlines()[-1].strip() if said else None
