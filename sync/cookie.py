"""The cookie of a pull: where a device stands, sealed so that only the server can have written it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from sync.canonical import canonical


@dataclass(frozen=True, slots=True)
class Cookie:
    """What a cookie says: whose it is, the epoch it counts in, and per scope the number up to which rows were sent."""

    epoch: str
    user_id: str
    schema: int
    scopes: dict[str, int] = field(default_factory=dict)


def seal(cookie: Cookie, key: bytes) -> str:
    """The cookie as opaque text: its content and an HMAC-SHA-256 over it."""
    content = canonical([cookie.epoch, cookie.user_id, cookie.schema, cookie.scopes]).encode()
    return f"{_encode(content)}.{_encode(_mac(content, key))}"


def unseal(text: str, key: bytes) -> Cookie | None:
    """The content of a cookie this server sealed; `None` for anything else."""
    content, _, mac = text.partition(".")
    try:
        raw, seen = _decode(content), _decode(mac)
    except (binascii.Error, ValueError):
        return None
    if not hmac.compare_digest(seen, _mac(raw, key)):
        return None
    return _read(json.loads(raw))


def _read(value: Any) -> Cookie:
    epoch, user_id, schema, scopes = value
    return Cookie(epoch, user_id, schema, scopes)


def _mac(content: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"holdfast cookie 1\n" + content, hashlib.sha256).digest()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
