"""The browsers that tests drive: Debian's own, installed when they are missing and we may."""

import shutil
from dataclasses import dataclass

from scripts.bootstrap import debian
from scripts.bootstrap.programs import output_of


@dataclass(frozen=True)
class Browser:
    """A browser, the programs it may be found as, and Debian's package of it."""

    name: str
    programs: tuple[str, ...]
    package: str


ALL = (
    Browser("Chromium", ("chromium", "chromium-browser", "google-chrome"), "chromium"),
    Browser("Firefox", ("firefox-esr", "firefox"), "firefox-esr"),
)


def ensure() -> None:
    """Installs what is missing; a machine that may not install ends with one line naming the packages."""
    missing = [browser.package for browser in ALL if program_of(browser) is None]
    if missing:
        debian.install(missing, because="The browser tests drive real browsers")


def program_of(browser: Browser) -> str | None:
    """The program that `browser` is started with, or None where it is missing."""
    return next((path for name in browser.programs if (path := shutil.which(name))), None)


def version_of(browser: Browser) -> str:
    """What `browser` says it is, or that it is missing."""
    program = program_of(browser)
    said = output_of([program, "--version"]) if program else None
    return said.splitlines()[-1].strip() if said else f"{browser.name} MISSING"
