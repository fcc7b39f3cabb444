"""The two cookies of a browser: the session's token, and the token by which a device is known again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.responses import Response

DAY_S: Final = 86_400
DEVICE_DAYS: Final = 400
"""Longest that browsers keep a cookie."""


class Cookies:
    """Names and attributes of the cookies. Over https they carry `__Host-`: no other host or path can set them."""

    def __init__(self, *, is_secure: bool, max_days: int) -> None:
        prefix = "__Host-" if is_secure else ""
        self._session = f"{prefix}session"
        self._device = f"{prefix}device"
        self._is_secure = is_secure
        self._max_days = max_days

    def session_token(self, connection: HTTPConnection) -> str:
        """The session's token; "" where there is none."""
        return connection.cookies.get(self._session, "")

    def device_token(self, connection: HTTPConnection) -> str:
        """The device's token; "" where there is none."""
        return connection.cookies.get(self._device, "")

    def give(self, response: Response, token: str, device_token: str) -> None:
        """Hand both tokens to the browser, where no script can read them."""
        self._set(response, self._session, token, self._max_days)
        self._set(response, self._device, device_token, DEVICE_DAYS)

    def take_session(self, response: Response) -> None:
        """Make the browser forget the session; the device stays known."""
        self._set(response, self._session, "", 0)

    def _set(self, response: Response, name: str, value: str, days: int) -> None:
        response.set_cookie(
            name, value, max_age=days * DAY_S, path="/", secure=self._is_secure, httponly=True, samesite="lax"
        )
