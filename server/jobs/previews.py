"""The actor that makes previews of a stored photo: have it decoded elsewhere, store the pictures, tell the row.

Done twice it changes nothing: previews lie under the hash of what they were made from, and the row only moves on (J7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dramatiq

from server.external.objects import ObjectMissing, StorageUnavailable, final_key, preview_key
from server.imaging.previews import make_previews as decode
from server.imaging.verdicts import Unreadable
from server.jobs.outcomes import Hopeless, Later
from sync.changes import Key, Unavailable
from sync.uploads import expected, note_preview

if TYPE_CHECKING:
    from server.external.objects import Objects
    from server.jobs.broker import RowBroker
    from server.jobs.crossing import Crossing
    from server.store.punchlist import PunchlistStore

QUEUE: Final = "uploads"

LIMIT_S: Final = 300.0
"""Seconds one photo may take in all; its decoder is limited more closely."""

PREVIEWS: Final = {"thumb": ("thumb",), "picture": ("thumb", "view")}
"""File of a photo → previews made from it. What the phone calls a thumb is never shown as it is."""


class Previewing:
    """Makes previews of one server's photos."""

    def __init__(self, store: PunchlistStore, objects: Objects) -> None:
        self._store = store
        self._objects = objects

    def register(self, broker: RowBroker, crossing: Crossing) -> None:
        """Declare the actor `make_previews` on the broker."""

        def make_previews(photo_id: str, file: str) -> str:
            return crossing.run(self.make(photo_id, file), LIMIT_S)

        dramatiq.actor(broker=broker, queue_name=QUEUE)(make_previews)

    async def make(self, photo_id: str, file: str) -> str:
        """Make the previews of a stored `picture` or `thumb`; returns what the row was told.

        Raises `Later` while the store or the database is away, `Hopeless` where there is no such file.
        """
        try:
            return await self._make(photo_id, file)
        except ObjectMissing:  # No outage: somebody has to look.
            raise
        except (StorageUnavailable, Unavailable) as error:
            raise Later(str(error)) from error

    async def _make(self, photo_id: str, file: str) -> str:
        sha256 = await self._sha256_of(photo_id, file)
        found = await self._stored(sha256, file)
        if found:
            await note_preview(self._store, photo_id, found)
        return found or "unreadable thumb"

    async def _sha256_of(self, photo_id: str, file: str) -> str:
        key = Key("row", ("photos", photo_id))
        snapshot = await self._store.snapshot()
        try:
            photo = (await snapshot.load([key]))[key]
        finally:
            await snapshot.close()
        wanted = None if photo is None else expected(photo.doc, file)
        if wanted is None:
            raise Hopeless(f"There is no {file} of a photo {photo_id}.")
        return wanted.sha256

    async def _stored(self, sha256: str, file: str) -> str:
        """See to it that the previews are stored; returns the word for the row, "" for none."""
        names = PREVIEWS[file]
        if not await self._are_there(sha256, names):
            try:
                made = await decode(self._objects.read(final_key(file, sha256)))
            except Unreadable:
                # Nothing is wrong with the photo because of its thumb: it speaks for itself.
                return "unreadable" if file == "picture" else ""
            for name in names:
                await self._objects.put(preview_key(sha256, name), getattr(made, name), if_absent=True)
        return names[-1]

    async def _are_there(self, sha256: str, names: tuple[str, ...]) -> bool:
        return all([await self._objects.stat(preview_key(sha256, name)) is not None for name in names])
