"""`holdfast serve` as a process: the demonstration, a second start, commands beside it, and its end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from drills.server_process import free_port
from server.commands import serve
from server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
HEADERS = {"content-type": "application/json", "sec-fetch-site": "same-origin"}


class Served:
    """A running server and what it printed."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port
        self.said: list[str] = []

    def wait(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("Holdfast is on"):
                return
        raise AssertionError("".join(self.said))

    def ask(self, method: str, path: str, body: object = None, cookie: str = "") -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            headers = {**HEADERS, **({"cookie": cookie} if cookie else {})}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            cookies = [value.partition(";")[0] for value in response.headers.get_all("set-cookie", [])]
            session = next((each for each in cookies if each.startswith("session=")), "")
            return response.status, session, response.read().decode()
        finally:
            connection.close()


@contextmanager
def serving(data: Path, *more: str) -> Iterator[Served]:
    port = free_port()
    words = [sys.executable, "-m", "server.cli", "serve", "--port", str(port), "--data", str(data), *more]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    served = Served(process, port)
    try:
        served.wait()
        yield served
    finally:
        process.terminate()
        process.communicate(timeout=20)


def holdfast(data: Path, *words: str, given: str = "") -> str:
    command = [sys.executable, "-m", "server.cli", *words, "--data", str(data)]
    done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_first_start_makes_a_demonstration_that_later_starts_keep(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        table = "".join(server.said)
        sign_in = {"login": "ana", "password": "ana likes straight tiles"}
        status, session, _ = server.ask("POST", "/session", sign_in)
        assert status == 200
        # Commands work beside the running server, and it knows at once.
        assert "sector B-9" in holdfast(data, "sector", "add", "B-9", "Roof")
        assert server.ask("GET", "/session", cookie=session)[0] == 200
        assert holdfast(data, "user", "sign-out", "ana").startswith("Ended 1")
        time.sleep(1.1)
        assert server.ask("GET", "/session", cookie=session)[0] == 401
        holdfast(data, "user", "password", "bo", "--password-stdin", given="a ladder against the wall\n")
    assert [word for word in ("ana", "bo", "sam", "kim", "ada", "max", "gus") if f"\n{word} " in table] == [
        "ana", "bo", "sam", "kim", "ada", "max", "gus",
    ]  # fmt: skip
    assert "400 punch items" in holdfast(data, "project", "show")
    with serving(data) as server:
        again = "".join(server.said)
        assert "\nana " in again
        assert "\nbo " not in again, "bo's password is bo's own now"
    assert "400 punch items" in holdfast(data, "project", "show")
    assert "The chain holds" in holdfast(data, "audit", "verify")


def test_well_known_passwords_never_face_the_network(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        assert "ana likes straight tiles" in "".join(server.said)
    with serving(data, "--host", "0.0.0.0") as server:
        said = "".join(server.said)
        assert "ana likes straight tiles" not in said
        password = next(line for line in server.said if line.startswith("ana ")).split()[1]
        known = {"login": "ana", "password": "ana likes straight tiles"}
        assert server.ask("POST", "/session", known)[0] == 401
        assert server.ask("POST", "/session", {"login": "ana", "password": password})[0] == 200


@pytest.mark.parametrize(
    ("more", "is_local"),
    [
        ({}, True),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"public_url": "https://site.example"}, False),
        ({"allowed_hosts": ("localhost", "site.example")}, False),
        ({"allowed_hosts": ("*",)}, False),
        ({"trusted_proxies": "127.0.0.1"}, False),
    ],
    ids=repr,
)
def test_a_server_behind_a_proxy_of_this_machine_is_not_for_this_machine_alone(
    more: dict[str, Any], is_local: bool
) -> None:
    assert serve._is_local(Settings(**more)) == is_local


def test_it_stays_empty_when_told_so_says_when_the_port_is_taken_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, "--no-demo") as server:
        assert server.said == [f"Holdfast is on http://localhost:{server.port}\n"]
        words = [sys.executable, "-m", "server.cli", "serve", "--port", str(server.port), "--data", str(data)]
        second = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
        assert second.returncode == 1
        assert second.stderr.startswith(f"holdfast: Cannot listen on 127.0.0.1:{server.port}")
        assert second.stderr.count("\n") == 1
        assert holdfast(data, "user", "list").count("\n") == 1, "what could not be served was not filled either"
        os.kill(server.process.pid, signal.SIGINT)
        rest, _ = server.process.communicate(timeout=20)
        assert server.process.returncode == 0
        assert "Traceback" not in rest
