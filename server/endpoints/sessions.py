"""`/sessions`: where I am signed in, and ending one of these (docs/PROTOCOL.md, "Signing in")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response

from server.errors import Refused
from server.visitors import Visitors, visitor

if TYPE_CHECKING:
    from starlette.requests import Request

    from server.store.core_accounts import SessionRow
    from sync.changes import Document


async def list_sessions(request: Request) -> Response:
    """The visitor's own sessions, the newest first."""
    signed_in = await visitor(request)
    visitors: Visitors = request.app.state.visitors
    rows = await visitors.sessions.of_user(signed_in.user_id)
    body = {"sessions": [_document(row, signed_in.session_id) for row in rows]}
    return Response(orjson.dumps(body), media_type="application/json")


async def end_session(request: Request) -> Response:
    """End one of the visitor's own sessions; anybody else's answers as one that does not exist."""
    signed_in = await visitor(request)
    visitors: Visitors = request.app.state.visitors
    session_id = str(request.path_params["session_id"])
    if not await visitors.sessions.end(signed_in.user_id, session_id):
        raise Refused("not_found")
    response = Response(status_code=204)
    if session_id == signed_in.session_id:
        visitors.cookies.take_session(response)
    return response


def _document(row: SessionRow, present: str) -> Document:
    return {
        "id": row.id,
        "label": row.label,
        "user_agent": row.user_agent,
        "created_at": row.created_at,
        "seen_at": row.seen_at,
        "is_this": row.id == present,
    }
