"""`/uploads`: tus 1.0 for the files of photos (docs/PROTOCOL.md, "Photos")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from server import tus
from server.errors import Refused
from server.visitors import visitor
from sync.uploads import FILES

if TYPE_CHECKING:
    from starlette.requests import Request

    from server.actions.uploading import Uploading
    from server.store.uploads import Upload


async def abilities(request: Request) -> Response:
    """What this server can do, to whoever asks."""
    return Response(status_code=204, headers=tus.abilities(request.app.state.max_photo_bytes))


async def create(request: Request) -> Response:
    """Begin the upload of a photo's file."""
    signed_in = await visitor(request)
    size_bytes, most = tus.length_of(request.headers), request.app.state.max_photo_bytes
    if size_bytes > most:
        raise Refused("body_too_large", max_bytes=most)
    metadata = tus.metadata_of(request.headers)
    photo_id, file = metadata.get("photo_id", ""), metadata.get("file", "picture")
    if not photo_id or file not in FILES:
        raise Refused("invalid_request", "`Upload-Metadata` names no photo, or no file that photos have.")
    upload = await _uploading(request).create(signed_in.user_id, photo_id, file, size_bytes)
    return Response(status_code=201, headers={"location": f"/uploads/{upload.id}", **_progress(upload)})


async def look(request: Request) -> Response:
    """How far an upload is."""
    signed_in = await visitor(request)
    upload = await _uploading(request).look(signed_in.user_id, request.path_params["upload_id"])
    described = tus.metadata(photo_id=upload.photo_id, file=upload.file)
    return Response(headers={"upload-length": str(upload.size_bytes), **described, **_progress(upload)})


async def receive(request: Request) -> Response:
    """Take in bytes; the answer comes when they are durable."""
    signed_in = await visitor(request)
    offset, checksum = tus.offset_of(request.headers), tus.checksum_of(request.headers)
    upload_id = request.path_params["upload_id"]
    upload = await _uploading(request).receive(signed_in.user_id, upload_id, offset, request.stream(), checksum)
    return Response(status_code=204, headers=_progress(upload))


async def end(request: Request) -> Response:
    """Give an upload up."""
    signed_in = await visitor(request)
    await _uploading(request).end(signed_in.user_id, request.path_params["upload_id"])
    return Response(status_code=204)


def _uploading(request: Request) -> Uploading:
    found: Uploading = request.app.state.uploading
    return found


def _progress(upload: Upload) -> dict[str, str]:
    return {"upload-offset": str(upload.offset_bytes), **({} if upload.is_whole else tus.expires(upload.expires_at))}
