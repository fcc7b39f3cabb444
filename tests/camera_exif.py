"""EXIF as a phone writes it, byte by byte: libraries write neither a maker's block nor a thumbnail."""

from __future__ import annotations

import struct
from typing import Final

# A building site that does not exist, as degrees, minutes and hundredths of a second.
LATITUDE: Final = (52, 30, 5940)
LONGITUDE: Final = (13, 22, 4711)
MAKE: Final = b"Lumen"
MODEL: Final = b"Lumen P7 Pro"

# The same place as an editing program writes it.
XMP: Final = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
    b' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    b' xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="52,30.99N" exif:GPSLongitude="13,22.785E"/>'
    b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)

_ASCII, _SHORT, _LONG, _RATIO, _BYTES = 2, 3, 4, 5, 7
_SIZES: Final = {_ASCII: 1, _SHORT: 2, _LONG: 4, _RATIO: 8, _BYTES: 1}
_EXIF_AT, _GPS_AT, _THUMB_AT, _THUMB_BYTES = 0x8769, 0x8825, 0x0201, 0x0202

Entry = tuple[int, int, bytes]


def exif(size: tuple[int, int], orientation: int = 1, thumbnail: bytes = b"") -> bytes:
    """The EXIF block of a photo, `Exif` word first; `thumbnail` is a small JPEG of the picture as it is stored."""
    first = [
        (0x010F, _ASCII, MAKE + b"\0"),
        (0x0110, _ASCII, MODEL + b"\0"),
        (0x0112, _SHORT, struct.pack("<H", orientation)),
        (0x0132, _ASCII, b"2026:11:20 14:03:21\0"),
        (_EXIF_AT, _LONG, b""),
        (_GPS_AT, _LONG, b""),
    ]
    parts = [first, _taking(size), _place(), [(0x0103, _SHORT, struct.pack("<H", 6))]]
    parts[3] += [(_THUMB_AT, _LONG, b""), (_THUMB_BYTES, _LONG, struct.pack("<L", len(thumbnail)))]
    starts = [8]
    for part in parts:
        starts.append(starts[-1] + _bytes_of(part))
    places = {_EXIF_AT: starts[1], _GPS_AT: starts[2], _THUMB_AT: starts[4]}
    follows = [starts[3] if thumbnail else 0, 0, 0, 0]
    directories = [_directory(*each, places) for each in zip(parts, starts, follows, strict=False)]
    return b"Exif\0\0II*\0" + struct.pack("<L", 8) + b"".join(directories if thumbnail else directories[:3]) + thumbnail


def _taking(size: tuple[int, int]) -> list[Entry]:
    return [
        (0x829A, _RATIO, struct.pack("<2L", 1, 50)),
        (0x9003, _ASCII, b"2026:11:20 14:03:21\0"),
        (0x9011, _ASCII, b"+01:00\0"),
        (0x927C, _BYTES, b"LUMEN\0" + bytes(range(256)) * 24),
        (0xA002, _LONG, struct.pack("<L", size[0])),
        (0xA003, _LONG, struct.pack("<L", size[1])),
    ]


def _place() -> list[Entry]:
    return [
        (0x0001, _ASCII, b"N\0"),
        (0x0002, _RATIO, struct.pack("<6L", LATITUDE[0], 1, LATITUDE[1], 1, LATITUDE[2], 100)),
        (0x0003, _ASCII, b"E\0"),
        (0x0004, _RATIO, struct.pack("<6L", LONGITUDE[0], 1, LONGITUDE[1], 1, LONGITUDE[2], 100)),
    ]


def _bytes_of(part: list[Entry]) -> int:
    return 6 + 12 * len(part) + sum(len(value) + len(value) % 2 for _, _, value in part if len(value) > 4)


def _directory(part: list[Entry], start: int, follows: int, places: dict[int, int]) -> bytes:
    """One list of tags; values of more than four bytes stand behind it."""
    entries, behind = b"", b""
    behind_at = start + 6 + 12 * len(part)
    for tag, kind, given in part:
        value = struct.pack("<L", places[tag]) if tag in places else given
        entries += struct.pack("<HHL", tag, kind, len(value) // _SIZES[kind])
        if len(value) > 4:
            entries += struct.pack("<L", behind_at + len(behind))
            behind += value + b"\0" * (len(value) % 2)
        else:
            entries += value.ljust(4, b"\0")
    return struct.pack("<H", len(part)) + entries + struct.pack("<L", follows) + behind
