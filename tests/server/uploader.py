"""A phone that speaks plain HTTP to a server process: announces photos, begins, sends, asks."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from server.clock import clock_ms
from tests.server import dying_server
from tests.server.photographer import OFFSETS, TUS, metadata
from tests.server.place import Pen
from tests.server.process import SERVER, Process
from tests.sync.site import ANA

DYING = str(Path(dying_server.__file__))


@contextmanager
def serving(data: Path, *, dies: str = "", port: int = 0, **settings: object) -> Iterator[Process]:
    running = Process(data, (DYING, dies) if dies else SERVER, port, **settings)
    try:
        yield running
    finally:
        running.end(signal.SIGKILL)


@dataclass
class Sender:
    """Ana's phone, by plain HTTP, with one photo on its way."""

    client: httpx2.Client
    photo_id: str
    address: str = ""

    def begin(self, size: int) -> None:
        headers = {**TUS, "upload-length": str(size), "upload-metadata": metadata(self.photo_id)}
        answer = self.client.post("/uploads", headers=headers)
        assert answer.status_code == 201, answer.text
        self.address = answer.headers["location"]

    def offset(self) -> int:
        answer = self.client.head(self.address, headers=TUS)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["upload-offset"])

    def patch(self, offset: int, body: bytes | Iterator[bytes], **more: str) -> httpx2.Response:
        headers = {**OFFSETS, "upload-offset": str(offset), **{k.replace("_", "-"): v for k, v in more.items()}}
        return self.client.patch(self.address, content=body, headers=headers)

    def raw_head(self, process: Process, offset: int, length: int) -> str:
        lines = (
            f"PATCH {self.address} HTTP/1.1",
            f"Host: localhost:{process.port}",
            "Sec-Fetch-Site: same-origin",
            f"Cookie: session={self.client.cookies['session']}",
            *(f"{name}: {value}" for name, value in OFFSETS.items()),
            f"Upload-Offset: {offset}",
            f"Content-Length: {length}",
        )
        return "\n".join(lines)

    def is_stored(self) -> bool:
        return doc_of(self.client, self.photo_id)["state"] == "stored"


def announce(client: httpx2.Client, *bodies: tuple[str, int]) -> list[Sender]:
    """Send an item and a row for each photo, given as hash and size."""
    pen = Pen(ANA, int(clock_ms() % 1_000_000_000), clock_ms())
    creation = pen.creation()
    item_id = creation["args"]["id"]
    senders, mutations = [], [creation]
    for digest, size in bodies:
        args = {"id": pen.id(13), "item_id": item_id, "kind": "before", "media_type": "image/jpeg"}
        mutations.append(pen.mutation("photo.add", {**args, "sha256": digest, "size_bytes": size}, base=1))
        senders.append(Sender(client, str(args["id"])))
    answer = client.post("/sync", json=pen.request(*mutations))
    assert {receipt["outcome"] for receipt in answer.json()["receipts"]} == {"applied"}, answer.text
    return senders


def doc_of(client: httpx2.Client, photo_id: str) -> dict[str, str]:
    answer = client.post("/sync", json=Pen(ANA, 999_999, clock_ms()).request()).json()
    docs = (row["doc"] for scope in answer["scopes"] for row in scope["rows"] if row["entity"] == "photos")
    return next(doc for doc in docs if doc["id"] == photo_id)


def awaited(condition: object, seconds: float = 15) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
