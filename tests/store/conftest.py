"""The backends that the contract of `sync.changes` is held on: each test of this folder runs once on each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from server.store import migrate
from server.store.punchlist import PunchlistStore
from sync.memory import MemoryStore
from tests.sync.site import uid

if TYPE_CHECKING:
    from sync.changes import Store

Open = Callable[[Path, AsyncExitStack], Awaitable["Store"]]


async def _open_memory(_folder: Path, _exits: AsyncExitStack) -> Store:
    return MemoryStore(uid(14, 1))


async def _open_sqlite(folder: Path, exits: AsyncExitStack) -> Store:
    path = folder / "punchlist.db"
    migrate.upgrade("punchlist", path)
    store = await PunchlistStore.open(path)
    exits.push_async_callback(store.close)
    return store


BACKENDS: dict[str, Open] = {"memory": _open_memory, "sqlite": _open_sqlite}
"""Name → how to open an empty store in a folder; what is to be closed goes on the stack."""


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Open:
    """How to open an empty store of each kind."""
    return BACKENDS[request.param]


@pytest.fixture
async def store(backend: Open, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store of each kind."""
    async with AsyncExitStack() as exits:
        yield await backend(tmp_path, exits)
