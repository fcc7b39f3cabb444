"""What a device says, after it was checked: the request of `POST /sync` as plain frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mutation:
    """One intent. `args` is checked by its planner only, so that a bad one costs only itself (19)."""

    id: str
    client: str
    n: int
    name: str
    args: dict[str, Any]
    base: int | None
    """Version of the row the edit was made on; `None` where it had none."""
    schema: int
    made_at: int
    """The device's clock, ms since 1970 UTC; decides nothing but late work (6, 12)."""


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What the phone says about itself, for the office's list of phones."""

    app_version: str
    pending: int
    oldest_unsent_at: int | None


@dataclass(frozen=True, slots=True)
class Request:
    """One `POST /sync`. `mutations` are contiguous in `n`; `cookie` is still the opaque text."""

    protocol: int
    schema: int
    client: str
    user: str
    sent_at: int
    cookie: str | None
    mutations: tuple[Mutation, ...]
    device: DeviceReport | None
    limit: int
