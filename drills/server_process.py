"""A real server in a process of its own, which can be killed and started again on the same data and port."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

HOLDFAST: Final = (sys.executable, "-m", "server.cli")
START_S: Final = 30.0
"""Seconds a start may take on a busy machine."""


class ServerProcess:
    """`command` is what `serve …` is appended to; what the server says goes to `server.log` in the data folder.

    `settings` are added to its environment.
    """

    def __init__(
        self, data: Path, command: Sequence[str] = HOLDFAST, settings: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self.port = free_port()
        self._command = command
        self._env = {**os.environ, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start without waiting."""
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--data", str(self.data), "--no-demo"]
        with (self.data / "server.log").open("ab") as log:
            self._process = subprocess.Popen([*self._command, "serve", *options], stdout=log, stderr=log, env=self._env)

    def wait(self) -> None:
        """Wait until it answers. Raises RuntimeError with the log's end when it does not."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            if self._is_ready():
                return
            time.sleep(0.02)
        raise RuntimeError(f"The server did not start:\n{(self.data / 'server.log').read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Stop it in good order, start it again and wait until it answers."""
        self.stop()
        self.start()
        self.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not end."""
        if self._process is None:
            return
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=20)
            return
        self.kill()

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/livez")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
