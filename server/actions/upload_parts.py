"""Bytes on their way into an upload: cut into parts, each durable before it counts."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from server.errors import Refused
from server.external.objects import StorageUnavailable, parts_prefix
from server.store import uploads
from server.store.uploads import Part

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable

    from server.external.objects import Objects
    from server.store.punchlist import PunchlistStore
    from server.store.uploads import Upload

PART_BYTES: Final = 262_144
"""Bytes that become durable together; about what is sent again after a cut."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one PATCH must add up to; `algorithm` as `hashlib` has it."""

    algorithm: str
    digest: bytes


async def in_parts(body: AsyncIterable[bytes], part_bytes: int = PART_BYTES) -> AsyncIterator[bytes]:
    """The body in parts of `part_bytes`, the last one shorter.

    Where the body breaks off, what had arrived comes first and then the break: nothing is sent twice needlessly.
    """
    gathered = bytearray()
    try:
        async for chunk in body:
            gathered += chunk
            while len(gathered) >= part_bytes:
                yield bytes(gathered[:part_bytes])
                del gathered[:part_bytes]
    except Exception:
        if gathered:
            yield bytes(gathered)
        raise
    if gathered:
        yield bytes(gathered)


class PartWriter:
    """Takes the bytes of one PATCH into one upload, from `upload.offset_bytes` on."""

    def __init__(self, store: PunchlistStore, objects: Objects, upload: Upload, expires_at: int) -> None:
        self._store = store
        self._objects = objects
        self._upload = upload
        self._expires_at = expires_at
        self._counted = upload.offset_bytes

    async def take(self, body: AsyncIterable[bytes]) -> int:
        """Take the body in, each part counting as soon as it is durable; returns where the upload stands then."""
        async for data in in_parts(body):
            await self._count([await self._keep(self._counted, data)])
        return self._counted

    async def take_checked(self, body: AsyncIterable[bytes], checksum: Checksum) -> int:
        """Take the body in whole, or nothing of it: its bytes count once they add up to the checksum."""
        digest, parts, at = hashlib.new(checksum.algorithm), list[Part](), self._counted
        try:
            async for data in in_parts(body):
                digest.update(data)
                parts.append(await self._keep(at, data))
                at += len(data)
            if digest.digest() != checksum.digest:
                raise Refused("checksum_mismatch", headers={"upload-offset": str(self._counted)})
        except BaseException:
            await discard(self._objects, [part.object_key for part in parts])
            raise
        await self._count(parts)
        return self._counted

    async def _keep(self, at: int, data: bytes) -> Part:
        """Make bytes durable; they do not count yet."""
        if at + len(data) > self._upload.size_bytes:
            raise Refused("body_too_large", "The upload has fewer bytes than that.", max_bytes=self._upload.size_bytes)
        key = f"{parts_prefix(self._upload.id)}{at:012d}-{secrets.token_hex(8)}"
        await self._objects.put(key, data)
        return Part(at, len(data), key)

    async def _count(self, parts: list[Part]) -> None:
        """Let durable parts count, unless somebody else's came first. An error leaves them: they may count."""
        move = partial(
            uploads.advance, upload_id=self._upload.id, start=self._counted, parts=parts, expires_at=self._expires_at
        )
        if not await self._store.write_alone(move):
            await discard(self._objects, [part.object_key for part in parts])
            raise await self._overtaken()
        self._counted += sum(part.size_bytes for part in parts)

    async def _overtaken(self) -> Refused:
        present = await self._store.read_alone(partial(uploads.find, upload_id=self._upload.id))
        return Refused("upload_gone") if present is None else offset_mismatch(present)


def offset_mismatch(upload: Upload) -> Refused:
    """What a PATCH at the wrong place is told: where the upload stands."""
    return Refused("offset_mismatch", headers={"upload-offset": str(upload.offset_bytes)})


async def discard(objects: Objects, keys: Iterable[str]) -> None:
    """Remove objects nobody needs any more; what the store keeps because it is away, a sweep removes."""
    with suppress(StorageUnavailable):
        for key in keys:
            await objects.delete(key)


async def discard_all(objects: Objects, upload_id: str) -> None:
    """Remove every part of an upload, counted or not."""
    with suppress(StorageUnavailable):
        async for key, _ in objects.list(parts_prefix(upload_id)):
            await objects.delete(key)
