"""Runs other programs: quietly into a log that is shown when they fail, or before everybody's eyes."""

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.bootstrap import places
from scripts.bootstrap.progress import Stop, say

_SHOWN_LINES = 25
_GRACE_S = 5


def run_quietly(command: Sequence[str | Path], *, failure: str, env: Mapping[str, str] | None = None) -> None:
    """Runs `command` in the checkout and keeps what it prints in the log.

    When it fails, shows the end of that and raises `Stop(failure)`.
    """
    places.NOTES.mkdir(exist_ok=True)
    with places.LOG.open("ab") as log:
        log.write(f"\n$ {shlex.join(map(str, command))}\n".encode())
        log.flush()
        begin = log.tell()
        # A session of its own, so that it and all it starts can be ended together.
        process = subprocess.Popen(
            command,
            cwd=places.ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        status = _wait(process)
    if status:
        _show_log_since(begin)
        raise Stop(f"{failure} (exit {status}); all it printed is in {places.LOG}")


def output_of(command: Sequence[str | Path]) -> str | None:
    """What `command` prints, or None when it fails or is not there."""
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None


def status_of(command: Sequence[str | Path]) -> int:
    """Runs `command` in the checkout before everybody's eyes; its exit status."""
    return subprocess.run(command, cwd=places.ROOT, stdin=subprocess.DEVNULL, check=False).returncode


def become(command: Sequence[str | Path]) -> None:
    """Replaces this process by `command`, so that signals reach it and nothing stays behind."""
    os.execv(command[0], [str(part) for part in command])  # noqa: S606 -- no shell is wanted


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait()
    except BaseException:
        _end(process)
        raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks first, since a package manager then leaves things whole; what still runs after that is killed."""
    os.killpg(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _show_log_since(begin: int) -> None:
    with places.LOG.open("rb") as log:
        log.seek(begin)
        lines = log.read().decode(errors="replace").splitlines()
    for line in lines[-_SHOWN_LINES:]:
        say(f"  | {line}")
