"""Every error a request can be answered with: one table, one exception, one shape."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Kind:
    """How an error is answered. `retry_after_s` 0: no such header."""

    status: int
    reason: str
    hint: str = ""
    retry_after_s: int = 0


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "invalid_json": Kind(400, "The body is not JSON as this server takes it."),
        "invalid_request": Kind(400, "The request is not one this server knows."),
        "unstorable_value": Kind(400, "The body holds a value that cannot be stored and given back unchanged."),
        "size_mismatch": Kind(400, "The photo was announced with another size."),
        "sign_in_required": Kind(401, "Please sign in.", "POST /session with login and password."),
        "sign_in_failed": Kind(401, "Name or password is wrong."),
        "forbidden": Kind(403, "You may not do this."),
        "account_disabled": Kind(403, "This account is switched off.", "Ask whoever runs this server."),
        "actor_mismatch": Kind(403, "These entries belong to another user than the one signed in."),
        "client_revoked": Kind(403, "This device may not sync any more.", "Ask whoever runs this server."),
        "cross_site": Kind(
            403,
            "The request did not come from a page of this server.",
            "Send Sec-Fetch-Site: same-origin, or an Origin that matches the Host.",
        ),
        "not_found": Kind(404, "There is nothing here."),
        "method_not_allowed": Kind(405, "This address does not take that method."),
        "too_slow": Kind(408, "The body took too long to arrive.", retry_after_s=5),
        "gap": Kind(409, "Earlier mutations of this device have not arrived."),
        "fork": Kind(409, "Another phone has used these numbers; take a new client id."),
        "offset_mismatch": Kind(409, "The upload stands at another byte; ask with HEAD and go on from there."),
        "already_stored": Kind(409, "The bytes of this photo are here already."),
        "upload_gone": Kind(410, "The upload was given up; create it anew."),
        "unsupported_version": Kind(412, "Uploads follow tus 1.0.0.", "Send Tus-Resumable: 1.0.0."),
        "body_too_large": Kind(413, "The body has more bytes than this address takes."),
        "too_many_mutations": Kind(413, "The push carries more mutations than one request may."),
        "unsupported_media_type": Kind(415, "The body's type or encoding is not one this address takes."),
        "range_not_satisfiable": Kind(416, "The file ends before the bytes that were asked for."),
        "unknown_host": Kind(
            421, "This server does not answer under that name.", "Add the name to HOLDFAST_ALLOWED_HOSTS."
        ),
        "hash_mismatch": Kind(422, "The bytes are not those the photo was announced with; send them anew."),
        "position_untold": Kind(
            422,
            "The bytes say where the photo was taken, and its row does not.",
            "Send them without.",
        ),
        "unsupported_media": Kind(422, "The bytes are not a JPEG, PNG, WebP or HEIC photo of at most 50 megapixels."),
        "upgrade_required": Kind(426, "This app is too old or too new for the server; load the new one."),
        "slow_down": Kind(429, "Too many attempts; wait a little.", retry_after_s=1),
        "checksum_mismatch": Kind(460, "The bytes were damaged on the way; send them again."),
        "internal_error": Kind(500, "The server made a mistake. It has been written down under the request's id."),
        "unavailable": Kind(503, "The server cannot store anything right now; nothing was taken in.", retry_after_s=5),
        "storage_unavailable": Kind(503, "Photos cannot be stored right now; everything else works.", retry_after_s=10),
        "not_built": Kind(503, "The app has not been built on this server.", "Run scripts/build.", retry_after_s=30),
    }
)
"""`error` → how it is answered. `error` is for programs and stable, `reason` for people."""

BY_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {400: "invalid_request", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
)
"""What Starlette's own refusals are called here."""


class Refused(Exception):
    """The request is answered with `error`, a key of `KINDS`; `extra` are further keys of the answer."""

    def __init__(
        self,
        error: str,
        reason: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        retry_after_s: int | None = None,
        **extra: Any,
    ) -> None:
        self.error = error
        self.kind = KINDS[error]
        self.reason = reason or self.kind.reason
        wait = self.kind.retry_after_s if retry_after_s is None else retry_after_s
        self.headers = {**(headers or {}), **({"retry-after": str(wait)} if wait else {})}
        self.extra = extra
        super().__init__(self.reason)

    def as_document(self, request_id: str) -> dict[str, Any]:
        """The answer's body."""
        hint = {"hint": self.kind.hint} if self.kind.hint else {}
        return {"error": self.error, "reason": self.reason, "request_id": request_id, **hint, **self.extra}
