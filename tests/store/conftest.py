"""The backends that the contract of `sync.changes` is held on: each test of this folder runs once on each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sync.memory import MemoryStore
from tests.sync.site import uid

if TYPE_CHECKING:
    from sync.changes import Store

Open = Callable[[Path, AsyncExitStack], Awaitable["Store"]]


async def _open_memory(_folder: Path, _exits: AsyncExitStack) -> Store:
    return MemoryStore(uid(14, 1))


BACKENDS: dict[str, Open] = {"memory": _open_memory}
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
