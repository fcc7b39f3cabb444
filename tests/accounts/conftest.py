"""Each test has an office of its own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.actions.office import Office
from tests.accounts.site import HandClock, open_site


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the small office, made once."""
    folder = tmp_path_factory.mktemp("office")

    async def prepare() -> None:
        async with open_site(folder, HandClock()):
            pass

    asyncio.run(prepare())
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def office(folder: Path, clock: HandClock) -> AsyncIterator[Office]:
    async with open_site(folder, clock) as opened:
        yield opened
