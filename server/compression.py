"""gzip for what is worth it: JSON and text above a kilobyte."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.datastructures import Headers

WORTH_BYTES: Final = 1024
"""Shorter bodies go as they are."""

_INLINE_BYTES: Final = 32_768
"""Up to here compressing is quicker than changing the thread."""

_GZIP_BITS: Final = 31


def takes_gzip(headers: Headers) -> bool:
    """Whether the asker takes gzip."""
    codings = (part.strip().lower() for part in headers.get("accept-encoding", "").split(","))
    return any(name.split(";")[0].strip() in ("gzip", "*") and not _is_zero(name) for name in codings)


def _is_zero(coding: str) -> bool:
    quality = coding.partition("q=")[2].strip()
    return bool(quality) and quality.rstrip("0") in ("", "0.", ".")


def gzipped(body: bytes, level: int = 1) -> bytes:
    """The body as one gzip member; without a time, so that equal bodies give equal bytes."""
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP_BITS)
    return packer.compress(body) + packer.flush()


async def packed(body: bytes, headers: Headers) -> tuple[bytes, dict[str, str]]:
    """The body as the asker takes it, and the headers that say so. Large ones are compressed in another thread."""
    vary = {"vary": "accept-encoding"}
    if len(body) < WORTH_BYTES or not takes_gzip(headers):
        return body, vary
    small = len(body) <= _INLINE_BYTES
    return (gzipped(body) if small else await asyncio.to_thread(gzipped, body)), {**vary, "content-encoding": "gzip"}
