"""Who is behind a request: the one place where a cookie becomes a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.errors import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

    from server.actions.sessions import Sessions, SignedIn
    from server.cookies import Cookies


@dataclass(frozen=True, slots=True)
class Visitors:
    """What endpoints need to know people; the app keeps one as `app.state.visitors`."""

    sessions: Sessions
    cookies: Cookies


async def visitor(request: Request) -> SignedIn:
    """Who asks. Raises `Refused` `sign_in_required`."""
    visitors: Visitors = request.app.state.visitors
    token = visitors.cookies.session_token(request)
    signed_in = await visitors.sessions.look_up(token) if token else None
    if signed_in is None:
        raise Refused("sign_in_required")
    return signed_in
