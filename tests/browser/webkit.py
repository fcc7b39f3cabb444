"""The third browser: WebKitGTK, driven by its own WebDriver on a screen that nobody sees."""

from __future__ import annotations

import contextlib
import os
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from selenium.webdriver import WebKitGTK
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from scripts.bootstrap.browsers import SYSTEM_PYTHON, WEBKIT, version_of

_HERE: Final = Path(__file__).parent
_LAUNCHER: Final = _HERE / "webkit_launcher.py"
_RECORDER: Final = _HERE / "told.js"
# Neither a desktop's bus nor its screen reader nor a graphics card is there.
_NO_DESKTOP: Final = {
    "DBUS_SESSION_BUS_ADDRESS": "disabled:",
    "NO_AT_BRIDGE": "1",
    "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
    "LIBGL_ALWAYS_SOFTWARE": "1",
}


@dataclass(frozen=True)
class WebKit:
    """WebKitGTK on the X display of that number."""

    display: str

    def start(self, profile: Path, log: Path) -> WebKitGTK:
        """Starts the browser on the profile; what it stored there before is there again. `log` gets the console."""
        options = Options()
        options.binary_location = SYSTEM_PYTHON
        for word in (_LAUNCHER, profile, _RECORDER):
            options.add_argument(str(word))
        options.set_capability("browserName", _LAUNCHER.name)
        env = {**os.environ, **_NO_DESKTOP, "DISPLAY": f":{self.display}", "LC_ALL": "C.UTF-8"}
        log.parent.mkdir(parents=True, exist_ok=True)
        service = Service(env=env, log_output=str(log))  # a second start goes on in the same file
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "setting remote_server_addr", DeprecationWarning)  # selenium does so
            return WebKitGTK(options=options, service=service)


@contextlib.contextmanager
def on_unseen_screen() -> Iterator[WebKit]:
    """An X server of our own on a free display; a machine without what it takes fails the test."""
    assert not version_of(WEBKIT).endswith("MISSING"), "WebKitGTK is missing: scripts/test installs it on Debian"
    reading, writing = os.pipe()
    screen = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "800x1000x24", "-nolisten", "tcp"]
    process = subprocess.Popen(screen, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            display = told.readline().strip()
        assert display, "Xvfb ended at once"
        yield WebKit(display)
    finally:
        process.terminate()
        process.wait(10)
