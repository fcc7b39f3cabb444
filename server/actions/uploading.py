"""Photos' files on their way from phones: begun, continued after any cut, ended (docs/PROTOCOL.md, "Photos")."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from server.actions.upload_finish import Finishing
from server.actions.upload_parts import PartWriter, discard_all, offset_mismatch
from server.clock import clock_ms
from server.errors import Refused
from server.external.objects import StorageUnavailable
from server.ids import new_id
from server.store import uploads
from server.store.uploads import Upload
from sync.changes import Key
from sync.uploads import expected, is_stored, may_upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from server.actions.upload_parts import Checksum
    from server.external.objects import Objects
    from server.store.punchlist import PunchlistStore
    from sync.changes import Row

MOST_OPEN: Final = 20
"""Uploads a user may have open at the same time."""

MOST_PARTS: Final = 4_096
"""Parts of one upload, however small the pieces it came in; sixteen times what the largest photo needs."""

IDLE_MS: Final = 60_000
"""After how long without bytes an upload may lose its place to a new one of the same user: phones forget some."""

KEPT_MS: Final = 86_400_000
"""How long an upload waits for its next bytes."""

_log = logging.getLogger(__name__)


class Uploading:
    """The uploads of one server. `ring` is called when a photo was told that its bytes are here."""

    def __init__(
        self,
        store: PunchlistStore,
        objects: Objects,
        ring: Callable[[], None],
        clock: Callable[[], int] = clock_ms,
    ) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._finishing = Finishing(store, objects, ring, clock)

    async def create(self, user_id: str, photo_id: str, file: str, size_bytes: int) -> Upload:
        """Begin to take a file of a photo; an older beginning of the same file is given up for it, or an idle one."""
        photo = await self._photo_for(user_id, photo_id, file)
        wanted = expected(photo.doc, file)
        if wanted is None or wanted.size_bytes != size_bytes:
            raise Refused("size_mismatch")
        if await self._is_stored(photo, file):
            raise Refused("already_stored")
        now = self._clock()
        upload = Upload(new_id(), photo_id, file, user_id, size_bytes, 0, now, now + KEPT_MS, "open")
        create = partial(uploads.create, upload=upload, most=MOST_OPEN, idle_before=now - IDLE_MS)
        replaced = await self._store.write_alone(create)
        if replaced is None:
            raise Refused("slow_down", f"At most {MOST_OPEN} uploads may be open at once.", retry_after_s=30)
        for upload_id in replaced:
            await discard_all(self._objects, upload_id)
        return upload

    async def look(self, user_id: str, upload_id: str) -> Upload:
        """How far the upload is; one that lacks nothing but its end is finished first."""
        upload = await self._own(user_id, upload_id)
        if upload.is_whole:
            await self._finishing.finish(upload.id)
        return upload

    async def receive(
        self, user_id: str, upload_id: str, offset: int, body: AsyncIterable[bytes], checksum: Checksum | None
    ) -> Upload:
        """Take in the body from byte `offset` on; returns how far the upload is. The last byte finishes it."""
        upload = await self._own(user_id, upload_id)
        if offset != upload.offset_bytes:
            raise offset_mismatch(upload)
        if await self._store.read_alone(partial(uploads.count_parts, upload_id=upload_id)) >= MOST_PARTS:
            await self._remove(upload_id)
            raise Refused("upload_gone")
        writer = PartWriter(self._store, self._objects, upload, self._clock() + KEPT_MS)
        await (writer.take(body) if checksum is None else writer.take_checked(body, checksum))
        return await self.look(user_id, upload_id)

    async def end(self, user_id: str, upload_id: str) -> None:
        """Give the upload up; what has arrived whole stays arrived."""
        await self._own(user_id, upload_id)
        await self._remove(upload_id)

    async def sweep(self) -> None:
        """Finish what a crash left whole, and forget what nobody went on with, objects without a row, too."""
        for upload in await self._store.read_alone(uploads.whole):
            try:
                await self._finishing.finish(upload.id)
            except (Refused, StorageUnavailable) as error:  # one that cannot be finished keeps no other from it
                _log.warning("upload %s cannot be finished: %s", upload.id, error)
        for upload_id in await self._store.read_alone(partial(uploads.expired, now=self._clock())):
            await self._remove(upload_id)
        await self._sweep_objects()

    async def close(self) -> None:
        """Wait for uploads that are just being finished."""
        await self._finishing.close()

    async def _sweep_objects(self) -> None:
        # Listed first: an upload that begins in between is not on the list.
        listed = [key async for key, _ in self._objects.list("parts/")]
        known = await self._store.read_alone(uploads.known)
        for key in listed:
            if key.split("/")[1] not in known:
                await self._objects.delete(key)

    async def _photo_for(self, user_id: str, photo_id: str, file: str) -> Row:
        """The photo. Whoever may not bring its bytes hears what is heard of a photo that does not exist."""
        snapshot = await self._store.snapshot()
        try:
            actor_key, photo_key = Key("actor", (user_id,)), Key("row", ("photos", photo_id))
            found = await snapshot.load([actor_key, photo_key])
        finally:
            await snapshot.close()
        photo: Row | None = found[photo_key]
        if photo is None or not may_upload(found[actor_key], photo, file):
            raise Refused("not_found")
        return photo

    async def _is_stored(self, photo: Row, file: str) -> bool:
        if file == "picture":
            return is_stored(photo)
        return await self._store.read_alone(partial(uploads.is_done, photo_id=photo.id, file=file))

    async def _own(self, user_id: str, upload_id: str) -> Upload:
        """The user's upload; another's answers as one that does not exist."""
        upload = await self._store.read_alone(partial(uploads.find, upload_id=upload_id))
        if upload is None or upload.user_id != user_id:
            raise Refused("not_found")
        if upload.expires_at <= self._clock() and not upload.is_whole:
            raise Refused("upload_gone")
        return upload

    async def _remove(self, upload_id: str) -> None:
        await self._store.write_alone(partial(uploads.remove, upload_ids=[upload_id]))
        await discard_all(self._objects, upload_id)
