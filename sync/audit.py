"""The audit chain: each entry carries the hash of the one before, so a changed, removed or moved entry shows.

Nothing here reads or writes; the caller brings entries in order and keeps what it is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from sync.canonical import canonical, sha256
from sync.changes import Document

GENESIS: Final = ""
"""What stands for the hash before the first entry."""


class Entry(NamedTuple):
    """One act. `source_key` is its identity, `at` in ms since 1970 UTC, `cause` what led to it."""

    source_key: str
    at: int
    actor_id: str | None
    kind: str
    cause: str | None
    payload: Document


class Link(NamedTuple):
    """A sealed entry; positions count from 1, hashes are SHA-256 in hex."""

    position: int
    entry: Entry
    previous_hash: str
    hash: str


def hash_of(position: int, entry: Entry, previous_hash: str) -> str:
    """The hash that seals an entry at its position behind its predecessor."""
    return sha256(canonical([position, previous_hash, *entry]))


def seal(entries: Iterable[Entry], position: int = 0, previous_hash: str = GENESIS) -> list[Link]:
    """Chain entries behind the link at `position` with hash `previous_hash`."""
    links: list[Link] = []
    for entry in entries:
        position += 1
        link = Link(position, entry, previous_hash, hash_of(position, entry, previous_hash))
        links.append(link)
        previous_hash = link.hash
    return links


def first_bad(links: Iterable[Link], position: int = 0, previous_hash: str = GENESIS) -> int | None:
    """The first position that does not follow from its predecessor; `None` where all do.

    A cut-off tail does not show in the chain itself: compare its length with what was promised elsewhere.
    """
    for link in links:
        position += 1
        is_next = link.position == position and link.previous_hash == previous_hash
        if not is_next or link.hash != hash_of(position, link.entry, previous_hash):
            return position
        previous_hash = link.hash
    return None
