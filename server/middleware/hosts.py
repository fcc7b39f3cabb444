"""Answers only under the names the settings allow, so that a forged Host reaches nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from server.errors import Refused

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PROBES: Final = frozenset({"/livez", "/readyz"})
"""Asked by orchestrators under an address of their own; they tell nothing."""


class Hosts:
    """Refuses with `unknown_host` what asks for another name. `*` allows every name."""

    def __init__(self, app: ASGIApp, *, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and not self._is_allowed(scope):
            raise Refused("unknown_host")
        await self._app(scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        if "*" in self._allowed or scope["path"] in PROBES:
            return True
        return name_of(Headers(scope=scope).get("host", "")) in self._allowed


def name_of(host: str) -> str:
    """The name in a Host header, lower case, without the port; an IPv6 address keeps its brackets."""
    end = host.find("]") + 1 or (host.find(":") if ":" in host else len(host))
    return host[:end].lower()
