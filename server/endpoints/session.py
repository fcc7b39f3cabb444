"""`/session`: sign in, who am I, sign out (docs/PROTOCOL.md, "Signing in")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response

from server.actions.attempts import SlowDown
from server.actions.sessions import AccountDisabled, SignInFailed
from server.actions.sign_in import Asked
from server.errors import Refused
from server.visitors import Visitors, visitor
from sync.parse import parse_json

if TYPE_CHECKING:
    from starlette.requests import Request

LONGEST: Final = 1000
"""Characters of a login, a password or a device's label; what may be one is judged later."""


async def sign_in(request: Request) -> Response:
    """Open a session and hand its cookie over. A session this browser still had is ended: nobody could use it again."""
    visitors: Visitors = request.app.state.visitors
    asked = _asked(parse_json(await request.body()), request, visitors)
    try:
        opened = await visitors.sessions.sign_in(asked)
    except SignInFailed:
        raise Refused("sign_in_failed") from None
    except AccountDisabled:
        raise Refused("account_disabled") from None
    except SlowDown as slow:
        raise Refused("slow_down", str(slow), retry_after_s=-(-slow.wait_ms // 1000)) from None
    if earlier := visitors.cookies.session_token(request):
        await visitors.sessions.sign_out(earlier)
    response = _json(opened.signed_in.as_document())
    visitors.cookies.give(response, opened.token, opened.device_token)
    return response


async def who_am_i(request: Request) -> Response:
    """Who is signed in here."""
    return _json((await visitor(request)).as_document())


async def sign_out(request: Request) -> Response:
    """End the session; answered alike whether there was one, because a sign-out made offline may be sent twice."""
    visitors: Visitors = request.app.state.visitors
    if token := visitors.cookies.session_token(request):
        await visitors.sessions.sign_out(token)
    response = Response(status_code=204)
    visitors.cookies.take_session(response)
    return response


def _asked(body: Any, request: Request, visitors: Visitors) -> Asked:
    if not isinstance(body, dict):
        raise Refused("invalid_request", "The body is not an object.")
    return Asked(
        login=_text(body, "login"),
        password=_text(body, "password"),
        label=_text(body, "device", ""),
        user_agent=request.headers.get("user-agent", ""),
        network=request.client.host if request.client else "",
        device_token=visitors.cookies.device_token(request),
    )


def _text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or len(value) > LONGEST:
        raise Refused("invalid_request", f"`{name}` is not a text of at most {LONGEST} characters.")
    return value


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
