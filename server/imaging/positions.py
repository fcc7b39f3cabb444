"""Whether a file tells where its photo was taken, in whatever format: pure, bounded, and read as it streams by.

What gives a position away stands readable in the bytes: EXIF tables, XMP words, a film's own atom. They are looked for
anywhere, in appended pictures and films too. What is packed cannot be read here: where it may hold a position, it
counts as one. Phones send nothing of it; this is the second line, for other programs.
"""

from __future__ import annotations

import re
from typing import Final, Literal

REACH: Final = 65_536
"""Bytes behind its beginning within which EXIF must tell: more do not go into a JPEG's segment."""

_STEP: Final = 4 * REACH

_GPS_TABLE: Final = 0x8825
_LATITUDE: Final = 2

# No camera comes near these; a file that does was made to keep us busy, and is not let through.
_MAX_TABLES: Final = 500
_MAX_TAGS: Final = 200

# What to look for first, quickly, and what must stand there.
_WORDS: Final = {
    b"GPSLatitude": re.compile(rb"GPSLatitude"),  # XMP
    b"\xa9xyz": re.compile(rb"\xa9xyz.{4}[+-]\d", re.DOTALL),  # a film
    b"location.ISO6709": re.compile(rb"location\.ISO6709"),  # a film from another maker
    b"Raw profile type ": re.compile(rb"Raw profile type (?:exif|APP1|xmp)"),  # a PNG, packed
    b"XML:com.adobe.xmp\0\1": re.compile(rb"XML"),  # a PNG, packed
}
# The first table begins within reach.
_TIFF: Final = re.compile(rb"II\*\0..\0\0|MM\0\*\0\0..", re.DOTALL)


class PositionSearch:
    """Looks through one file, piece by piece."""

    def __init__(self) -> None:
        self._is_found = False
        self._data = bytearray()
        self._tables = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the file."""
        self._data += chunk
        if len(self._data) >= REACH + _STEP:
            until = len(self._data) - REACH
            self._look(until)
            del self._data[:until]

    def end(self) -> bool:
        """There are no more bytes: whether they told a position."""
        self._look(len(self._data))
        return self._is_found

    def _look(self, until: int) -> None:
        """Judge all that begins before `until`; what begins later is not whole yet."""
        data = bytes(self._data)
        for word, pattern in _WORDS.items():
            at, last = -1, until + len(word) - 1
            while not self._is_found and (at := data.find(word, at + 1, last)) != -1:
                self._is_found = pattern.match(data, at) is not None
        for tiff in _TIFF.finditer(data, 0, until + 7):
            if self._is_found:
                return
            self._tables += 1
            self._is_found = self._tables > _MAX_TABLES or _Exif(data, tiff.start()).tells_position()


class _Exif:
    """EXIF tables that begin at a place, or bytes that only look so."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._order: Final[Literal["little", "big"]] = "little" if data[at : at + 2] == b"II" else "big"

    def tells_position(self) -> bool:
        """Whether they hold a latitude, or a place for it that cannot be seen from here."""
        pointer = self._tags(self._number(4, 4)).get(_GPS_TABLE)
        if pointer is None:
            return False
        table = self._number(pointer, 4)
        return self._at + table + 2 > len(self._data) or _LATITUDE in self._tags(table)

    def _tags(self, table: int) -> dict[int, int]:
        """Each tag of a table, and where its value stands."""
        count = min(self._number(table, 2), _MAX_TAGS)
        return {self._number(entry, 2): entry + 8 for entry in range(table + 2, table + 2 + count * 12, 12)}

    def _number(self, place: int, size: int) -> int:
        at = self._at + place
        return int.from_bytes(self._data[at : at + size], self._order)
