"""`/healthz`, `/livez`, `/readyz`: for people, for the orchestrator, for the load balancer."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response

from server.actions.health import overall
from server.errors import Refused
from server.visitors import visitor
from sync.changes import Unavailable
from sync.rules import Role

if TYPE_CHECKING:
    from starlette.requests import Request

    from server.actions.health import Health

FORWARDED: Final = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")
"""Headers by which a proxy on this machine shows that the asker is somewhere else."""


async def healthz(request: Request) -> Response:
    """The whole's state for everybody, each part's for an admin or somebody on this machine; 503 when it is down."""
    health: Health = request.app.state.health
    parts = await health.look()
    body: dict[str, Any] = {"state": overall(parts)}
    if _is_here(request) or await _is_admin(request):
        body["parts"] = {name: asdict(part) for name, part in parts.items()}
    return _json(body, 503 if body["state"] == "down" else 200)


async def livez(_request: Request) -> Response:
    """The process answers."""
    return _json({"state": "ok"}, 200)


async def readyz(request: Request) -> Response:
    """Work can be taken in."""
    health: Health = request.app.state.health
    is_ready = overall(await health.look()) != "down"
    return _json({"state": "ok" if is_ready else "down"}, 200 if is_ready else 503)


def _is_here(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _is_admin(request: Request) -> bool:
    try:
        return Role.ADMIN.value in (await visitor(request)).roles
    except (Refused, Unavailable):
        return False


def _json(document: Any, status: int) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")
