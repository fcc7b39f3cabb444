"""What a request for stored bytes asks for: all, a part, or only whether they are still the same (RFC 9110). No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_SINGLE: Final = re.compile(r"bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` up to, not including, `end`, of `size`; empty: nothing of what was asked for is there."""

    start: int
    end: int
    size: int

    @property
    def is_empty(self) -> bool:
        return self.start >= self.end

    @property
    def as_header(self) -> str:
        """The value of `Content-Range`."""
        return f"bytes */{self.size}" if self.is_empty else f"bytes {self.start}-{self.end - 1}/{self.size}"


def has_same(headers: Mapping[str, str], etag: str) -> bool:
    """Whether the asker has what `etag` names, by `If-None-Match`."""
    known = headers.get("if-none-match", "")
    return known.strip() == "*" or etag in _TAG.findall(known)


def span_of(headers: Mapping[str, str], etag: str, size: int) -> Span | None:
    """The one range of `size` bytes that is asked for; None: all of it.

    What is malformed, has several ranges, or was asked of other bytes (`If-Range`) is answered with the whole.
    """
    found = _SINGLE.fullmatch(headers.get("range", ""))
    if found is None or headers.get("if-range", etag) != etag:
        return None
    first, last = found.groups()
    if first:
        start, end = int(first), min(size, int(last) + 1) if last else size
        return None if last and int(last) < start else Span(start, end, size)
    return Span(max(0, size - int(last)), size, size) if last else None
