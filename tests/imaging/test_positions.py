"""A position is found in whatever format and at whatever place of a file it stands; nothing else is taken for one."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable

import pytest

from server.imaging.positions import REACH, PositionSearch
from tests import camera_exif, photographs
from tests.imaging import hostile

SMALL = (320, 240)


def tells(body: bytes, step: int = 262_144) -> bool:
    search = PositionSearch()
    for at in range(0, len(body), step):
        search.feed(body[at : at + step])
    return search.end()


def plain(kind: str = "JPEG") -> bytes:
    return hostile.encoded("RGB", SMALL, kind)


def tables(*tags: int, order: str = ">", gps: int | None = None) -> bytes:
    """EXIF with these tags of one number each; with `gps` a table of its own with this one tag."""
    first = [(tag, 1) for tag in tags] + ([] if gps is None else [(0x8825, 8 + 2 + 12 * (len(tags) + 1) + 4)])
    body = b"".join(struct.pack(f"{order}HHLL", tag, 4, 1, value) for tag, value in first)
    head = (b"MM" if order == ">" else b"II") + struct.pack(f"{order}HL", 42, 8)
    second = b"" if gps is None else struct.pack(f"{order}HHHLLL", 1, gps, 4, 1, 52, 0)
    return head + struct.pack(f"{order}H", len(first)) + body + bytes(4) + second


TELL: dict[str, Callable[[], bytes]] = {
    "a camera's JPEG": lambda: photographs.camera_jpeg(6, SMALL),
    "PNG": lambda: photographs.screen_png(SMALL),
    "WebP": lambda: photographs.camera_webp(SMALL),
    "HEIC": lambda: photographs.camera_heic(SMALL),
    "EXIF without words, big end first": lambda: plain() + tables(gps=2),
    "EXIF without words, little end first": lambda: plain() + tables(0x0112, order="<", gps=2),
    "EXIF whose place of a place is not in sight": lambda: (
        plain() + b"MM\0*" + struct.pack(">LHHHLL", 8, 1, 0x8825, 4, 1, 60_000)
    ),
    "words without EXIF": lambda: plain() + camera_exif.XMP,
    "a second picture behind the first": lambda: plain() + photographs.camera_jpeg(1, SMALL),
    "a film behind the picture": lambda: plain() + b"\xa9xyz\0\x12\x15\xc7+52.5165+013.3797/",
    "packed EXIF in a PNG": lambda: hostile.with_chunk(
        b"zTXt", b"Raw profile type exif\0\0" + hostile.zeros(1_000_000)[:99]
    ),
    "packed words in a PNG": lambda: hostile.with_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0..."),
    "more tables than any camera writes": lambda: plain() + tables(0x0112) * 600,
}
DO_NOT: dict[str, Callable[[], bytes]] = {
    "a plain JPEG": plain,
    "a PNG with words": lambda: hostile.with_chunk(b"tEXt", b"Comment\0taken at home"),
    "a WebP": lambda: plain("WEBP"),
    "a HEIC": lambda: hostile.heic("RGB", SMALL),
    "EXIF that only says which way is up": lambda: plain() + tables(0x0112),
    "a table of places without a place, only the hour": lambda: plain() + tables(0x0112, gps=7),
    "noise": lambda: os.urandom(4_000_000),
}


@pytest.mark.parametrize("why", TELL)
def test_a_position_is_found_wherever_a_piece_ends(why: str) -> None:
    body = TELL[why]()
    for step in (len(body), 262_144, 1_000):
        assert tells(body, step)
    for more in (REACH * 5 - 30, REACH * 5 - 3):  # It lies across what is looked at in one go.
        assert tells(bytes(more) + body)


@pytest.mark.parametrize("why", DO_NOT)
def test_nothing_else_is_taken_for_one(why: str) -> None:
    assert not tells(DO_NOT[why]())


@pytest.mark.parametrize("bait", [b"II*\0", b"II*\0\x08\0\0\0\xff\xff", b"MM\0*\0\0\0\x08", b"\xa9xyz", b"GPSLatitud"])
def test_a_file_full_of_bait_takes_no_time(bait: bytes) -> None:
    before = time.process_time()
    tells(bait * (8_000_000 // len(bait)))
    assert time.process_time() - before < 4, "half a second for eight megabytes where nothing else runs"
