"""Makes the previews of a stored photo, without ever decoding it in this process.

One process per photo, started here and judged by what it answers within its time: whatever it does, to this process it
is `Previews` or `Unreadable`. What it answers is not trusted either: it has just read a stranger's file.
Only what the file itself causes makes it unreadable; what this machine does to the decoder raises `Unjudged`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from server.imaging import headers
from server.imaging.answers import READY
from server.imaging.headers import HEADER_BYTES, Unsupported
from server.imaging.verdicts import ANSWER_BYTES, DecoderMissing, End, Previews, Unjudged, Unreadable, judge

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

# Of wall time. The decoder's own processor time is limited as well, and more closely; this machine may be busy.
DEADLINE_S: Final = 60.0

_DECODER: Final = ("-m", "server.imaging.decode")
_ROOT: Final = Path(__file__).resolve().parents[2]
# One arena: a second one would take 64 MB of address space, which is limited.
_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}


class Running:
    """The decoder of one photo while it works; `stop` may be called from any thread."""

    def __init__(self, file: IO[bytes], deadline_s: float = DEADLINE_S) -> None:
        self._file = file
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._is_stopped = False
        self._pid: int | None = None

    def finish(self) -> Previews:
        """Wait for the previews. Raises `Unreadable` and `Unjudged`."""
        _judge_header(self._file)
        deadline = time.monotonic() + self._deadline_s
        with tempfile.TemporaryFile() as said, _start(self._file, said) as process:
            self._begin(process)
            answer = b""
            try:
                answer = _read(process, deadline)
            finally:
                end = self._end(process, deadline if len(answer) <= ANSWER_BYTES else 0)
            if not answer.startswith(READY):
                said.seek(0)
                raise DecoderMissing(said.read(10_000).decode(errors="replace").strip() or "It did not start in time.")
        return judge(answer.removeprefix(READY), end)

    def stop(self) -> None:
        """End the decoder at once."""
        with self._lock:
            self._is_stopped = True
            self._kill()

    def _begin(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._pid = process.pid
            if self._is_stopped:
                self._kill()

    def _end(self, process: subprocess.Popen[bytes], deadline: float) -> End:
        """Wait for the decoder's own end, and kill it at the deadline; the end of its words is not yet its own."""
        is_late = False
        while (ended := self._ended(process)) is None:
            if not is_late and time.monotonic() >= deadline:
                is_late = True
                self.stop()
            time.sleep(0.002)
        return replace(ended, is_late=is_late)

    def _ended(self, process: subprocess.Popen[bytes]) -> End | None:
        """How it ended, None as long as it has not. `Popen` would not say how much processor time it had."""
        with self._lock:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid == 0:
                return None
            self._pid = None  # Another process may have it from here on.
            process.returncode = os.waitstatus_to_exitcode(status)
        return End(process.returncode, used.ru_utime + used.ru_stime)

    def _kill(self) -> None:
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)


def make_previews_of(file: IO[bytes], deadline_s: float = DEADLINE_S) -> Previews:
    """Make the previews of a real file (one with a descriptor); blocks for up to `deadline_s` seconds.

    Raises `Unreadable` for whatever is wrong with the file, `Unjudged` for what is wrong with this machine.
    """
    return Running(file, deadline_s).finish()


async def make_previews(source: bytes | AsyncIterable[bytes], deadline_s: float = DEADLINE_S) -> Previews:
    """Make the previews of a photo's bytes; streamed ones are never all in memory. Ends the decoder when cancelled.

    Raises `Unreadable` for whatever is wrong with the file, `Unjudged` for what is wrong with this machine; what
    the stream raises passes through.
    """
    with tempfile.TemporaryFile() as file:
        async for chunk in _chunks(source):
            await asyncio.to_thread(file.write, chunk)
        running = Running(file, deadline_s)
        finishing = asyncio.create_task(asyncio.to_thread(running.finish))
        try:
            return await asyncio.shield(finishing)
        except asyncio.CancelledError:
            running.stop()
            with contextlib.suppress(Unreadable, Unjudged):
                await finishing
            raise


async def _chunks(source: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        yield source
    else:
        async for chunk in source:
            yield chunk


def _judge_header(file: IO[bytes]) -> None:
    """What the first bytes already rule out needs no process."""
    file.seek(0)
    try:
        headers.inspect(file.read(HEADER_BYTES))
    except Unsupported as unsupported:
        raise Unreadable(unsupported.reason) from None


def _start(file: IO[bytes], said: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the decoder with the photo and nothing else that is ours: no environment, no open file, no terminal."""
    # The decoder shares the descriptor, and with it the place in the file; Python's own place is another one.
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    return subprocess.Popen(
        [sys.executable, "-s", "-B", *_DECODER],
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=said,
        cwd=_ROOT,
        env=_ENVIRONMENT,
        start_new_session=True,
    )


def _read(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """What the decoder says until it is silent for ever, its time is over, or it is more than any answer."""
    stdout = cast("IO[bytes]", process.stdout)
    answer = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while len(answer) <= ANSWER_BYTES and selector.select(max(0.0, deadline - time.monotonic())):
            chunk = os.read(stdout.fileno(), 65_536)
            if not chunk:
                break
            answer += chunk
    return bytes(answer)
