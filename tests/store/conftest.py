"""The backends that the contract of `sync.changes` is held on: each test of this folder runs once on each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from server.store import migrate
from server.store.postgres.punchlist import PunchlistStore as PostgresStore
from server.store.punchlist import PunchlistStore
from sync.memory import MemoryStore
from tests.services.postgres import Postgres, running
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


def _postgres_opener(postgres: Postgres) -> Open:
    async def open_postgres(_folder: Path, exits: AsyncExitStack) -> Store:
        store = await PostgresStore.open(exits.enter_context(postgres.database(TEMPLATE)))
        exits.push_async_callback(store.close)
        return store

    return open_postgres


BACKENDS: dict[str, Open] = {"memory": _open_memory, "sqlite": _open_sqlite}
"""Name → how to open an empty store in a folder; what is to be closed goes on the stack."""

TEMPLATE = "migrated"
"""The database that others are made like."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL with a migrated, empty database as template."""
    with running() as server:
        server.tell(f"CREATE DATABASE {TEMPLATE}")
        migrate.upgrade("punchlist", server.address(TEMPLATE))
        yield server


@pytest.fixture
def postgres_address(postgres: Postgres) -> Iterator[str]:
    """The address of a migrated, empty database."""
    with postgres.database(TEMPLATE) as address:
        yield address


@pytest.fixture(params=[*sorted(BACKENDS), pytest.param("postgres", marks=pytest.mark.services)])
def backend(request: pytest.FixtureRequest) -> Open:
    """How to open an empty store of each kind."""
    if request.param == "postgres":
        return _postgres_opener(request.getfixturevalue("postgres"))
    return BACKENDS[request.param]


@pytest.fixture
async def store(backend: Open, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store of each kind."""
    async with AsyncExitStack() as exits:
        yield await backend(tmp_path, exits)
