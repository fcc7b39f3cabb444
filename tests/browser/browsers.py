"""The two real browsers: how they are started on a profile, killed, and started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from playwright.sync_api import BrowserContext, Playwright

PHONE: Final = {"width": 390, "height": 844}
ENGINES: Final = ("chromium", "firefox")
# Nothing but the site is contacted.
_QUIET: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
)
# Chromium tries a one-off background sync again after 5 minutes, and three times in all. The scheduler under test is
# the browser's own; only its patience is shorter here.
_SOON: Final = (
    "--force-fieldtrials=BackgroundSync/Soon/",
    "--force-fieldtrial-params=BackgroundSync.Soon:initial_retry_delay_sec/2/retry_delay_factor/1"
    "/min_recovery_time_sec/1/max_sync_attempts/20",
)
_FIREFOX_PREFS: Final[dict[str, Any]] = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.newtabpage.enabled": False,
    "captivedetect.canonicalURL": "",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "services.settings.server": "http://localhost:9/",
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "extensions.systemAddon.update.enabled": False,
}


@dataclass(frozen=True)
class Engine:
    """A browser on this machine."""

    name: str
    program: str

    @property
    def has_background_sync(self) -> bool:
        return self.name == "chromium"

    def start(self, playwright: Playwright, profile: Path, **options: Any) -> BrowserContext:
        """Starts the browser on the profile; what it stored there before is there again."""
        options = {"viewport": PHONE, "locale": "en-GB", "headless": True, **options}
        if self.name == "chromium":
            unsafe = ("--no-sandbox",) if os.geteuid() == 0 else ()
            return playwright.chromium.launch_persistent_context(
                profile, executable_path=self.program, args=[*_QUIET, *_SOON, *unsafe], **options
            )
        return playwright.firefox.launch_persistent_context(
            profile,
            channel="moz-firefox",  # the stock binary, driven over WebDriver BiDi
            executable_path=self.program,
            **{**options, "firefox_user_prefs": {**_FIREFOX_PREFS, **options.get("firefox_user_prefs", {})}},
        )


def engine_of(name: str) -> Engine:
    """The engine with its program; a machine without it fails the test."""
    wanted = {"chromium": ("chromium", "chromium-browser", "google-chrome"), "firefox": ("firefox-esr", "firefox")}
    program = next((path for one in wanted[name] if (path := shutil.which(one))), None)
    assert program is not None, f"{name} is missing on this machine: scripts/test installs it on Debian"
    return Engine(name, program)


def kill(profile: Path) -> None:
    """SIGKILL to every process of the browser that runs on this profile, the parent first."""
    tree = [process for process in psutil.process_iter(["cmdline"]) if _runs_on(process, profile)]
    everyone = [*tree, *(child for process in tree for child in _children(process))]
    for process in everyone:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    end = time.monotonic() + 10
    while not all(_is_over(process) for process in everyone):
        assert time.monotonic() < end, f"the browser on {profile} outlived a SIGKILL"
        time.sleep(0.01)


def _runs_on(process: psutil.Process, profile: Path) -> bool:
    return any(str(profile) in word for word in process.info["cmdline"] or ())


def _is_over(process: psutil.Process) -> bool:
    """Gone, or only a line in the process table that its parent (often the init of a container) has not read yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() == 1
    except psutil.NoSuchProcess:
        return True


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
