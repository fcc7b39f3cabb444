"""`POST /sync`: everything a device sends and gets (docs/PROTOCOL.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from server.compression import packed
from server.visitors import visitor

if TYPE_CHECKING:
    from starlette.requests import Request

    from server.actions.syncing import Syncing


async def sync(request: Request) -> Response:
    """Push, then pull, for whoever is signed in."""
    signed_in = await visitor(request)
    syncing: Syncing = request.app.state.syncing
    answer = await syncing.sync(await request.body(), signed_in.user_id)
    body, headers = await packed(answer, request.headers)
    return Response(body, headers=headers, media_type="application/json")
