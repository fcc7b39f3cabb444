"""A browser of one window on WebKitGTK, run by the system's Python: webkit_launcher.py PROFILE_FOLDER SCRIPT

WebKitGTK's own MiniBrowser keeps nothing while it is driven from outside. This one stores into PROFILE_FOLDER as a
phone does, so that it can be killed and started again, and runs SCRIPT in every page before the page's own code.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gi  # type: ignore[import-not-found]  # Debian's bindings: only the system's Python has them

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import Gtk, WebKit2  # type: ignore[import-not-found]  # noqa: E402 (a version is chosen first)


class Browser:
    """Opens a window for every tab that the driver asks for."""

    def __init__(self, profile: str, script: str) -> None:
        manager = WebKit2.WebsiteDataManager(
            base_data_directory=f"{profile}/data", base_cache_directory=f"{profile}/cache"
        )
        cookies = manager.get_cookie_manager()
        cookies.set_persistent_storage(f"{profile}/cookies.db", WebKit2.CookiePersistentStorage.SQLITE)
        self._context = WebKit2.WebContext.new_with_website_data_manager(manager)
        self._context.set_automation_allowed(True)
        self._context.connect("automation-started", self._start)
        frames, begin = WebKit2.UserContentInjectedFrames.TOP_FRAME, WebKit2.UserScriptInjectionTime.START
        self._script = WebKit2.UserScript.new(script, frames, begin, None, None)
        # What pages complain of is written to standard output, one line each.
        self._settings = WebKit2.Settings(enable_write_console_messages_to_stdout=True)

    def _start(self, _context: Any, session: Any) -> None:
        application = WebKit2.ApplicationInfo.new()
        application.set_name("webkit_launcher.py")
        application.set_version(WebKit2.get_major_version(), WebKit2.get_minor_version(), WebKit2.get_micro_version())
        session.set_application_info(application)
        session.connect("create-web-view", lambda _session: self._open_window())

    def _open_window(self) -> Any:
        content = WebKit2.UserContentManager()
        content.add_script(self._script)
        view = WebKit2.WebView(
            web_context=self._context,
            settings=self._settings,
            user_content_manager=content,
            is_controlled_by_automation=True,
        )
        window = Gtk.Window(default_width=390, default_height=844)
        window.add(view)
        view.connect("close", lambda _view: window.destroy())
        window.show_all()
        return view


if __name__ == "__main__":
    browser = Browser(sys.argv[1], Path(sys.argv[2]).read_text())
    Gtk.main()
