"""Uploads to a server that is a process of its own: killed at every step, cut off, dripped at, and flooded."""

from __future__ import annotations

import hashlib
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx2
import psutil
import pytest

from server.clock import clock_ms
from tests.server import dying_server
from tests.server.photographer import OFFSETS, PART, TUS, checksum, jpeg, metadata, original, sha256
from tests.server.place import Pen
from tests.server.process import SERVER, Process, spoken
from tests.sync.site import ANA

BODY = jpeg(1_500_000, 31)
DYING = str(Path(dying_server.__file__))


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@contextmanager
def serving(data: Path, *, dies: str = "", **settings: object) -> Iterator[Process]:
    running = Process(data, (DYING, dies) if dies else SERVER, **settings)
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


def send_rest(sender: Sender, body: bytes) -> None:
    while (offset := sender.offset()) < len(body):
        answer = sender.patch(offset, body[offset:])
        assert answer.status_code == 204, answer.text


def awaited(condition: object, seconds: float = 15) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


@pytest.mark.parametrize("step", dying_server.STEPS)
def test_a_server_killed_at_any_step_of_an_upload_loses_and_doubles_nothing(data: Path, step: str) -> None:
    """Invariants 1 and 5; `HEAD` and the next `PATCH` go on from what was acknowledged, or from what was durable."""
    body = BODY[: PART + 5_000]
    with serving(data) as calm, calm.phone() as client:
        (sender,) = announce(client, (sha256(body), len(body)))
        sender.begin(len(body))
        acknowledged = int(sender.patch(0, body[:1000]).headers["upload-offset"])
    with serving(data, dies=step) as dying, dying.phone() as client:
        sender.client = client
        with suppress(httpx2.TransportError):
            answer = sender.patch(acknowledged, body[acknowledged:])
            raise AssertionError(answer.status_code)
        assert dying.popen.wait(10) == -signal.SIGKILL
    with serving(data) as again, again.phone() as client:
        sender.client = client
        assert sender.offset() >= acknowledged
        send_rest(sender, body)
        assert sender.is_stored()
        assert original(data / "objects", sha256(body)) == body
        awaited(lambda: not list((data / "objects").rglob("parts/*/*")))


def test_a_crash_before_the_end_is_finished_by_the_next_start_alone(data: Path) -> None:
    body = BODY[:300_000]
    with serving(data) as calm, calm.phone() as client:
        (sender,) = announce(client, (sha256(body), len(body)))
        sender.begin(len(body))
    with serving(data, dies="the final object is there and the photo does not know") as dying, dying.phone() as client:
        sender.client = client
        with suppress(httpx2.TransportError):
            sender.patch(0, body)
        assert dying.popen.wait(10) == -signal.SIGKILL
    with serving(data) as again, again.phone() as client:
        sender.client = client
        awaited(sender.is_stored)


def test_random_kills_never_take_back_what_was_acknowledged(data: Path) -> None:
    chance, acknowledged, sender = Random(4), 0, None
    for round_ in range(8):
        with serving(data) as process, process.phone() as client:
            if sender is None:
                (sender,) = announce(client, (sha256(BODY), len(BODY)))
                sender.begin(len(BODY))
            sender.client = client
            assert sender.offset() >= acknowledged
            killer = threading.Timer(0.01 + chance.random() * 0.15, process.popen.kill)
            if round_ < 7:
                killer.start()
            with suppress(httpx2.TransportError):
                while (offset := sender.offset()) < len(BODY):
                    part = BODY[offset : offset + 100_000]
                    answer = sender.patch(offset, part, **checksum(part))
                    acknowledged = int(answer.headers["upload-offset"])
            killer.cancel()
            if round_ == 7:
                assert sender.is_stored()
    assert original(data / "objects", sha256(BODY)) == BODY


def test_a_photo_cut_three_times_costs_at_most_three_parts_more(data: Path) -> None:
    sent = 0
    with serving(data) as process, process.phone() as client:
        (sender,) = announce(client, (sha256(BODY), len(BODY)))
        sender.begin(len(BODY))
        for cut_after in (100_000, 500_000, 300_001):
            offset = sender.offset()
            with socket.create_connection(("127.0.0.1", process.port)) as link:
                link.sendall(sender.raw_head(process, offset, len(BODY) - offset).replace("\n", "\r\n").encode())
                link.sendall(b"\r\n\r\n" + BODY[offset : offset + cut_after])
            sent += cut_after
            awaited(lambda: sender.offset() > offset)  # noqa: B023 - waited for here
        while (offset := sender.offset()) < len(BODY):
            answer = sender.patch(offset, BODY[offset:])
            sent += len(BODY) - offset
            assert answer.status_code in (204, 409)
        assert sent <= len(BODY) + 3 * PART
        assert sender.is_stored()
    assert original(data / "objects", sha256(BODY)) == BODY


def test_a_body_that_drips_is_given_up_and_what_came_counts(data: Path) -> None:
    with serving(data) as process, process.phone() as client:
        (sender,) = announce(client, (sha256(BODY), len(BODY)))
        sender.begin(len(BODY))
        began = time.monotonic()
        head = sender.raw_head(process, 0, len(BODY))
        status, body = spoken(process, head, [BODY[:10_000], *(BODY[n : n + 1] for n in range(10_000, 10_020))], 0.1)
        assert (status, body["error"]) == (408, "too_slow")
        assert time.monotonic() - began < 5
        assert sender.offset() >= 10_000
        send_rest(sender, BODY)
        assert sender.is_stored()


def test_a_long_body_on_a_slow_line_has_its_time_anew_for_each_part(data: Path) -> None:
    """The whole takes longer than a body may; each part does not."""

    def slowly() -> Iterator[bytes]:
        for at in range(0, len(BODY), PART):
            yield BODY[at : at + PART]
            time.sleep(0.4)

    with serving(data) as process, process.phone() as client:
        (sender,) = announce(client, (sha256(BODY), len(BODY)))
        sender.begin(len(BODY))
        began = time.monotonic()
        answer = sender.patch(0, slowly(), content_length=str(len(BODY)))
        assert time.monotonic() - began > 2
        assert (answer.status_code, sender.is_stored()) == (204, True)


LARGE = 40_000_000


def test_twenty_large_uploads_at_once_leave_the_server_small(data: Path) -> None:
    block = Random(5).randbytes(1_000_000)

    def large(seed: int) -> Iterator[bytes]:
        yield jpeg(1_000_000, seed)
        for _ in range(LARGE // 1_000_000 - 1):
            yield block

    def send(sender: Sender, seed: int) -> int:
        with httpx2.Client(base_url=sender.client.base_url, headers=sender.client.headers, timeout=120) as client:
            client.cookies.update(sender.client.cookies)
            mine = Sender(client, sender.photo_id)
            mine.begin(LARGE)
            return mine.patch(0, large(seed), content_length=str(LARGE)).status_code

    with serving(data, body_timeout_s=60) as process, process.phone() as client:
        hashes = [hash_of(large(seed)) for seed in range(20)]
        senders = announce(client, *((digest, LARGE) for digest in hashes))
        peak, tree = 0, psutil.Process(process.popen.pid)
        with ThreadPoolExecutor(20) as pool:
            running = [pool.submit(send, sender, seed) for seed, sender in enumerate(senders)]
            while not all(each.done() for each in running):
                peak = max(peak, tree.memory_info().rss)
                time.sleep(0.05)
        assert {each.result() for each in running} == {204}
        assert peak < 200_000_000, f"{peak:,} bytes"


def hash_of(blocks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
