"""What the end of a decoder and its answer say about a photo: previews, that it is unreadable, or nothing.

its answer is whole             previews, or unreadable for the reason that it names
its own memory or processor time is used up, it crashed, it said what is no answer      unreadable
killed or ended from outside, not through in time, no bytes from the disk               nothing: `Unjudged`

`unreadable` stays until somebody asks anew, so only what the file itself causes may say it.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Final

from server.imaging import answers, headers
from server.imaging.answers import MADE, SIZES, THUMB_PIXELS, VIEW_PIXELS
from server.imaging.headers import MAX_PIXELS, Unsupported
from server.imaging.limits import CPU_S

# More than the largest true answer; a decoder that was taken over cannot fill this process' memory.
ANSWER_BYTES: Final = 8_000_000

TOO_LARGE: Final = "It is too large to show."
BROKEN: Final = "It is broken or cut short."
TOO_SLOW: Final = "It takes too long to show."
GAVE_UP: Final = "The decoder gave up on it."
_REFUSALS: Final = {answers.REFUSED + answers.TOO_LARGE: TOO_LARGE, answers.REFUSED + answers.BROKEN: BROKEN}

# What a process does to itself by wrong memory, instructions and numbers. Every other signal comes from somebody.
_CRASHES: Final = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS}
    | {signal.SIGPIPE, signal.SIGXFSZ}
)


class Unreadable(Exception):
    """No preview can be made of this file by this server; `reason` says why, to people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unjudged(Exception):
    """What happened says nothing about the file: it is worth another try, and then somebody's look at this machine."""


class DecoderMissing(Unjudged):
    """The decoder does not start on this machine, whatever the file; the text is what it said."""


class DecoderLost(Unjudged):
    """The decoder did not come to its end: somebody ended it, or this machine gave it no time or no bytes."""


@dataclass(frozen=True)
class Previews:
    """Two JPEGs of a photo, upright and without metadata, and the photo's own size in pixels as shown."""

    thumb: bytes
    view: bytes
    width: int
    height: int


@dataclass(frozen=True)
class End:
    """How a decoder ended: its exit code (a signal's number, negated), and the processor time it had in seconds."""

    status: int
    cpu_s: float
    # Its wall time was over, and it was killed for that by us.
    is_late: bool = False


def judge(answer: bytes, end: End) -> Previews:
    """The previews in a decoder's answer. Raises `Unreadable` or `DecoderLost`."""
    if len(answer) > ANSWER_BYTES:
        raise Unreadable(GAVE_UP)
    if answer in _REFUSALS:
        raise Unreadable(_REFUSALS[answer])
    if answer == answers.REFUSED + answers.NO_BYTES:
        raise DecoderLost("The photo could not be read from this machine's disk.")
    made = _previews(answer)
    if made is None:
        raise _of_end(end)
    return made


def _of_end(end: End) -> Unreadable | DecoderLost:
    """What it means that there is no true answer."""
    if end.status == -signal.SIGXCPU or end.cpu_s >= CPU_S:
        return Unreadable(TOO_SLOW)
    if end.is_late:
        return DecoderLost(f"The decoder was not through in time; it had the processor for {end.cpu_s:.1f} s.")
    if end.status < 0 and -end.status not in _CRASHES:
        return DecoderLost(f"The decoder was ended by signal {-end.status}, as when this machine has no memory left.")
    return Unreadable(GAVE_UP)


def _previews(answer: bytes) -> Previews | None:
    """None where it is no answer; nothing in it is trusted."""
    if not answer.startswith(MADE) or len(answer) < 1 + SIZES.size:
        return None
    width, height, thumb_bytes, view_bytes = SIZES.unpack_from(answer, 1)
    pictures = answer[1 + SIZES.size :]
    if not (0 < width * height <= MAX_PIXELS and len(pictures) == thumb_bytes + view_bytes):
        return None
    made = Previews(pictures[:thumb_bytes], pictures[thumb_bytes:], width, height)
    return made if _is_small_jpeg(made.thumb, THUMB_PIXELS) and _is_small_jpeg(made.view, VIEW_PIXELS) else None


def _is_small_jpeg(picture: bytes, longest: int) -> bool:
    try:
        header = headers.inspect(picture)
    except Unsupported:
        return False
    return header.media_type == "image/jpeg" and max(header.width, header.height) <= longest
