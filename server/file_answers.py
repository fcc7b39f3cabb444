"""Answers with a file out of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from server.compression import takes_gzip

if TYPE_CHECKING:
    from starlette.requests import Request

    from server.client_build import File

FOR_EVER: Final = "public, max-age=31536000, immutable"
"""For files whose name changes with their content."""

ASK_AGAIN: Final = "no-cache"
"""For the others: kept, but asked for again each time."""


def as_asked(request: Request, file: File, caching: str) -> Response:
    """The file, or 304 where the asker has it, compressed where that is taken."""
    headers = {"cache-control": caching, "etag": file.etag, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    if file.gzip and takes_gzip(request.headers):
        return Response(file.gzip, headers={**headers, "content-encoding": "gzip"}, media_type=file.media_type)
    return Response(file.body, headers=headers, media_type=file.media_type)
