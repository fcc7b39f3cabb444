"""Which bytes a user may see of a photo, judged anew for every request (invariant 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from server.clock import clock_ms
from server.external.objects import ObjectMissing, final_key, preview_key
from server.store.photo_places import place_of
from sync.changes import Key
from sync.rules import roles_in
from sync.uploads import is_stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from server.external.objects import Objects
    from server.store.punchlist import PunchlistStore, Snapshot
    from sync.changes import Document, Row
    from sync.rules import Actor

MAGIC: Final[Mapping[str, tuple[int, bytes]]] = {
    "image/jpeg": (0, b"\xff\xd8\xff"),
    "image/png": (0, b"\x89PNG\r\n\x1a\n"),
    "image/webp": (8, b"WEBP"),
    "image/heic": (4, b"ftyp"),
}
"""Media type → where its sign stands. Only these were let in, by their whole header; here the sign tells them apart."""

_ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/heic": "heic"}
_STRANGE: Final = re.compile(r"[^\w-]+")


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A stored file of a photo: its bytes never change under one `etag`."""

    key: str
    etag: str
    title: str
    """Name for people, without an ending: letters, digits, `-` and `_` alone."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is sent along with the bytes."""

    size_bytes: int
    media_type: str
    file_name: str


class PhotoFiles:
    """The files of one server's photos."""

    def __init__(self, store: PunchlistStore, objects: Objects, clock: Callable[[], int] = clock_ms) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock

    async def find(self, user_id: str, photo_id: str, name: str) -> PhotoFile | None:
        """`thumb`, `view` or `original` of a photo; None: there is none for this user, for whatever reason."""
        snapshot = await self._store.snapshot()
        try:
            return await self._find(snapshot, user_id, photo_id, name)
        finally:
            await snapshot.close()

    async def content(self, file: PhotoFile) -> Content:
        """How long the file is and what it is, by its own bytes. Raises `StorageUnavailable`."""
        info = await self._objects.stat(file.key)
        if info is None:
            raise ObjectMissing(f"{file.key} is missing")
        first = b"".join([chunk async for chunk in self._objects.read(file.key, 0, 16)])
        media_type = media_type_of(first)
        return Content(info.size_bytes, media_type, f"{file.title}.{_ENDINGS[media_type]}")

    def read(self, file: PhotoFile, start: int, end: int) -> AsyncIterator[bytes]:
        """The file's bytes from `start` up to, not including, `end`."""
        return self._objects.read(file.key, start, end)

    async def _find(self, snapshot: Snapshot, user_id: str, photo_id: str, name: str) -> PhotoFile | None:
        actor_key, photo_key = Key("actor", (user_id,)), Key("row", ("photos", photo_id))
        found = await snapshot.load([actor_key, photo_key])
        photo: Row | None = found[photo_key]
        if photo is None or photo.is_deleted:
            return None
        item_key = Key("row", ("punch_items", photo.item_id))
        item: Row | None = (await snapshot.load([item_key]))[item_key]
        held = held_as(photo, name)
        if item is None or held is None or not is_visible(found[actor_key], item, self._clock()):
            return None
        number = await snapshot.run(partial(place_of, item_id=photo.item_id, photo_id=photo_id))
        key, etag = held
        return PhotoFile(key, etag, title_of(item.doc, photo.doc, number))


def is_visible(actor: Actor | None, item: Row, now: int) -> bool:
    """Whether the user sees the item, and with it whatever hangs on it, at `now` (ms since 1970 UTC)."""
    if actor is None or item.is_deleted:
        return False
    return bool(roles_in(actor, item.doc["sector_id"], item.doc["company_id"], now))


def held_as(photo: Row, name: str) -> tuple[str, str] | None:
    """Key and ETag under which a file of the photo is stored; None where it is not, or not yet.

    What counts is what the photo's own row was told, not what the store happens to hold: bytes that somebody else sent
    are not shown to who merely named their hash.
    """
    doc = photo.doc
    match name, doc["preview"]:
        case "original", _ if is_stored(photo):
            return final_key("picture", doc["sha256"]), f'"{doc["sha256"]}"'
        case "thumb" | "view", "view":
            return preview_key(doc["sha256"], name), f'"{doc["sha256"]}-{name}"'
        case "thumb", "thumb":
            return preview_key(doc["thumb_sha256"], name), f'"{doc["thumb_sha256"]}-{name}"'
    return None


def title_of(item: Document, photo: Document, place: int) -> str:
    """What the file is called when it is saved, like `118-before-2`."""
    number = item["number"] or item["provisional_number"] or "photo"
    return _STRANGE.sub("_", f"{number}-{photo['kind']}-{place}")[:80]


def media_type_of(first: bytes) -> str:
    """The media type of a stored file from its first 16 bytes."""
    for media_type, (at, sign) in MAGIC.items():
        if first[at : at + len(sign)] == sign:
            return media_type
    raise ObjectMissing("a stored file is no photo any more: restore it from a backup")
