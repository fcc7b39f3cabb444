"""A phone's way to the server: one connection, kept open while it works and made anew when it breaks."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPMessage

TIMEOUT_S: Final = 10.0
"""Seconds a request may take before the phone gives up on it."""

_OUR_PAGE: Final = {"sec-fetch-site": "same-origin"}
"""What browsers add to requests of the site's own pages."""


class Said(NamedTuple):
    """What the server answered."""

    status: int
    headers: HTTPMessage
    body: bytes


class Line:
    """Requests to a server of this machine, signed in once `cookie` is set."""

    def __init__(self, port: int) -> None:
        self.cookie = ""
        self._port = port
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Said:
        """Send one request. Raises OSError or HTTPException when no whole answer comes."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        cookie = {"cookie": self.cookie} if self.cookie else {}
        try:
            self._connection.request(method, path, body, {**_OUR_PAGE, **headers, **cookie})
            response = self._connection.getresponse()
            said = Said(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException):
            self.hang_up()
            raise
        for given in said.headers.get_all("set-cookie", []):
            if given.startswith("session="):
                self.cookie = given.partition(";")[0]
        return said

    def hang_up(self) -> None:
        """Close the connection; the next request makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
