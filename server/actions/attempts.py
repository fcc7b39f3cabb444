"""Slows down guessing of passwords, per account and per network, without locking anybody out of a known device.

A device that this user signed in on before counts on its own: whoever guesses from elsewhere cannot stop it.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from server.store import core_accounts as sql

if TYPE_CHECKING:
    from server.store.core import Transaction

FREE_OF_ACCOUNT: Final = 5
FREE_OF_NETWORK: Final = 50
"""Failures without a wait; a whole site may share one address."""

LONGEST_WAIT_MS: Final = 15 * 60_000
REMEMBERED_MS: Final = 24 * 3_600_000
"""How long a failure counts."""


class SlowDown(Exception):
    """Too many attempts; `wait_ms` says when the next one is looked at."""

    def __init__(self, wait_ms: int) -> None:
        super().__init__("Too many attempts to sign in. Wait a little and try again.")
        self.wait_ms = wait_ms


@dataclass(frozen=True, slots=True)
class Bucket:
    """What failures are counted against; `name` is a SHA-256, because what was typed may be a password."""

    name: str
    free: int
    is_shared: bool


def buckets_of(login: str, network: str, known_device: str | None) -> list[Bucket]:
    """Where an attempt counts."""
    if known_device is not None:
        return [Bucket(_hash("device", known_device, login), FREE_OF_ACCOUNT, is_shared=False)]
    return [
        Bucket(_hash("account", login), FREE_OF_ACCOUNT, is_shared=False),
        Bucket(_hash("network", network_of(network)), FREE_OF_NETWORK, is_shared=True),
    ]


def reserve(plain: Transaction, buckets: list[Bucket], now: int) -> int:
    """Count a failure in advance and return 0, or count nothing and return the ms to wait."""
    wait_ms = sql.open_at(plain, [bucket.name for bucket in buckets]) - now
    if 0 < wait_ms <= LONGEST_WAIT_MS:  # a longer one was never given: the clock has been put back since
        return wait_ms
    for bucket in buckets:
        failures = sql.failures_of(plain, bucket.name, now - REMEMBERED_MS) + 1
        sql.count_failure(plain, bucket.name, failures, now, now + wait_after(failures - bucket.free))
    return 0


def forgive(plain: Transaction, buckets: list[Bucket], now: int) -> None:
    """Take back what `reserve` counted, after a right password; an account's earlier failures are forgotten as well."""
    for bucket in buckets:
        if bucket.is_shared:
            failures = sql.failures_of(plain, bucket.name, now - REMEMBERED_MS) - 1
            sql.count_failure(plain, bucket.name, max(0, failures), now, now)
    sql.forget_failures(plain, [bucket.name for bucket in buckets if not bucket.is_shared], now - REMEMBERED_MS)


def wait_after(failures_beyond: int) -> int:
    """Ms to wait after so many failures beyond the free ones: 1 s, 2 s, 4 s … 15 min."""
    return 0 if failures_beyond < 0 else min(1000 * 2 ** min(failures_beyond, 20), LONGEST_WAIT_MS)


def network_of(address: str) -> str:
    """The network an address belongs to: an IPv4 address itself, the /64 of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), 64), strict=False))
    return str(parsed)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "replace")).hexdigest()
