"""`/photos/{id}/{thumb|view|original}`: stored bytes for whoever may see the photo now (docs/PROTOCOL.md, "Photos")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from server.conditional import has_same, span_of
from server.errors import Refused
from server.visitors import visitor

if TYPE_CHECKING:
    from starlette.requests import Request

    from server.actions.photo_files import Content, PhotoFile, PhotoFiles

SANDBOX: Final = "sandbox; default-src 'none'"
"""Whatever a browser takes the bytes for, it runs nothing of them and fetches nothing for them."""


async def photo(request: Request) -> Response:
    """The file, the part of it that was asked for, or 304; rights are judged before anything else is told."""
    signed_in = await visitor(request)
    files: PhotoFiles = request.app.state.photo_files
    file = await files.find(signed_in.user_id, request.path_params["photo_id"], request.path_params["name"])
    if file is None:
        raise Refused("not_found")
    kept = {"etag": file.etag, "cache-control": "private, no-cache", "vary": "cookie"}
    if has_same(request.headers, file.etag):
        return Response(status_code=304, headers=kept)
    return _bytes(request, files, file, await files.content(file), kept)


def _bytes(request: Request, files: PhotoFiles, file: PhotoFile, content: Content, kept: dict[str, str]) -> Response:
    span = span_of(request.headers, file.etag, content.size_bytes) if request.method == "GET" else None
    if span is not None and span.is_empty:
        raise Refused("range_not_satisfiable", headers={"content-range": span.as_header})
    start, end = (span.start, span.end) if span else (0, content.size_bytes)
    headers = {
        **kept,
        **({"content-range": span.as_header} if span else {}),
        "content-type": content.media_type,
        "content-length": str(end - start),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(content.file_name, safe='')}",
        "content-security-policy": SANDBOX,
        "accept-ranges": "bytes",
    }
    if request.method == "HEAD":
        return Response(headers=headers)
    return StreamingResponse(files.read(file, start, end), 206 if span else 200, headers)
