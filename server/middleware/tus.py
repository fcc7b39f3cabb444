"""What tus 1.0 wants of every request and every answer of its addresses, errors too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from server.middleware.answers import answer_to
from server.tus import VERSION, check_version

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Tus:
    """Refuses what speaks another version, and names ours in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_started = False

        async def send_named(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                MutableHeaders(scope=message)["tus-resumable"] = VERSION
            await send(message)

        try:
            if scope["method"] != "OPTIONS":  # It asks which versions there are.
                check_version(Headers(scope=scope))
            await self._app(scope, receive, send_named)
        except Exception as error:
            if is_started:
                raise
            await answer_to(error, scope)(scope, receive, send_named)
