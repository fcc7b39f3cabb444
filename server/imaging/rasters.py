"""Opens one photo with the decoder of its media type, in ways that need the least memory."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import pillow_heif
from PIL import Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, _webp
from pillow_heif import options as heif_options

from server.imaging.headers import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Callable

ORIENTATION: Final = 0x0112
# Pillow loads it when it first reads EXIF; the decoding process can open no file by then.
EXIF_READER: Final = TiffImagePlugin.ImageFileDirectory_v2

# One thread: a second one would take address space for its stack. Only the photo itself is wanted.
heif_options.DECODE_THREADS = 1
heif_options.THUMBNAILS = heif_options.DEPTH_IMAGES = heif_options.AUX_IMAGES = False
# More pixels than this are an error while reading the header (Pillow raises at twice its own limit).
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2

# What decoding takes at its peak, measured: it tells a photo that is too large from a broken one.
BYTES_PER_PIXEL: Final = {"image/jpeg": 3.0, "image/png": 4.0, "image/webp": 12.0, "image/heic": 4.5}


@dataclass(frozen=True)
class Raster:
    """A photo's pixels, band by band; nothing says that all of them are in memory in one mode at one time."""

    width: int
    height: int
    # The photo's own size: a JPEG's raster may be half or a quarter of it.
    full_width: int
    full_height: int
    band: Callable[[int, int], Image.Image]
    # EXIF: 1 to 8. What libheif gives is upright.
    orientation: int = 1
    color_profile: bytes | None = None


def open_raster(media_type: str, file: BinaryIO, longest: int) -> Raster:
    """Open the photo for previews of at most `longest` pixels.

    Raises whatever the decoders raise: it runs in the decoding process only, which answers for all of it.
    """
    return _OPENERS[media_type](file, longest)


def _jpeg(file: BinaryIO, longest: int) -> Raster:
    image = JpegImagePlugin.JpegImageFile(file)
    width, height = image.size
    times = max(width, height) // longest
    if times > 1:
        # The decoder leaves out what a smaller picture does not need: 50 megapixels take a sixteenth of their memory.
        image.draft(None, (width // times, height // times))
    return _of_pillow(image, (width, height))


def _png(file: BinaryIO, longest: int) -> Raster:  # noqa: ARG001 - PNG has no smaller picture inside.
    image = PngImagePlugin.PngImageFile(file)
    return _of_pillow(image, image.size)


def _of_pillow(image: JpegImagePlugin.JpegImageFile | PngImagePlugin.PngImageFile, full: tuple[int, int]) -> Raster:
    image.load()  # A PNG may have its EXIF behind the picture.
    return Raster(
        *image.size,
        *full,
        band=lambda top, bottom: image.crop((0, top, image.width, bottom)),
        orientation=_orientation(image.info.get("exif")),
        color_profile=image.info.get("icc_profile"),
    )


def _webp_image(file: BinaryIO, longest: int) -> Raster:  # noqa: ARG001 - WebP has no smaller picture inside.
    # Pillow's own reader keeps the decoder's two canvases and makes a third copy: 12 megapixels were too many.
    decoder = _webp.WebPAnimDecoder(file.read())
    (width, height), _, _, _, mode = decoder.get_info()
    if width * height > MAX_PIXELS:
        raise Image.DecompressionBombError
    color_profile, exif = decoder.get_chunk("ICCP"), decoder.get_chunk("EXIF")
    frame = decoder.get_next()
    if frame is None:
        raise EOFError
    del decoder
    image = Image.frombuffer(mode, (width, height), frame[0], "raw", mode, 0, 1)
    return Raster(
        width,
        height,
        width,
        height,
        band=lambda top, bottom: image.crop((0, top, width, bottom)),
        orientation=_orientation(exif),
        color_profile=color_profile,
    )


def _heic(file: BinaryIO, longest: int) -> Raster:  # noqa: ARG001 - it may have one, of whatever picture.
    _judge_whole(file)
    opened = pillow_heif.open_heif(file, convert_hdr_to_8bit=True, remove_stride=False)
    photo = opened[opened.primary_index]
    if photo.size[0] * photo.size[1] > MAX_PIXELS:
        raise Image.DecompressionBombError
    pixels = memoryview(photo.data)
    # The size can change while decoding; the mode is one of "L", "LA", "RGB" or "RGBA".
    (width, height), mode, stride = photo.size, photo.mode, photo.stride

    def band(top: int, bottom: int) -> Image.Image:
        rows = pixels[top * stride : bottom * stride]
        return Image.frombytes(mode, (width, bottom - top), rows, "raw", (mode, stride))

    profile = photo.info.get("icc_profile")
    color_profile = profile if isinstance(profile, bytes) else None
    return Raster(width, height, width, height, band=band, color_profile=color_profile)


def _judge_whole(file: BinaryIO) -> None:
    """Raise `EOFError` where the file ends inside a box: libheif would show black for the tiles that it lacks."""
    end = file.seek(0, os.SEEK_END)
    at = 0
    while at < end:
        file.seek(at)
        size, _, long_size = struct.unpack(">L4sQ", file.read(16).ljust(16, b"\0"))
        size = {0: end - at, 1: long_size}.get(size, size)
        if size < 8 or at + size > end:
            raise EOFError
        at += size
    file.seek(0)


def _orientation(exif: bytes | None) -> int:
    """How the camera was held: 1 where the EXIF says nothing or nonsense."""
    tags = Image.Exif()
    if exif:
        tags.load(exif)
    said = tags.get(ORIENTATION, 1)
    return said if said in range(1, 9) else 1


_OPENERS: Final[dict[str, Callable[[BinaryIO, int], Raster]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp_image,
    "image/heic": _heic,
}
