"""Puts the server together: opens what it stands on, then answers."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from server.actions import jobs
from server.actions.health import Health
from server.actions.passwords import Passwords
from server.actions.photo_files import PhotoFiles
from server.actions.relay import Relay
from server.actions.sessions import Sessions
from server.actions.syncing import Syncing
from server.actions.uploading import Uploading
from server.client_build import ClientBuild
from server.clock import clock_ms
from server.cookies import Cookies
from server.external.folder import Folder
from server.external.objects import StorageUnavailable
from server.jobs.previews import Previewing
from server.jobs.workers import Workers
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

    from server.external.objects import Objects
    from server.settings import Settings

COOKIE_PURPOSE: Final = "sync cookie 1"

RELAY_PAUSE_S: Final = 5

SWEEP_S: Final = 600
"""Seconds between two looks for uploads that were given up, or that a crash kept from being finished."""

log: Final = logging.getLogger("holdfast")


def create_app(settings: Settings) -> Starlette:
    """The ASGI app. Nothing is opened before its lifespan starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with _open(app, settings):
            yield

    return Starlette(
        routes=routes(settings),
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
    """Open both databases, start the relay and the workers, and close all of it in the other direction."""
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
    objects = Folder(settings.objects_path)
    workers = Workers(core, [Previewing(store, objects).register], threads=settings.job_threads)
    relay = Relay(store, core, {"job": partial(jobs.take_words, core, ring=workers.ring)})
    syncing = Syncing(store, derived(secret, COOKIE_PURPOSE), relay.ring)
    _keep(app, settings, core, store, syncing)
    app.state.health = Health(store, core, relay, objects)
    relaying = asyncio.create_task(_run(relay), name="outbox relay")
    workers.start()
    try:
        async with _photos(app, settings, store, objects, relay):
            yield
    finally:
        await syncing.finish()
        relaying.cancel()
        with suppress(asyncio.CancelledError):
            await relaying
        await workers.stop(settings.shutdown_s)
        await store.close()
        await core.close()
        objects.close()


@asynccontextmanager
async def _photos(
    app: Starlette, settings: Settings, store: PunchlistStore, objects: Objects, relay: Relay
) -> AsyncGenerator[None]:
    """Take in and give out the bytes of photos."""
    uploading = Uploading(store, objects, relay.ring)
    app.state.max_photo_bytes = settings.max_photo_bytes
    app.state.uploading = uploading
    app.state.photo_files = PhotoFiles(store, objects)
    sweeping = asyncio.create_task(_sweep(uploading), name="upload sweep")
    try:
        yield
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
        await uploading.close()


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
    app.state.store = store
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


async def _sweep(uploading: Uploading) -> None:
    """Sweep at the start and now and then, for ever; what is away or mistaken now is swept the next time."""
    while True:
        try:
            await uploading.sweep()
        except (StorageUnavailable, Unavailable) as error:
            log.warning("uploads will be swept later: %s", error)
        except Exception:
            log.exception("the sweep of uploads stumbled; it starts again in %s s", SWEEP_S)
        await asyncio.sleep(SWEEP_S)
