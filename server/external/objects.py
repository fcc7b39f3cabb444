"""The object store's port: bytes under keys, written once, never changed, gone only when they are deleted.

    StorageUnavailable     the store cannot work now: full, read-only, away; the same again may succeed
    └── ObjectMissing      the store works, but what should be under the key is not there
    ObjectExists           the key is taken, and what is there stays

Keys: `parts/{upload_id}/{offset:012d}-{random}`, `originals/{sha[:2]}/{sha}`, `thumbs/{sha[:2]}/{sha}`,
`previews/{sha}/{name}.jpg`; the SHA-256 is that of the bytes (of a preview: of what it was made from), in hex.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

CHUNK_BYTES: Final = 262_144
"""Bytes read at once."""


class StorageUnavailable(Exception):
    """The store cannot work now; the text says why, to whoever runs the server."""


class ObjectMissing(StorageUnavailable):
    """What a row says is stored is not under its key."""


class ObjectExists(Exception):
    """Something is under the key already, and stays as it is."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object without reading it; `modified_at` in ms since 1970 UTC."""

    size_bytes: int
    modified_at: int


class Objects(Protocol):
    """Where bytes live. Every method may raise `StorageUnavailable`."""

    async def put(self, key: str, chunks: AsyncIterable[bytes] | bytes, *, if_absent: bool = False) -> int:
        """Store the bytes whole or not at all; returns how many, once they would survive a power cut.

        Nobody sees a part of them, and when `chunks` raises nothing is stored. Where the key is taken, what is there
        stays: `if_absent` says that this is fine (its size is returned), else `ObjectExists` is raised.
        """
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`. Raises `ObjectMissing`."""
        ...

    async def stat(self, key: str) -> ObjectInfo | None:
        """What is under the key; None: nothing."""
        ...

    async def delete(self, key: str) -> None:
        """Remove what is under the key; nothing there is fine."""
        ...

    def list(self, prefix: str) -> AsyncIterator[tuple[str, ObjectInfo]]:
        """Every key below the folder `prefix`, which ends in "/"."""
        ...

    async def check(self) -> None:
        """Write, make durable and remove a few bytes: returns when an upload would be taken now."""
        ...


def final_key(file: str, sha256: str) -> str:
    """Where the bytes of a photo's `picture` or `thumb` are kept, as its phone sent them."""
    return f"{'originals' if file == 'picture' else 'thumbs'}/{sha256[:2]}/{sha256}"


def preview_key(source_sha256: str, name: str) -> str:
    """Where the preview `thumb` or `view` of those bytes is kept."""
    return f"previews/{source_sha256}/{name}.jpg"


def parts_prefix(upload_id: str) -> str:
    """Below what the parts of an upload are kept."""
    return f"parts/{upload_id}/"
