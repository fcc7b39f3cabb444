"""Errors of a whole request; what becomes of a single mutation is a receipt, never one of these.

    RequestError
    ├── InvalidJson          invalid_json         the body is not the JSON we take
    ├── InvalidRequest       invalid_request      the JSON is not a request
    ├── UnstorableValue      unstorable_value     a value no database, browser or backup holds (20)
    ├── TooManyMutations     too_many_mutations
    ├── BodyTooLarge         body_too_large
    ├── ActorMismatch        actor_mismatch       another user's entries, or another user's client (21)
    ├── ClientRevoked        client_revoked
    ├── Gap                  gap                  numbers are missing; extra: `next_n` (16)
    ├── Fork                 fork                 two phones share a client id (17)
    └── UpgradeRequired      upgrade_required     the words of another version (22)

The docstring of each class is its default `reason`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class RequestError(Exception):
    """The request was refused."""

    error: ClassVar[str] = "invalid_request"

    def __init__(self, reason: str = "", **extra: Any) -> None:
        self.reason = reason or (type(self).__doc__ or "").strip()
        self.extra: Mapping[str, Any] = extra
        super().__init__(self.reason)


class InvalidJson(RequestError):
    """The body is not JSON as this protocol takes it."""

    error = "invalid_json"


class InvalidRequest(RequestError):
    """The body is not a sync request."""

    error = "invalid_request"


class UnstorableValue(RequestError):
    """The body holds a value that cannot be stored and given back unchanged."""

    error = "unstorable_value"


class TooManyMutations(RequestError):
    """The push carries more mutations than one request may."""

    error = "too_many_mutations"


class BodyTooLarge(RequestError):
    """The body has more bytes than one request may."""

    error = "body_too_large"


class ActorMismatch(RequestError):
    """These entries belong to another user than the one signed in."""

    error = "actor_mismatch"


class ClientRevoked(RequestError):
    """This device may not sync any more."""

    error = "client_revoked"


class Gap(RequestError):
    """Earlier mutations of this device have not arrived."""

    error = "gap"

    def __init__(self, next_n: int) -> None:
        super().__init__("", next_n=next_n)


class Fork(RequestError):
    """Another phone has used these numbers; take a new client id."""

    error = "fork"


class UpgradeRequired(RequestError):
    """This app is too old or too new for the server; everything is kept, load the new app."""

    error = "upgrade_required"
