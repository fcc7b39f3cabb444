"""Camera files for tests, made here: a rendered scene with a camera's noise, and the metadata that phones write.

`camera_jpeg` gives what a phone's camera app saves: 8 to 12 megapixels, 3 to 6 MB, EXIF with a place, a maker's own
block and a small JPEG inside. The scene has a mark of another colour in each corner (`CORNERS`), so that a picture that
is not upright is seen to be so (`corners_of`).
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from random import Random
from typing import Any, Final

import pillow_heif
from PIL import Image, ImageChops, ImageDraw, PngImagePlugin

from tests.camera_exif import MAKE, XMP, exif

Color = tuple[int, int, int]
Camera = Callable[[tuple[int, int], int], bytes]

# Upright: red, green, blue and yellow, clockwise from the top left.
CORNERS: Final[tuple[Color, Color, Color, Color]] = ((208, 32, 32), (32, 160, 48), (32, 64, 200), (224, 200, 32))
LANDSCAPE: Final = (4032, 3024)

# How a camera that was held as each of EXIF's orientations says stores an upright scene.
STORED: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@functools.cache
def camera_jpeg(orientation: int = 1, size: tuple[int, int] = LANDSCAPE, *, is_progressive: bool = False) -> bytes:
    """A photo as the camera of a phone saves it; `size` is that of the upright scene, in pixels."""
    stored = as_stored(scene(*size), orientation)
    thumbnail = _encoded(stored.resize((160, 120)), "JPEG", quality=60)
    return _encoded(
        stored,
        "JPEG",
        quality=94,
        subsampling="4:2:0",
        progressive=is_progressive,
        exif=exif(stored.size, orientation, thumbnail),
        xmp=XMP,
    )


@functools.cache
def camera_heic(size: tuple[int, int] = LANDSCAPE, orientation: int = 1) -> bytes:
    """The same scene as a HEIC."""
    heif = pillow_heif.from_pillow(as_stored(scene(*size), orientation))
    written = io.BytesIO()
    heif.save(written, quality=60, exif=exif(size, orientation), xmp=XMP, enc_params={"preset": "ultrafast"})
    return written.getvalue()


@functools.cache
def camera_webp(size: tuple[int, int] = LANDSCAPE, orientation: int = 1) -> bytes:
    """The same scene as a WebP."""
    stored = as_stored(scene(*size), orientation)
    return _encoded(stored, "WEBP", quality=85, method=0, exif=exif(stored.size, orientation), xmp=XMP)


@functools.cache
def screen_png(size: tuple[int, int] = (1179, 2556), orientation: int = 1) -> bytes:
    """The same scene as a PNG, as large as a telephone's screen."""
    stored = as_stored(scene(*size), orientation)
    words = PngImagePlugin.PngInfo()
    words.add_itxt("XML:com.adobe.xmp", XMP.decode())
    words.add_text("Software", MAKE.decode())
    return _encoded(stored, "PNG", compress_level=1, exif=exif(stored.size, orientation), pnginfo=words)


@functools.cache
def scene(width: int, height: int) -> Image.Image:
    """A wall with a window, pipes, rubble and shadow, seen by a small sensor; the same for the same size."""
    picture = _wall(width, height)
    draw = ImageDraw.Draw(picture)
    _furnish(draw, width, height)
    _mark_corners(draw, width, height)
    return ImageChops.add(picture, _grain(width, height), scale=1, offset=-128)


def as_stored(upright: Image.Image, orientation: int) -> Image.Image:
    """The scene as a camera stores it that was held so."""
    turn = STORED.get(orientation)
    return upright if turn is None else upright.transpose(turn)


def corners_of(picture: Image.Image) -> tuple[Color, ...]:
    """Which of `CORNERS` each corner shows, clockwise from the top left."""
    plain = picture.convert("RGB")
    near, right, bottom = min(plain.size) // 20, plain.width - 1, plain.height - 1
    places = ((near, near), (right - near, near), (right - near, bottom - near), (near, bottom - near))
    return tuple(_nearest(plain.getpixel(place)) for place in places)


def _nearest(pixel: object) -> Color:
    assert isinstance(pixel, tuple)
    return min(CORNERS, key=lambda color: sum(abs(a - b) for a, b in zip(color, pixel, strict=True)))


def _wall(width: int, height: int) -> Image.Image:
    """Plaster under light that falls off from the top, and warmer on one side."""
    down = Image.linear_gradient("L").resize((width, height))
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    light = ImageChops.invert(down).point(_line(0.5, 80))
    plaster = _noise((width // 8, height // 8), 0.25).resize((width, height), Image.Resampling.BICUBIC)
    lit = ImageChops.add(Image.blend(light, across, 0.2), plaster, scale=1, offset=-128)
    return Image.merge("RGB", (lit, lit.point(_line(0.95, 0)), lit.point(_line(0.8, 8))))


def _furnish(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Edges at every angle: a window, pipes, and rubble on the floor."""
    random = Random(width * height)
    unit = min(width, height) // 100
    draw.rectangle((20 * unit, 15 * unit, 50 * unit, 45 * unit), fill=(214, 228, 240), outline=(70, 60, 50), width=unit)
    for at in range(0, width, max(1, 12 * unit)):
        draw.line((at, 50 * unit, at + 9 * unit, 60 * unit), fill=(90, 96, 104), width=max(1, unit // 2))
    for _ in range(600):
        x, y, size = (
            random.randrange(width),
            random.randrange(height * 2 // 3, height),
            random.randrange(1, 3 * unit + 2),
        )
        tone = random.randrange(50, 170)
        corners = [(x + random.randrange(-size, size), y + random.randrange(-size, size)) for _ in range(4)]
        draw.polygon(corners, fill=(tone, tone * 9 // 10, tone * 8 // 10))


def _grain(width: int, height: int) -> Image.Image:
    """A sensor's noise: a little in each pixel and channel."""
    return Image.merge("RGB", [_noise((width, height), 0.09, seed) for seed in (1, 2, 3)])


def _noise(size: tuple[int, int], strength: float, seed: int = 0) -> Image.Image:
    """Grey noise around 128."""
    values = Random(seed).randbytes(size[0] * size[1])
    return Image.frombytes("L", size, values).point(_line(strength, 128 * (1 - strength)))


def _line(slope: float, offset: float) -> list[int]:
    """A table for `point`."""
    return [min(255, max(0, round(slope * value + offset))) for value in range(256)]


def _mark_corners(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    side = min(width, height) // 8
    places = ((0, 0), (width - side, 0), (width - side, height - side), (0, height - side))
    for (x, y), color in zip(places, CORNERS, strict=True):
        draw.rectangle((x, y, x + side, y + side), fill=color)


def _encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    written = io.BytesIO()
    picture.save(written, kind, **options)
    return written.getvalue()
