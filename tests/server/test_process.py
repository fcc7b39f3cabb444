"""The server as a process of its own, spoken to through plain sockets: what only a real connection can show."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.clock import clock_ms
from sync.schema import MAX_BODY_BYTES
from tests.server.place import Pen
from tests.server.process import Process, spoken
from tests.sync.site import ANA


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@pytest.fixture
def process(data: Path) -> Iterator[Process]:
    running = Process(data)
    yield running
    if running.popen.poll() is None:
        running.end(signal.SIGKILL)


def head(process: Process, cookie: str, *more: str) -> str:
    lines = (
        "POST /sync HTTP/1.1",
        f"Host: localhost:{process.port}",
        "Sec-Fetch-Site: same-origin",
        f"Cookie: {cookie}",
    )
    return "\n".join((*lines, "Content-Type: application/json", *more))


@pytest.fixture
def cookie(process: Process) -> str:
    with process.phone() as client:
        return f"session={client.cookies['session']}"


def test_a_body_announced_too_long_is_refused_before_it_is_sent(process: Process, cookie: str) -> None:
    status, body = spoken(process, head(process, cookie, f"Content-Length: {10**12}"), [])
    assert (status, body["error"]) == (413, "body_too_large")


def test_a_body_in_chunks_is_refused_where_it_passes_the_limit(process: Process, cookie: str) -> None:
    chunk = b"%x\r\n%s\r\n" % (65_536, b" " * 65_536)
    chunks = [chunk] * (MAX_BODY_BYTES // 65_536 + 2)
    status, body = spoken(process, head(process, cookie, "Transfer-Encoding: chunked"), chunks)
    assert (status, body["error"]) == (413, "body_too_large")


def test_a_body_that_drips_is_given_up(process: Process, cookie: str) -> None:
    began = time.monotonic()
    status, body = spoken(process, head(process, cookie, "Content-Length: 1000"), [b" "] * 15, pause_s=0.1)
    assert (status, body["error"]) == (408, "too_slow")
    assert time.monotonic() - began < 5


def test_a_forged_forwarded_address_is_not_believed(process: Process) -> None:
    with process.phone() as client:
        assert "parts" in client.get("/healthz").json()
        assert "parts" not in client.get("/healthz", headers={"x-forwarded-for": "127.0.0.1"}).json()


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_the_running_push_end_and_leaves_a_tidy_database(
    process: Process, data: Path, with_signal: int
) -> None:
    pen = Pen(ANA, 1, clock_ms())
    with process.phone() as client:
        answer = client.post("/sync", json=pen.request(*(pen.creation() for _ in range(50))))
        assert answer.status_code == 200
    status = process.end(with_signal)
    assert status in (0, -with_signal)
    assert "Traceback" not in "".join(process.lines)
    assert not data.joinpath("punchlist.db-wal").exists(), "closed: everything is in the one file"


def test_what_was_acknowledged_is_there_after_sigkill(process: Process, data: Path) -> None:
    """Invariant 1; the drill `kill` does the same fifty times under load."""
    pen = Pen(ANA, 1, clock_ms())
    creations = [pen.creation() for _ in range(20)]
    with process.phone() as client:
        receipts = client.post("/sync", json=pen.request(*creations)).json()["receipts"]
    process.end(signal.SIGKILL)
    again = Process(data)
    try:
        with again.phone() as client:
            answer = client.post("/sync", json=pen.request(*creations)).json()
    finally:
        again.end(signal.SIGKILL)
    assert answer["receipts"] == receipts
    items = [row["doc"] for scope in answer["scopes"] for row in scope["rows"] if row["entity"] == "punch_items"]
    assert sorted(item["number"] for item in items) == list(range(1, 21))
