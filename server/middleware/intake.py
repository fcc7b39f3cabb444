"""What stands before every address that takes a body: whose page sent it, of what type, how long, how fast."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from server.errors import Refused

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN_SITES: Final = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site that a page of ours, or the person's own hand, sends."""


class Intake:
    """Guards one route. `types` are the media types it takes (none: it takes no body), `max_bytes` the body's limit.

    `timeout_s` is how long the body may take; with `renewed_bytes`, each so many of it may take that long, so that a
    large one over a slow line gets through and one that drips does not.
    """

    def __init__(
        self, app: ASGIApp, *, types: frozenset[str], max_bytes: int, timeout_s: float, renewed_bytes: int = 0
    ) -> None:
        self._app = app
        self._types = types
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._renewed_bytes = renewed_bytes or max_bytes + 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            headers = Headers(scope=scope)
            check_site(headers)
            self._check_type(headers)
            self._check_length(headers)
            receive = self._bounded(receive)
        await self._app(scope, receive, send)

    def _check_type(self, headers: Headers) -> None:
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused("unsupported_media_type", "Bodies are taken uncompressed.")
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if self._types and media_type not in self._types:
            raise Refused("unsupported_media_type", f"Send the body as {' or '.join(sorted(self._types))}.")

    def _check_length(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 15 or int(length) > self._max_bytes:
            raise self._too_large()

    def _too_large(self) -> Refused:
        return Refused("body_too_large", headers={"connection": "close"}, max_bytes=self._max_bytes)

    def _bounded(self, receive: Receive) -> Receive:
        """Counts what arrives, whatever the headers said, and gives up on a body that drips."""
        left, time = self._max_bytes, asyncio.get_running_loop().time
        deadline, renew_at = time() + self._timeout_s, left - self._renewed_bytes
        is_read = False

        async def bounded() -> Message:
            nonlocal left, is_read, deadline, renew_at
            if is_read:  # After the body this only waits for the other side to go.
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise Refused("too_slow", headers={"connection": "close"}) from None
            left -= len(message.get("body", b""))
            if left <= renew_at:
                deadline, renew_at = time() + self._timeout_s, left - self._renewed_bytes
            is_read = not message.get("more_body", False)
            if left < 0:
                raise self._too_large()
            return message

        return bounded


def check_site(headers: Headers) -> None:
    """Refuse what another site's page sent in this user's name (a cookie goes along by itself)."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        is_own = site in OWN_SITES
    else:
        host = headers.get("host", "").lower()
        is_own = headers.get("origin", "").lower() in (f"http://{host}", f"https://{host}")
    if not is_own:
        raise Refused("cross_site")
