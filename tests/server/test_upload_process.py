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
from contextlib import suppress
from pathlib import Path
from random import Random

import httpx2
import psutil
import pytest

from tests.server import dying_server
from tests.server.photographer import PART, checksum, jpeg, original, sha256
from tests.server.process import spoken
from tests.server.uploader import Sender, announce, awaited, serving

BODY = jpeg(1_500_000, 31)


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


def send_rest(sender: Sender, body: bytes) -> None:
    while (offset := sender.offset()) < len(body):
        answer = sender.patch(offset, body[offset:])
        assert answer.status_code == 204, answer.text


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


@pytest.mark.full
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


@pytest.mark.full
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
