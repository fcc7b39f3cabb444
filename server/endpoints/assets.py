"""The files of the built client, out of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.errors import Refused
from server.file_answers import ASK_AGAIN, FOR_EVER, as_asked

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from server.client_build import ClientBuild


async def asset(request: Request) -> Response:
    """A file whose name changes with its content."""
    return _answer(request, request.url.path, FOR_EVER)


async def plain_file(request: Request) -> Response:
    """A file that keeps its name: manifest, icons, fonts."""
    return _answer(request, request.url.path, ASK_AGAIN)


async def service_worker(request: Request) -> Response:
    """The service worker; the browser asks for it afresh each time, and lets it rule every address."""
    response = _answer(request, "/sw.js", ASK_AGAIN)
    response.headers["service-worker-allowed"] = "/"
    return response


def _answer(request: Request, path: str, caching: str) -> Response:
    build: ClientBuild = request.app.state.build
    file = build.current().files.get(path.removeprefix("/"))
    if file is None:
        raise Refused("not_found")
    return as_asked(request, file, caching)
