"""Every address of the server, with what it takes. An address that changes anything is declared by `_taking`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.middleware import Middleware
from starlette.routing import Route

from server import tus
from server.actions.upload_parts import PART_BYTES
from server.endpoints import assets, health, phones, photos, session, sessions, shell, sync, uploads
from server.middleware.intake import Intake
from server.middleware.tus import Tus
from sync.schema import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from server.settings import Settings

    Endpoint = Callable[[Request], Awaitable[Response]]

SCREENS: Final = ("/", "/items/{item_id}", "/new", "/outbox", "/needs-you", "/settings")
"""Addresses of the app's screens, as in pwa/views/router.ts; `/sessions` is one, too."""

JSON: Final = frozenset({"application/json"})
OFFSETS: Final = frozenset({tus.MEDIA_TYPE})
NOTHING: Final[frozenset[str]] = frozenset()

SMALL_BYTES: Final = 16_384
"""Limit of bodies that hold a few fields."""


def routes(settings: Settings) -> list[Route]:
    """The routes, with how much they take and how long it may take to arrive."""

    def taking(path: str, method: str, endpoint: Endpoint, types: frozenset[str], max_bytes: int) -> Route:
        intake: Any = Middleware(Intake, types=types, max_bytes=max_bytes, timeout_s=settings.body_timeout_s)
        return Route(path, endpoint, methods=[method], middleware=[intake])

    return [
        taking("/sync", "POST", sync.sync, JSON, MAX_BODY_BYTES),
        taking("/session", "POST", session.sign_in, JSON, SMALL_BYTES),
        Route("/session", session.who_am_i),
        taking("/session", "DELETE", session.sign_out, NOTHING, SMALL_BYTES),
        Route("/sessions", _sessions),
        taking("/sessions/{session_id}", "DELETE", sessions.end_session, NOTHING, SMALL_BYTES),
        Route("/clients", phones.list_clients),
        Route("/office/phones", phones.office_page),
        *_uploads(settings),
        Route("/photos/{photo_id}/{name}", photos.photo),
        Route("/healthz", health.healthz),
        Route("/livez", health.livez),
        Route("/readyz", health.readyz),
        Route("/signin", shell.sign_in_page),
        *(Route(path, shell.shell, name="shell") for path in SCREENS),
        Route("/sw.js", assets.service_worker),
        Route("/manifest.webmanifest", assets.plain_file),
        Route("/assets/{path:path}", assets.asset),
        Route("/icons/{path:path}", assets.plain_file),
        Route("/fonts/{path:path}", assets.plain_file),
    ]


def _uploads(settings: Settings) -> list[Route]:
    """The addresses of tus; a body gets its time anew for each part, for it may be large and the line slow."""

    def tus_route(path: str, method: str, endpoint: Endpoint, *, is_body: bool = False) -> Route:
        types, limit = (OFFSETS, settings.max_photo_bytes) if is_body else (NOTHING, SMALL_BYTES)
        timeout_s, renewed = settings.body_timeout_s, PART_BYTES if is_body else 0
        intake: Any = Middleware(Intake, types=types, max_bytes=limit, timeout_s=timeout_s, renewed_bytes=renewed)
        return Route(path, endpoint, methods=[method], middleware=[Middleware(Tus), intake])

    return [
        Route("/uploads", uploads.abilities, methods=["OPTIONS"], middleware=[Middleware(Tus)]),
        tus_route("/uploads", "POST", uploads.create),
        tus_route("/uploads/{upload_id}", "HEAD", uploads.look),
        tus_route("/uploads/{upload_id}", "PATCH", uploads.receive, is_body=True),
        tus_route("/uploads/{upload_id}", "DELETE", uploads.end),
    ]


async def _sessions(request: Request) -> Response:
    """The screen for a browser that goes there, the data for the script of that screen."""
    endpoint = shell.shell if shell.wants_page(request) else sessions.list_sessions
    response = await endpoint(request)
    response.headers.add_vary_header("accept")
    return response
