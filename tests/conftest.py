"""What every test shares: how async tests run, the two depths, and a header that names the real parts."""

import platform
import sqlite3
from typing import Any

import hypothesis
import pytest

from scripts.bootstrap import browsers, node, services

# Short runs repeat the same examples everywhere; long ones hunt with fresh seeds.
hypothesis.settings.register_profile("short", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("full", deadline=None, max_examples=1000, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="also run the tests marked full, and hunt with fresh seeds")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("full" if config.getoption("--full") else "short")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("browser"):  # one lane for all of them: two browsers at once are slower than in turn
            item.add_marker(pytest.mark.xdist_group("browser"))
        elif item.get_closest_marker("services"):  # one lane, so that each service is started once
            item.add_marker(pytest.mark.xdist_group("services"))
    if config.getoption("--full"):
        return
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("full")])
    items[:] = [item for item in items if not item.get_closest_marker("full")]


def pytest_report_header() -> str:
    found = node.find()
    parts = [
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"Node {found.version}" if found else "Node MISSING",
        services.version(),
        *(browsers.version_of(browser) for browser in browsers.ALL),
    ]
    return f"real parts: {', '.join(parts)}"


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Async tests run on the loop that the server runs on."""
    return ("asyncio", {"use_uvloop": True})
