"""What the office's commands need: both databases open, the project, and changes entered through the engine."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from server.clock import clock_ms
from server.ids import new_id
from server.store import migrate
from server.store import office as sql
from server.store.core import Core
from server.store.punchlist import PunchlistStore
from sync.admin import OfficeChange, OfficeContext, administer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from server.settings import Settings
    from sync.changes import Document, Row


class OfficeRefused(Exception):
    """The command cannot be carried out; the text says why, to people."""


@dataclass(frozen=True, slots=True)
class Office:
    """Both databases, and the clock in ms since 1970 UTC."""

    core: Core
    store: PunchlistStore
    clock: Callable[[], int] = clock_ms

    async def documents(self, entity: str) -> list[Document]:
        """All rows of a synced table that are not deleted."""
        return await self.store.read_alone(partial(sql.documents, entity=entity))

    async def project(self) -> Document:
        """The one project of this server."""
        projects = await self.documents("projects")
        if not projects:
            raise OfficeRefused(
                "There is no project yet. Start the server once, or add one: holdfast project add NAME."
            )
        return projects[0]

    async def enter(self, project_id: str, changes: Sequence[OfficeChange]) -> list[Row]:
        """Write the changes in one transaction; phones learn of them by their next pull."""
        context = OfficeContext(new_id(), None, self.clock(), project_id)
        return await administer(self.store, changes, context)

    async def sector(self, code: str) -> Document:
        """The sector with this code, in whatever case."""
        sectors = await self.documents("sectors")
        found = [sector for sector in sectors if sector["code"].casefold() == code.strip().casefold()]
        if not found:
            known = ", ".join(sorted(sector["code"] for sector in sectors)) or "none"
            raise OfficeRefused(f"There is no sector “{code}”. Sectors are: {known}.")
        return found[0]


def migrate_all(settings: Settings) -> list[str]:
    """Bring both databases to this code's tables; returns what was done, in words."""
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    if not os.access(settings.data_folder, os.W_OK | os.X_OK):
        raise OfficeRefused(f"The data folder {settings.data_folder} cannot be written; choose another with --data.")
    done = []
    for name, path in (("punchlist", settings.punchlist_path), ("core", settings.core_path)):
        before = migrate.state(name, path)
        if before.is_ahead:
            raise OfficeRefused(f"The database {name} was written by a newer Holdfast ({before.current}).")
        if before.is_pending:
            migrate.upgrade(name, path)
            done.append(f"{name}: {before.current or 'empty'} → {before.head}")
    return done


@asynccontextmanager
async def open_office(settings: Settings) -> AsyncIterator[Office]:
    """Both databases, migrated, for as long as a command takes; a server may run beside it."""
    migrate_all(settings)
    store = await PunchlistStore.open(settings.punchlist_path, readers=2, busy_timeout_ms=settings.busy_timeout_ms)
    try:
        core = await Core.open(settings.core_path, settings.busy_timeout_ms)
        try:
            yield Office(core, store)
        finally:
            await core.close()
    finally:
        await store.close()
