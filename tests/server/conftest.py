"""The real app on real databases: each test gets a copy of one prepared data folder."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from starlette.applications import Starlette

from server.actions.passwords import Passwords
from server.app import create_app, migrate_all
from server.clock import clock_ms
from server.settings import Settings
from server.store import core_accounts
from server.store.core import Core
from server.store.punchlist import PunchlistStore
from tests.server.place import Pen, build_place
from tests.sync.site import PEOPLE

PASSWORD = "four walls and a crooked door"
OWN_PAGE = {"sec-fetch-site": "same-origin"}


def settings_in(folder: Path, **more: Any) -> Settings:
    return Settings(data_folder=folder, build_folder=folder / "build", **more)


async def _prepare(folder: Path) -> None:
    settings = settings_in(folder)
    migrate_all(settings)
    store = await PunchlistStore.open(settings.punchlist_path)
    await build_place(store)
    await store.close()
    core = await Core.open(settings.core_path)
    digest = await Passwords().hash(PASSWORD)
    for user_id, (name, *_) in PEOPLE.items():
        row = core_accounts.CredentialRow(user_id, name.casefold(), digest, clock_ms(), must_change=False)
        await core.write_alone(partial(core_accounts.add_credential, row=row))
    await core.close()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the small site and a sign-in for each of its people."""
    folder = tmp_path_factory.mktemp("prepared")
    asyncio.run(_prepare(folder))
    return folder


@dataclass
class Phone:
    """A signed-in client that keeps its cookie of the pull."""

    http: httpx2.AsyncClient
    pen: Pen
    cookie: str | None = None
    answers: list[dict[str, Any]] = field(default_factory=list)

    async def post(self, body: bytes | dict[str, Any], **headers: str) -> httpx2.Response:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/sync", content=content, headers={"content-type": "application/json", **names})

    async def sync(self, *mutations: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Push these, pull, and keep the new cookie."""
        response = await self.post(self.pen.request(*mutations, **{"cookie": self.cookie, **more}))
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        self.cookie = answer["cookie"]
        return answer

    async def sync_all(self) -> list[tuple[str, dict[str, Any]]]:
        """Pull to the end; every row that came as (entity, document)."""
        rows = []
        while True:
            answer = await self.sync()
            rows += [(row["entity"], row["doc"]) for scope in answer["scopes"] for row in scope["rows"]]
            if answer["complete"]:
                return rows


class Place:
    """The running app. `start` and `stop` may be called again: what was stored is still there."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.app: Starlette = create_app(settings)
        self._exits = AsyncExitStack()
        self._clients = 0

    async def start(self) -> None:
        self.app = create_app(self.settings)
        await self._exits.enter_async_context(self.app.router.lifespan_context(self.app))

    async def stop(self) -> None:
        await self._exits.aclose()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def visitor(self, address: str = "127.0.0.1", **headers: str) -> httpx2.AsyncClient:
        """Somebody who has not signed in."""
        transport = httpx2.ASGITransport(app=self.app, client=(address, 40_000))
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers={**OWN_PAGE, **names})

    async def phone(self, user_id: str, client: int | None = None) -> Phone:
        """A phone on which this user has signed in."""
        self._clients += 1
        http = self.visitor()
        answer = await http.post("/session", json={"login": PEOPLE[user_id][0], "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return Phone(http, Pen(user_id, client or self._clients, clock_ms()))

    def stored(self) -> str:
        """A digest of everything in the punch list that a request could have changed."""
        with closing(sqlite3.connect(self.settings.punchlist_path)) as plain:
            names = [row[0] for row in plain.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
            # The relay ticks rows of the outbox off at any time.
            columns = {"outbox": "id, kind, key, payload"}
            rows = [
                plain.execute(f"SELECT {columns.get(name, '*')} FROM {name}").fetchall()  # noqa: S608 - own names
                for name in names
            ]
        return hashlib.sha256(repr(rows).encode()).hexdigest()


@pytest.fixture
async def place(prepared: Path, tmp_path: Path) -> AsyncIterator[Place]:
    folder = tmp_path / "data"
    shutil.copytree(prepared, folder)
    running = Place(settings_in(folder))
    await running.start()
    yield running
    await running.stop()
