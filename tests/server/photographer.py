"""Somebody with a phone who takes photos and sends them by tus, header by header."""

from __future__ import annotations

import base64
import hashlib
import io
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx2
from PIL import Image

from tests.server.conftest import Phone, Place
from tests.sync.site import ANA

TUS = {"tus-resumable": "1.0.0"}
OFFSETS = {**TUS, "content-type": "application/offset+octet-stream"}
PART = 262_144


def jpeg(size_bytes: int, seed: int = 1) -> bytes:
    """A true JPEG with as many bytes behind it as it takes."""
    written = io.BytesIO()
    Image.new("RGB", (64, 48), (seed % 256, 80, 120)).save(written, "JPEG")
    head = written.getvalue()
    return head + Random(seed).randbytes(size_bytes - len(head))


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def metadata(photo_id: str, file: str = "picture") -> str:
    return f"photo_id {encoded(photo_id.encode())},file {encoded(file.encode())}"


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def checksum(body: bytes, algorithm: str = "sha256") -> dict[str, str]:
    return {"upload-checksum": f"{algorithm} {encoded(hashlib.new(algorithm, body).digest())}"}


@dataclass
class Photographer:
    """A signed-in phone with an item of its own to hang photos on."""

    phone: Phone
    item_id: str

    @property
    def http(self) -> httpx2.AsyncClient:
        return self.phone.http

    async def add(self, body: bytes, thumb: bytes | None = None, **more: Any) -> str:
        """Send the row of a photo with these bytes; returns its id."""
        photo_id = self.phone.pen.id(13)
        args = {
            "id": photo_id,
            "item_id": self.item_id,
            "kind": "before",
            "media_type": "image/jpeg",
            "sha256": sha256(body),
            "size_bytes": len(body),
            **({} if thumb is None else {"thumb_sha256": sha256(thumb), "thumb_bytes": len(thumb)}),
            **more,
        }
        (receipt,) = (await self.phone.sync(self.phone.pen.mutation("photo.add", args, base=1)))["receipts"]
        assert receipt["outcome"] == "applied", receipt
        return photo_id

    async def remove(self, photo_id: str) -> None:
        args = {"id": photo_id, "item_id": self.item_id}
        (receipt,) = (await self.phone.sync(self.phone.pen.mutation("photo.remove", args, base=100)))["receipts"]
        assert receipt["outcome"] == "applied", receipt

    async def create(self, photo_id: str, size: int | str, file: str = "picture", **headers: str) -> httpx2.Response:
        wanted = {**TUS, "upload-length": str(size), "upload-metadata": metadata(photo_id, file), **dashed(headers)}
        return await self.http.post("/uploads", headers={name: value for name, value in wanted.items() if value})

    async def begin(self, photo_id: str, size: int, file: str = "picture") -> str:
        """Begin an upload that must be taken; returns its address."""
        answer = await self.create(photo_id, size, file)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    async def patch(
        self, address: str, offset: int | str, body: bytes | AsyncIterator[bytes], **headers: str
    ) -> httpx2.Response:
        wanted = {**OFFSETS, "upload-offset": str(offset), **dashed(headers)}
        return await self.http.patch(
            address, content=body, headers={name: value for name, value in wanted.items() if value}
        )

    async def head(self, address: str) -> httpx2.Response:
        return await self.http.head(address, headers=TUS)

    async def end(self, address: str) -> httpx2.Response:
        return await self.http.delete(address, headers=TUS)

    async def send(self, photo_id: str, body: bytes, file: str = "picture") -> httpx2.Response:
        """Send a whole file; returns the last answer."""
        return await self.patch(await self.begin(photo_id, len(body), file), 0, body)

    async def doc(self, photo_id: str) -> dict[str, Any]:
        """The photo's row, as anybody who pulls everything gets it."""
        self.phone.cookie = None
        rows = await self.phone.sync_all()
        return next(doc for entity, doc in rows if entity == "photos" and doc["id"] == photo_id)


def dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def photographer(place: Place, user_id: str = ANA, item_id: str = "") -> Photographer:
    """Sign in and, unless an item is given, make one."""
    phone = await place.phone(user_id)
    if not item_id:
        creation = phone.pen.creation()
        await phone.sync(creation)
        item_id = creation["args"]["id"]
    return Photographer(phone, item_id)


def objects(place: Place, folder: str = "") -> dict[str, bytes]:
    """What the object store holds, by key."""
    root = place.settings.objects_path
    found = sorted(path for path in (root / folder).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def rows(place: Place, sql: str) -> list[Any]:
    """Read the punch list beside the server."""
    with closing(sqlite3.connect(place.settings.punchlist_path)) as plain:
        return plain.execute(sql).fetchall()


def original(root: Path, digest: str) -> bytes:
    return root.joinpath("originals", digest[:2], digest).read_bytes()


Damage = Callable[[Path], Callable[[], None]]
"""Takes a folder away in some way; what it returns brings it back."""
