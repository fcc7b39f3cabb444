"""A real server process on a data folder of its own: started, stopped, killed, started again on the same port."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.browser.ledger import ROOT, environment
from tests.browser.proxy import free_port

START_S: Final = 30


class ServerProcess:
    """`holdfast serve` of this checkout."""

    def __init__(self, data: Path, build: Path) -> None:
        self.data = data
        self.build = build
        self.port = free_port()
        self._log = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and returns when it takes connections."""
        assert self._process is None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "server.cli", "serve", "--port", str(self.port), "--data", str(self.data)],
                cwd=ROOT,
                env=environment(self.data, build_folder=str(self.build), log_level="warning"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._await_port()

    def stop(self) -> None:
        """Asks it to end, as an operator does; it must end by itself."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(15)
            self._process = None

    def kill(self) -> None:
        """SIGKILL: no chance to finish anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(15)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def said(self) -> str:
        """Everything it has written to its log."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _await_port(self) -> None:
        end = time.monotonic() + START_S
        while not _is_listening(self.port):
            assert self._process is not None
            assert self._process.poll() is None, f"the server ended at once:\n{self.said()}"
            assert time.monotonic() < end, f"the server did not listen within {START_S} s:\n{self.said()}"
            time.sleep(0.02)


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
