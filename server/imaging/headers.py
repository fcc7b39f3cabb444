"""What the first bytes of a file say it is: pure, strict, bounded, and the only reading of pictures in the server.

A file is judged by content alone. Four formats are photos here: JPEG, PNG, WebP, HEIC. Moving ones (APNG, animated
WebP, HEIC sequences) are refused: a preview would show the first picture only, and no evidence should hide behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# As many first bytes as `inspect` looks at: cameras put up to four 64 kB segments before a JPEG's frame header.
HEADER_BYTES: Final = 512 * 1024
MAX_PIXELS: Final = 50_000_000
MAX_SEGMENTS: Final = 1_000


class Unsupported(Exception):
    """The file is not a photo that can be shown; `reason` says why, to people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyPixels(Unsupported):
    """The picture has more than 50 megapixels."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(f"It has {width} x {height} pixels; up to 50 megapixels can be shown.")


@dataclass(frozen=True)
class Header:
    """What a photo says it is: its size in pixels as stored, before any orientation is applied."""

    media_type: str
    width: int
    height: int


class Box(NamedTuple):
    """One box of an ISO media file: its four-letter kind, and where its content is."""

    kind: bytes
    start: int
    end: int


NOT_A_PHOTO: Final = "It is not a JPEG, PNG, WebP or HEIC photo."
BROKEN: Final = "Its first bytes are broken or cut short."
MOVING: Final = "It is a moving picture; only still photos can be shown."

JPEG: Final = b"\xff\xd8\xff"
PNG: Final = b"\x89PNG\r\n\x1a\n"

# Frames that decoders know: baseline, extended, progressive, and the latter two with arithmetic coding.
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_OTHER_FRAMES: Final = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF})
_SCAN: Final = 0xDA
_NO_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xDA)})

_STILL_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis"})
_FOREIGN_BRANDS: Final = frozenset({b"avif", b"avis"})
_MOVING_BRANDS: Final = frozenset({b"hevc", b"hevx", b"hevm", b"hevs", b"msf1", b"avis"})


def inspect(first_bytes: bytes) -> Header:
    """Say what a file is from its first `HEADER_BYTES` (all of a smaller one).

    Raises `Unsupported` for anything but a still photo, `TooManyPixels` for one of more than 50 megapixels.
    """
    data = first_bytes[:HEADER_BYTES]
    if data.startswith(JPEG):
        header = _jpeg(data)
    elif data.startswith(PNG):
        header = _png(data)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        header = _webp(data)
    elif data[4:8] == b"ftyp":
        header = _heic(data)
    else:
        raise Unsupported(NOT_A_PHOTO)
    if not (header.width and header.height):
        raise Unsupported(BROKEN)
    if header.width * header.height > MAX_PIXELS:
        raise TooManyPixels(header.width, header.height)
    return header


def _jpeg(data: bytes) -> Header:
    for marker, start, end in _segments(data):
        if marker in _FRAMES:
            return _frame(data[start:end])
        if marker in _OTHER_FRAMES:
            raise Unsupported("It is a kind of JPEG that no camera makes.")
    raise Unsupported(BROKEN)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each segment before the picture itself: its marker, and where its content is."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        if data[at : at + 1] != b"\xff":
            return
        while data[at : at + 1] == b"\xff":  # Any number of these may fill the space before a marker.
            at += 1
        marker = data[at] if at < len(data) else _SCAN
        length = _big(data, at + 1, 2)
        if marker == _SCAN or marker in _NO_LENGTH or marker == 0 or length < 2 or at + 1 + length > len(data):
            return
        yield marker, at + 3, at + 1 + length
        at += 1 + length


def _frame(content: bytes) -> Header:
    if len(content) < 6 or content[0] != 8 or content[5] not in (1, 3, 4) or len(content) != 6 + 3 * content[5]:
        raise Unsupported(BROKEN)
    return Header("image/jpeg", width=_big(content, 3, 2), height=_big(content, 1, 2))


def _png(data: bytes) -> Header:
    if data[8:16] != b"\x00\x00\x00\rIHDR" or len(data) < 33:
        raise Unsupported(BROKEN)
    at = 8
    for _ in range(MAX_SEGMENTS):
        kind = data[at + 4 : at + 8]
        if kind == b"IDAT":
            return Header("image/png", width=_big(data, 16, 4), height=_big(data, 20, 4))
        if kind == b"acTL":
            raise Unsupported(MOVING)
        at += 12 + _big(data, at, 4)
        if at >= len(data):
            break
    raise Unsupported(BROKEN)


def _webp(data: bytes) -> Header:
    kind, content = data[12:16], data[20:30]
    if kind == b"VP8 " and len(content) == 10 and content[3:6] == b"\x9d\x01\x2a":
        return Header("image/webp", width=_little(content, 6, 2) & 0x3FFF, height=_little(content, 8, 2) & 0x3FFF)
    if kind == b"VP8L" and len(content) >= 5 and content[0] == 0x2F:
        bits = _little(content, 1, 4)
        return Header("image/webp", width=(bits & 0x3FFF) + 1, height=(bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X" and len(content) == 10:
        if content[0] & 0x02:
            raise Unsupported(MOVING)
        return Header("image/webp", width=_little(content, 4, 3) + 1, height=_little(content, 7, 3) + 1)
    raise Unsupported(BROKEN)


def _heic(data: bytes) -> Header:
    boxes = list(_boxes(data, 0, len(data)))
    _judge_brands(data, boxes[0] if boxes else None)
    sizes = [
        (_big(data, size.start + 4, 4), _big(data, size.start + 8, 4))
        for meta in boxes
        if meta.kind == b"meta"
        for properties in _boxes(data, meta.start + 4, meta.end)
        if properties.kind == b"iprp"
        for container in _boxes(data, properties.start, properties.end)
        if container.kind == b"ipco"
        for size in _boxes(data, container.start, container.end)
        if size.kind == b"ispe" and size.end - size.start == 12
    ]
    if not sizes:
        raise Unsupported(BROKEN)
    # The whole, its tiles and its thumbnail each have a size; the whole is the largest.
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Header("image/heic", width=width, height=height)


def _judge_brands(data: bytes, first: Box | None) -> None:
    if first is None or first.kind != b"ftyp" or first.end - first.start < 8:
        raise Unsupported(NOT_A_PHOTO)
    words = data[first.start : min(first.end, first.start + 256)]
    main, *others = [words[at : at + 4] for at in range(0, len(words) - 3, 4) if at != 4]  # The second is a version.
    brands = {main, *others}
    if main in _MOVING_BRANDS:
        raise Unsupported(MOVING)
    if brands & _FOREIGN_BRANDS or main not in _STILL_BRANDS | {b"mif1"} or not brands & _STILL_BRANDS:
        raise Unsupported(NOT_A_PHOTO)


def _boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places; one that is cut short ends them, for what is behind it cannot be trusted."""
    at = start
    for _ in range(MAX_SEGMENTS):
        if at + 8 > end:
            return
        size, header = _big(data, at, 4), 8
        if size == 1:
            size, header = _big(data, at + 8, 8), 16
        elif size == 0:
            size = end - at
        if size < header or at + size > end:
            return
        yield Box(data[at + 4 : at + 8], at + header, at + size)
        at += size


def _big(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")
