"""`/clients`: my phones as last heard of, and `/office/phones`, the page of those who lead (docs/PROTOCOL.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
from starlette.responses import HTMLResponse, RedirectResponse, Response

from server.actions.phones import own_phones, phones_led_by
from server.clock import clock_ms
from server.errors import Refused
from server.visitors import visitor

if TYPE_CHECKING:
    from starlette.requests import Request

    from server.pages import Pages
    from server.store.clients import ClientRow
    from server.store.punchlist import PunchlistStore
    from sync.changes import Document


async def list_clients(request: Request) -> Response:
    """The visitor's own phones that have ever sent anything, the one heard of last first."""
    signed_in = await visitor(request)
    rows = await own_phones(_store(request), signed_in.user_id)
    body = {"clients": [_document(row) for row in rows]}
    return Response(orjson.dumps(body), media_type="application/json")


async def office_page(request: Request) -> Response:
    """The page of phones; who is not signed in does that first. Raises `Refused` `forbidden` for who leads nowhere."""
    try:
        signed_in = await visitor(request)
    except Refused:
        return RedirectResponse("/signin", 303)
    phones = await phones_led_by(_store(request), signed_in.user_id, clock_ms())
    if phones is None:
        raise Refused("forbidden")
    pages: Pages = request.app.state.pages
    has_unsent = any(phone.client.unsent for phone in phones)
    return HTMLResponse(pages.filled("phones.html", "office.js", phones=phones, at=_clock_of, has_unsent=has_unsent))


def _store(request: Request) -> PunchlistStore:
    store: PunchlistStore = request.app.state.store
    return store


def _document(row: ClientRow) -> Document:
    return {
        "id": row.id,
        "seen_at": row.seen_at,
        "app_version": row.app_version,
        "pending": row.pending,
        "photos": row.photos,
    }


def _clock_of(instant: int) -> str:
    """ISO 8601 in UTC for `<time>`; the page's script shows it in the reader's own clock."""
    return datetime.fromtimestamp(instant / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
