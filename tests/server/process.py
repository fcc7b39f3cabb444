"""The server as a process of its own, to be spoken to, stopped and killed."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson

from tests.server.conftest import OWN_PAGE, PASSWORD
from tests.sync.site import ANA, PEOPLE

ROOT = Path(__file__).resolve().parents[2]
SERVER = ("-m", "server.cli")


class Process:
    """`holdfast serve` on a data folder; `more` are settings, and `program` what else is to be run as it."""

    def __init__(self, data: Path, program: Sequence[str] = SERVER, port: int = 0, **more: object) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
        environment |= {"HOLDFAST_BODY_TIMEOUT_S": "1", "PYTHONUNBUFFERED": "1"}
        environment |= {f"HOLDFAST_{name.upper()}": str(value) for name, value in more.items()}
        command = [sys.executable, *program, "serve", "--port", str(port), "--no-demo", "--data", str(data)]
        self.popen = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.popen.stdout is not None
        self.lines: list[str] = []
        for line in self.popen.stdout:
            self.lines.append(line)
            if found := re.search(r"Holdfast is on http://localhost:(\d+)", line):
                self.port = int(found[1])
                return
        raise AssertionError("".join(self.lines))

    @contextmanager
    def phone(self) -> Iterator[httpx2.Client]:
        with httpx2.Client(base_url=f"http://localhost:{self.port}", headers=OWN_PAGE, timeout=20) as client:
            answer = client.post("/session", json={"login": PEOPLE[ANA][0], "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            yield client

    def end(self, with_signal: int) -> int:
        """Send the signal and read what was said until the end; a second call does nothing."""
        self.popen.send_signal(with_signal)
        status = self.popen.wait(15)
        assert self.popen.stdout is not None
        if not self.popen.stdout.closed:
            self.lines += self.popen.stdout.readlines()
            self.popen.stdout.close()
        return status


def spoken(process: Process, head: str, parts: list[bytes], pause_s: float = 0) -> tuple[int, dict[str, Any]]:
    """Write a request by hand; the answer's status and body."""
    with socket.create_connection(("127.0.0.1", process.port), timeout=10) as link:
        link.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        try:
            for part in parts:
                link.sendall(part)
                time.sleep(pause_s)
        except (BrokenPipeError, ConnectionResetError):
            pass  # It has answered already and hung up.
        raw = b""
        while b"\r\n\r\n" not in raw or not raw.endswith(b"}"):
            more = link.recv(65_536)
            if not more:
                break
            raw += more
    top, _, body = raw.partition(b"\r\n\r\n")
    return int(top.split()[1]), orjson.loads(body)
