"""The outermost layer: a request id, the headers of every answer, and every error in one shape."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import orjson
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from server.errors import BY_STATUS, Refused
from server.external.objects import StorageUnavailable
from server.ids import new_id
from sync.changes import Unavailable
from sync.errors import RequestError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log: Final = logging.getLogger("holdfast")

_POLICY: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types holdfast",
)
CSP: Final = "; ".join(_POLICY)
"""No inline code and no nonces, which cached pages would break; one trusted-types policy, for the worker's address."""

HEADERS: Final = {
    "holdfast": "1",  # Tells a phone that it was this server, not a captive portal.
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()",
}
"""Headers of every answer, errors too."""

_HSTS: Final = "max-age=63072000"


class Answers:
    """Wraps the whole app. An error that left no mark in the answer yet becomes one in the common shape."""

    def __init__(self, app: ASGIApp, *, is_secure: bool) -> None:
        self._app = app
        self._headers = {**HEADERS, **({"strict-transport-security": _HSTS} if is_secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        is_started = False

        async def send_dressed(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                self._dress(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            await self._app(scope, receive, send_dressed)
        except Exception as error:
            if is_started:  # Nothing can be said any more; uvicorn cuts the connection.
                raise
            await answer_to(error, scope)(scope, receive, send_dressed)

    def _dress(self, headers: MutableHeaders, request_id: str) -> None:
        headers.setdefault("cache-control", "no-store")
        headers["request-id"] = request_id
        for name, value in self._headers.items():
            headers.setdefault(name, value)  # An address may be stricter: a photo is sent in a sandbox.


def answer_to(error: Exception, scope: Scope) -> Response:
    """The answer in the common shape. Only what is nobody's known error counts as our mistake, and is logged."""
    refused = _refused(error)
    request_id = scope["state"]["request_id"]
    if refused.kind.status == 500:
        log.error("%s %s failed (request %s)", scope["method"], scope["path"], request_id, exc_info=error)
    elif refused.kind.status == 503:
        log.warning("%s %s: %s (request %s)", scope["method"], scope["path"], error, request_id)
    body = orjson.dumps(refused.as_document(request_id))
    # The answer to a HEAD has no body: the word is in a header, too.
    headers = {**refused.headers, "holdfast-error": refused.error}
    return Response(body, refused.kind.status, headers, media_type="application/json")


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals (404, 405) in the common shape."""
    return answer_to(error, request.scope)


def _refused(error: Exception) -> Refused:
    match error:
        case Refused():
            return error
        case RequestError():
            return Refused(error.error, error.reason, **error.extra)
        case ClientDisconnect():  # Nobody is there to read it.
            return Refused("invalid_request")
        case Unavailable():
            return Refused("unavailable")
        case StorageUnavailable():
            return Refused("storage_unavailable")
        case HTTPException() if error.status_code in BY_STATUS:
            return Refused(BY_STATUS[error.status_code], headers=error.headers)
        case _:
            return Refused("internal_error")
