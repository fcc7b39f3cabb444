"""Files that a stranger could send: bombs, headers that lie, moving pictures, odd kinds of the four formats."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from typing import Any

import pillow_heif
from PIL import Image

from tests import photographs


@functools.cache
def encoded(mode: str, size: tuple[int, int], kind: str, **options: Any) -> bytes:
    """The scene in a mode and format."""
    written = io.BytesIO()
    photographs.scene(*size).convert(mode).save(written, kind, **options)
    return written.getvalue()


def moving(kind: str) -> bytes:
    """Three frames of other colours."""
    frames = [Image.new("RGB", (64, 64), color) for color in ("red", "green", "blue")]
    written = io.BytesIO()
    frames[0].save(written, kind, save_all=True, append_images=frames[1:], duration=100)
    return written.getvalue()


@functools.cache
def heic(mode: str, size: tuple[int, int]) -> bytes:
    """The scene in a mode, as HEIC."""
    written = io.BytesIO()
    pillow_heif.from_pillow(photographs.scene(*size).convert(mode)).save(written, quality=80)
    return written.getvalue()


@functools.cache
def heic_of_10_bits(size: tuple[int, int]) -> bytes:
    """The scene in 10 bits per channel, as HEIC."""
    eight = photographs.scene(*size).tobytes()
    sixteen = b"".join(bytes((0, value)) for value in eight)
    written = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", size, sixteen).save(written, quality=80)
    return written.getvalue()


def with_chunk(kind: bytes, content: bytes) -> bytes:
    """A PNG with one more chunk in front of its picture."""
    png = encoded("RGB", (640, 480), "PNG")
    return png[:33] + chunk(kind, content) + png[33:]


@functools.cache
def tiled_heic(size: tuple[int, int], tile: int = 512) -> bytes:
    """A HEIC made of tiles."""
    written = io.BytesIO()
    pillow_heif.from_pillow(photographs.scene(*size)).save(
        written, quality=60, tile_size=tile, enc_params={"preset": "ultrafast"}
    )
    return written.getvalue()


def resized_heic(width: int, height: int) -> bytes:
    """A small HEIC that says it is so large."""
    small = photographs.camera_heic((640, 480))
    return small.replace(
        b"ispe\0\0\0\0" + struct.pack(">2L", 640, 480), b"ispe\0\0\0\0" + struct.pack(">2L", width, height)
    )


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))


def png_header(width: int, height: int, depth: int = 8, color: int = 2) -> bytes:
    """A PNG up to where its picture begins."""
    described = struct.pack(">2L5B", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", described) + chunk(b"IDAT", b"")


@functools.cache
def png_of_zeros(width: int, height: int, depth: int = 8, color: int = 2) -> bytes:
    """A true PNG of one colour: a thousandth of its pixels' bytes, or less."""
    row = 1 + -(-width * depth * {0: 1, 2: 3, 6: 4}[color] // 8)
    squeezed = zlib.compressobj(9)
    pieces = [squeezed.compress(bytes(row)) for _ in range(height)]
    picture = b"".join(pieces) + squeezed.flush()
    return png_header(width, height, depth, color)[:33] + chunk(b"IDAT", picture) + chunk(b"IEND", b"")


def jpeg_header(width: int, height: int, *, frame: int = 0xC0, depth: int = 8) -> bytes:
    """A JPEG up to its frame header."""
    parts = b"\x01\x22\x00\x02\x11\x01\x03\x11\x01"
    return b"\xff\xd8\xff" + struct.pack(">BHBHHB", frame, 17, depth, height, width, 3) + parts


def resized_jpeg(jpeg: bytes, size: tuple[int, int], width: int, height: int) -> bytes:
    """A JPEG that says it is so large."""
    return jpeg.replace(struct.pack(">2H", size[1], size[0]), struct.pack(">2H", height, width))


def webp_header(width: int, height: int) -> bytes:
    """An extended WebP that says it is so large, with no picture."""
    described = bytes(4) + struct.pack("<L", width - 1)[:3] + struct.pack("<L", height - 1)[:3]
    return b"RIFF" + struct.pack("<L", 30) + b"WEBPVP8X" + struct.pack("<L", 10) + described


def resized_webp(webp: bytes, width: int, height: int) -> bytes:
    """A lossless WebP that says it is so large."""
    bits = (width - 1) | (height - 1) << 14
    return webp[:21] + struct.pack("<L", bits) + webp[25:]


def profile_with_red_and_green_swapped() -> bytes:
    """An ICC profile by which red means green and the other way round: nobody can overlook whether it is applied."""
    # sRGB's primaries as seen under D50, in 16.16 fixed point.
    primaries = {
        b"gXYZ": (0.4361, 0.2225, 0.0139),
        b"rXYZ": (0.3851, 0.7169, 0.0971),
        b"bXYZ": (0.1431, 0.0606, 0.7141),
    }
    curve = b"curv" + bytes(4) + struct.pack(">LH", 1, round(2.2 * 256)) + bytes(2)
    contents = {
        b"desc": b"desc" + bytes(4) + struct.pack(">L", 5) + b"swap\0" + bytes(78),
        b"wtpt": _xyz(0.9642, 1, 0.8249),
    }
    contents |= {tag: _xyz(*xyz) for tag, xyz in primaries.items()} | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    at = 128 + 4 + 12 * len(contents)
    table, behind = struct.pack(">L", len(contents)), b""
    for tag, content in contents.items():
        padded = content + bytes(-len(content) % 4)
        table += tag + struct.pack(">2L", at + len(behind), len(content))
        behind += padded
    size = 128 + len(table) + len(behind)
    head = struct.pack(">L4xL", size, 0x02400000) + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    return head + struct.pack(">3l", 0xF6D6, 0x10000, 0xD32D) + bytes(128 - len(head) - 12) + table + behind


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3l", *(round(value * 65536) for value in values))


@functools.cache
def zeros(count: int) -> bytes:
    """So many zeros, squeezed."""
    squeezed = zlib.compressobj(9)
    pieces = [squeezed.compress(bytes(1_000_000)) for _ in range(count // 1_000_000)]
    return b"".join(pieces) + squeezed.flush()


@functools.cache
def many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again: each one is work over the whole picture."""
    jpeg = photographs.camera_jpeg(size=(3264, 2448), is_progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + last[:200] * count + b"\xff\xd9"


def shrunk_heic() -> bytes:
    """A HEIC of 12 megapixels that says it is small."""
    large = photographs.camera_heic()
    return large.replace(
        b"ispe\0\0\0\0" + struct.pack(">2L", 4032, 3024), b"ispe\0\0\0\0" + struct.pack(">2L", 1000, 1000)
    )
