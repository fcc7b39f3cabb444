"""The plain page that a phone opens first: what to install and trust, and why the app is not at this address.

It is sent without encryption, for the phone trusts nothing yet. So it has no script, knows nobody, takes nothing, and
hands out the authority's certificate, which is public.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.middleware.answers import Answers
from server.middleware.hosts import Hosts

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request

CERTIFICATE_PATH: Final = "/holdfast-ca.crt"
STYLE_PATH: Final = "/guide.css"
CERTIFICATE_TYPE: Final = "application/x-x509-ca-cert"
FILES: Final = Path(__file__).parent


def create_guide(certificate_der: bytes, app_url: str, hosts: Collection[str]) -> Starlette:
    """The ASGI app of the page; `hosts` are the names under which it answers."""
    environment = Environment(loader=FileSystemLoader(FILES), autoescape=True, undefined=StrictUndefined)
    page = environment.get_template("guide.html").render(
        app_url=app_url, certificate_path=CERTIFICATE_PATH, style_path=STYLE_PATH
    )
    style = (FILES / "guide.css").read_bytes()

    async def show(request: Request) -> Response:  # noqa: ARG001
        return Response(page, media_type="text/html")

    async def give_certificate(request: Request) -> Response:  # noqa: ARG001
        # Not as an attachment: iOS then keeps it as a file and offers nothing.
        headers = {"content-disposition": 'inline; filename="holdfast-ca.crt"'}
        return Response(certificate_der, media_type=CERTIFICATE_TYPE, headers=headers)

    async def give_style(request: Request) -> Response:  # noqa: ARG001
        return Response(style, media_type="text/css")

    async def lead_here(request: Request) -> Response:  # noqa: ARG001 - whoever typed another address gets help too.
        return RedirectResponse("/", 303)

    return Starlette(
        routes=[
            Route("/", show),
            Route(CERTIFICATE_PATH, give_certificate),
            Route(STYLE_PATH, give_style),
            Route("/{path:path}", lead_here),
        ],
        middleware=[Middleware(Answers, is_secure=False), Middleware(Hosts, allowed=frozenset(hosts))],
    )
