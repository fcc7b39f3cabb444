"""Makes the previews of a stored photo, without ever decoding it in this process.

One process per photo, started here and judged by what it answers within its time: whatever it does, to this process it
is `Previews` or `Unreadable`. What it answers is not trusted either: it has just read a stranger's file.
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
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from server.imaging import answers, headers
from server.imaging.answers import MADE, READY, SIZES, THUMB_PIXELS, VIEW_PIXELS
from server.imaging.headers import HEADER_BYTES, MAX_PIXELS, Unsupported

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

# Of wall time. The decoder's own processor time is limited as well, and more closely; this machine may be busy.
DEADLINE_S: Final = 60.0
# More than the largest true answer; a decoder that was taken over cannot fill this process' memory.
ANSWER_BYTES: Final = 8_000_000

TOO_LARGE: Final = "It is too large to show."
BROKEN: Final = "It is broken or cut short."
TOO_SLOW: Final = "It takes too long to show."
GAVE_UP: Final = "The decoder gave up on it."
_REFUSALS: Final = {answers.REFUSED + answers.TOO_LARGE: TOO_LARGE, answers.REFUSED + answers.BROKEN: BROKEN}

_DECODER: Final = ("-m", "server.imaging.decode")
_ROOT: Final = Path(__file__).resolve().parents[2]
# One arena: a second one would take 64 MB of address space, which is limited.
_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}


class Unreadable(Exception):
    """No preview can be made of this file, now or later; `reason` says why, to people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DecoderMissing(Exception):
    """The decoder does not start on this machine, whatever the file; the text is what it said. Worth another try."""


@dataclass(frozen=True)
class Previews:
    """Two JPEGs of a photo, upright and without metadata, and the photo's own size in pixels as shown."""

    thumb: bytes
    view: bytes
    width: int
    height: int


class Running:
    """The decoder of one photo while it works; `stop` may be called from any thread."""

    def __init__(self, file: IO[bytes], deadline_s: float = DEADLINE_S) -> None:
        self._file = file
        self._deadline_s = deadline_s
        self._is_stopped = False
        self._process: subprocess.Popen[bytes] | None = None

    def finish(self) -> Previews:
        """Wait for the previews. Raises `Unreadable` and `DecoderMissing`."""
        _judge_header(self._file)
        with tempfile.TemporaryFile() as said, _start(self._file, said) as process:
            self._process = process
            if self._is_stopped:
                process.kill()
            try:
                answer = _read(process, time.monotonic() + self._deadline_s)
            finally:
                process.kill()
            if not answer.startswith(READY):
                said.seek(0)
                raise DecoderMissing(said.read(10_000).decode(errors="replace").strip() or "It did not start in time.")
        return _judge(answer.removeprefix(READY), process.returncode)

    def stop(self) -> None:
        """End the decoder at once."""
        self._is_stopped = True
        if self._process:
            self._process.kill()


def make_previews_of(file: IO[bytes], deadline_s: float = DEADLINE_S) -> Previews:
    """Make the previews of a real file (one with a descriptor); blocks for up to `deadline_s` seconds.

    Raises `Unreadable` for whatever is wrong with the file, `DecoderMissing` for what is wrong with this machine.
    """
    return Running(file, deadline_s).finish()


async def make_previews(source: bytes | AsyncIterable[bytes], deadline_s: float = DEADLINE_S) -> Previews:
    """Make the previews of a photo's bytes; streamed ones are never all in memory. Ends the decoder when cancelled.

    Raises `Unreadable` for whatever is wrong with the file, `DecoderMissing` for what is wrong with this machine; what
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
            with contextlib.suppress(Unreadable, DecoderMissing):
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
    """All that the decoder says until it ends. Raises `Unreadable` where that is too late or too much."""
    stdout = cast("IO[bytes]", process.stdout)
    answer = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            chunk = os.read(stdout.fileno(), 65_536)
            if not chunk:
                # The end of its words is not yet its own end, and how it ended may say more.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                return bytes(answer)
            answer += chunk
            if len(answer) > ANSWER_BYTES:
                raise Unreadable(GAVE_UP)
    if answer:
        raise Unreadable(TOO_SLOW)
    return b""


def _judge(answer: bytes, status: int | None) -> Previews:
    if status == -signal.SIGXCPU:
        raise Unreadable(TOO_SLOW)
    if answer in _REFUSALS:
        raise Unreadable(_REFUSALS[answer])
    if not answer.startswith(MADE) or len(answer) < 1 + SIZES.size:
        raise Unreadable(GAVE_UP)
    width, height, thumb_bytes, view_bytes = SIZES.unpack_from(answer, 1)
    pictures = answer[1 + SIZES.size :]
    if not (0 < width * height <= MAX_PIXELS and len(pictures) == thumb_bytes + view_bytes):
        raise Unreadable(GAVE_UP)
    made = Previews(pictures[:thumb_bytes], pictures[thumb_bytes:], width, height)
    if not (_is_small_jpeg(made.thumb, THUMB_PIXELS) and _is_small_jpeg(made.view, VIEW_PIXELS)):
        raise Unreadable(GAVE_UP)
    return made


def _is_small_jpeg(picture: bytes, longest: int) -> bool:
    try:
        header = headers.inspect(picture)
    except Unsupported:
        return False
    return header.media_type == "image/jpeg" and max(header.width, header.height) <= longest
