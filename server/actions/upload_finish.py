"""The end of an upload: its parts become the one final object, and only then the photo is told (invariant 5).

    every byte durable ─▶ a photo by its content? ─▶ hashed while it is copied ─▶ final object ─▶ photo ─▶ parts removed
                               │ no: 422                  │ other bytes, or a position that the row does not have: 422
                               └──────────────────────────┴──────────────▶ upload and parts removed

Each step may be the last before a crash: whoever looks at the upload next, or the sweep, begins again from its parts.
"""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial
from typing import TYPE_CHECKING

from server.actions.upload_parts import discard_all
from server.errors import Refused
from server.external.objects import ObjectMissing, StorageUnavailable, final_key
from server.imaging.headers import HEADER_BYTES, Unsupported, inspect
from server.imaging.positions import PositionSearch
from server.store import uploads
from sync.changes import Key
from sync.uploads import expected, note_thumb, store_photo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from server.external.objects import Objects
    from server.store.punchlist import PunchlistStore
    from server.store.uploads import Part, Upload
    from sync.uploads import Expected


class HashMismatch(Exception):
    """The bytes are others than the photo's row announced."""


class PositionUntold(Exception):
    """The bytes say where the photo was taken, and its row does not: nobody agreed to tell it."""


class Finishing:
    """Finishes whole uploads, each once at a time. `ring` is called when the photo was told."""

    def __init__(
        self, store: PunchlistStore, objects: Objects, ring: Callable[[], None], clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._objects = objects
        self._ring = ring
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}

    async def finish(self, upload_id: str) -> None:
        """Return when the upload is done. Raises `Refused` where it never will be, and then it is gone.

        Goes on when the asker goes away; who asks in the meantime waits for the same end.
        """
        task = self._running.get(upload_id)
        if task is None:
            task = self._running[upload_id] = asyncio.create_task(self._finish(upload_id), name="finish upload")
            task.add_done_callback(partial(self._ended, upload_id))
        await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for what was begun."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _ended(self, upload_id: str, task: asyncio.Task[None]) -> None:
        del self._running[upload_id]
        if not task.cancelled():
            task.exception()  # Seen: nobody may be left to hear it, and the upload can be finished again.

    async def _finish(self, upload_id: str) -> None:
        upload = await self._store.read_alone(partial(uploads.find, upload_id=upload_id))
        if upload is None:
            raise Refused("upload_gone")
        if upload.state == "done":
            return
        try:
            await self._keep(upload)
        except Refused:
            await self._store.write_alone(partial(uploads.remove, upload_ids=[upload_id]))
            await discard_all(self._objects, upload_id)
            raise
        await self._store.write_alone(partial(uploads.mark_done, upload_id=upload_id))
        await discard_all(self._objects, upload_id)
        self._ring()

    async def _keep(self, upload: Upload) -> None:
        """Copy the parts to their final object and tell the photo. Raises `Refused` for what cannot be kept."""
        wanted = await self._expected(upload)
        parts = await self._store.read_alone(partial(uploads.parts_of, upload_id=upload.id))
        try:
            inspect(await self._head(parts))
            await self._copy(parts, final_key(upload.file, wanted.sha256), wanted)
        except Unsupported as unsupported:
            raise Refused("unsupported_media", unsupported.reason) from None
        except HashMismatch:
            raise Refused("hash_mismatch") from None
        except PositionUntold:
            raise Refused("position_untold") from None
        except ObjectMissing:  # Lost for good, while the store works: the phone has the bytes and sends them anew.
            raise Refused("upload_gone") from None
        if not await self._tell(upload, wanted):
            raise Refused("not_found")

    async def _expected(self, upload: Upload) -> Expected:
        snapshot = await self._store.snapshot()
        try:
            key = Key("row", ("photos", upload.photo_id))
            photo = (await snapshot.load([key]))[key]
        finally:
            await snapshot.close()
        wanted = None if photo is None else expected(photo.doc, upload.file)
        if wanted is None:
            raise Refused("not_found")
        return wanted

    async def _head(self, parts: Sequence[Part]) -> bytes:
        """As many first bytes as it takes to say what a file is."""
        head = bytearray()
        for part in parts:
            if len(head) >= HEADER_BYTES:
                break
            async for chunk in self._objects.read(part.object_key):
                head += chunk
        return bytes(head[:HEADER_BYTES])

    async def _copy(self, parts: Sequence[Part], key: str, wanted: Expected) -> None:
        """Make the final object out of bytes hashed on the way; one that is there already is read and must be the same.

        That somebody else sent these bytes before spares nobody from sending them: possession is proven by bytes.
        """
        was_there = await self._objects.stat(key) is not None
        sent = self._hashed([part.object_key for part in parts], wanted.sha256)
        await self._objects.put(key, sent if wanted.has_position else _untelling(sent), if_absent=True)
        if was_there:
            try:
                async for _ in self._hashed([key], wanted.sha256):
                    pass
            except HashMismatch:
                raise StorageUnavailable(f"{key} is damaged: restore it from a backup, or remove it") from None

    async def _hashed(self, keys: Sequence[str], sha256: str) -> AsyncIterator[bytes]:
        """The objects' bytes, one after another; raises `HashMismatch` behind the last unless they are those."""
        digest = hashlib.sha256()
        for key in keys:
            async for chunk in self._objects.read(key):
                digest.update(chunk)
                yield chunk
        if digest.hexdigest() != sha256:
            raise HashMismatch

    async def _tell(self, upload: Upload, wanted: Expected) -> bool:
        if upload.file == "picture":
            return await store_photo(self._store, upload.photo_id, wanted.sha256, self._clock())
        return await note_thumb(self._store, upload.photo_id)


async def _untelling(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks; raises `PositionUntold` behind the last one if they say where the photo was taken."""
    search = PositionSearch()
    async for chunk in chunks:
        search.feed(chunk)
        yield chunk
    if search.end():
        raise PositionUntold
