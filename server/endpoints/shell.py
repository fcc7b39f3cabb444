"""The pages of the app, kept by phones; which screen to show, the script decides by the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response

from server.errors import Refused
from server.file_answers import ASK_AGAIN, as_asked

if TYPE_CHECKING:
    from starlette.requests import Request

    from server.pages import Pages


async def shell(request: Request) -> Response:
    """Any screen of the app."""
    return _page(request, "shell.html", "main.js")


async def sign_in_page(request: Request) -> Response:
    """The sign-in page."""
    return _page(request, "signin.html", "main.js")


def wants_page(request: Request) -> bool:
    """Whether a browser goes to this address, rather than a script asking for data."""
    return "text/html" in request.headers.get("accept", "")


def _page(request: Request, template: str, script: str) -> Response:
    pages: Pages = request.app.state.pages
    try:
        return as_asked(request, pages.page(template, script), ASK_AGAIN)
    except Refused as refused:
        if refused.error != "not_built" or not wants_page(request):
            raise
        return HTMLResponse(pages.not_built(), refused.kind.status, refused.headers)
