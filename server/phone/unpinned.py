"""Takes back the order to browsers to use nothing but TLS with this host name from now on, for years.

On a site of its own that order protects. Here the name may be `localhost` or that of somebody's machine, and other
servers on it would be out of reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Unpinned:
    """Wraps the whole app; its answers carry no Strict-Transport-Security."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_unpinned(message: Message) -> None:
            if message["type"] == "http.response.start":
                del MutableHeaders(scope=message)["strict-transport-security"]
            await send(message)

        await self._app(scope, receive, send_unpinned)
