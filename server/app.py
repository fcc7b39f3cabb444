"""Puts the server together: opens what it stands on, then answers."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from server.actions.health import Health
from server.actions.passwords import Passwords
from server.actions.relay import Relay
from server.actions.sessions import Sessions
from server.actions.syncing import Syncing
from server.client_build import ClientBuild
from server.clock import clock_ms
from server.cookies import Cookies
from server.keys import derived, secret_of
from server.middleware.answers import Answers, on_http_exception
from server.middleware.hosts import Hosts
from server.pages import Pages
from server.routes import routes
from server.store import migrate
from server.store.core import Core
from server.store.punchlist import PunchlistStore
from server.visitors import Visitors
from sync.changes import Unavailable, Unstorable
from sync.release import release_known

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from server.settings import Settings

COOKIE_PURPOSE: Final = "sync cookie 1"

RELAY_PAUSE_S: Final = 5

log: Final = logging.getLogger("holdfast")


def create_app(settings: Settings) -> Starlette:
    """The ASGI app. Nothing is opened before its lifespan starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with _open(app, settings):
            yield

    return Starlette(
        routes=routes(settings.body_timeout_s),
        middleware=[Middleware(Answers, is_secure=settings.is_secure), Middleware(Hosts, allowed=settings.hosts)],
        exception_handlers={HTTPException: on_http_exception},
        lifespan=lifespan,
    )


def migrate_all(settings: Settings) -> None:
    """Make the data folder and bring both databases to what this code expects."""
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    migrate.upgrade("punchlist", settings.punchlist_path)
    migrate.upgrade("core", settings.core_path)


@asynccontextmanager
async def _open(app: Starlette, settings: Settings) -> AsyncGenerator[None]:
    """Open both databases, start the relay, and close all of it in the other direction."""
    await asyncio.to_thread(migrate_all, settings)
    secret = secret_of(settings)
    core = await Core.open(settings.core_path, settings.busy_timeout_ms)
    store = await PunchlistStore.open(
        settings.punchlist_path,
        readers=settings.readers,
        group_max=settings.group_max,
        busy_timeout_ms=settings.busy_timeout_ms,
    )
    await _take_up(store)
    relay = Relay(store, core)
    syncing = Syncing(store, derived(secret, COOKIE_PURPOSE), relay.ring)
    _keep(app, settings, core, store, syncing)
    app.state.health = Health(store, core, relay)
    relaying = asyncio.create_task(_run(relay), name="outbox relay")
    try:
        yield
    finally:
        await syncing.finish()
        relaying.cancel()
        with suppress(asyncio.CancelledError):
            await relaying
        await store.close()
        await core.close()


async def _take_up(store: PunchlistStore) -> None:
    """Plan what an older server parked because it did not know it; what fails waits on, and nobody waits for it."""
    try:
        await release_known(store, clock_ms())
    except (Unavailable, Unstorable):
        log.exception("what an older server did not know could not be taken up; the next start tries again")


def _keep(app: Starlette, settings: Settings, core: Core, store: PunchlistStore, syncing: Syncing) -> None:
    """What endpoints reach by `request.app.state`."""
    sessions = Sessions(
        core, store, Passwords(), idle_days=settings.session_idle_days, max_days=settings.session_max_days
    )
    build = ClientBuild(settings.build_folder)
    app.state.visitors = Visitors(sessions, Cookies(is_secure=settings.is_secure, max_days=settings.session_max_days))
    app.state.syncing = syncing
    app.state.build = build
    app.state.pages = Pages(build)


async def _run(relay: Relay) -> None:
    """Run the relay for ever; a mistake in carrying one word must not be the end of all."""
    while True:
        try:
            await relay.run()
        except Exception:
            log.exception("the relay stumbled; it starts again in %s s", RELAY_PAUSE_S)
        await asyncio.sleep(RELAY_PAUSE_S)
