"""From a photo's raster to small upright JPEGs in sRGB with nothing but pixels in them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageCms

if TYPE_CHECKING:
    from server.imaging.rasters import Raster

# Averaging whole blocks comes first and leaves at least this much for the slower filter that keeps edges sharp.
GAP: Final = 1.25
BAND_PIXELS: Final = 1_000_000

# Pillow loads its formats when it first saves; the decoding process can open no file by then.
Image.preinit()

# How to turn what EXIF's orientations 2 to 8 describe upright.
UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright_size(raster: Raster) -> tuple[int, int]:
    """The photo's width and height in pixels, as shown."""
    size = (raster.full_width, raster.full_height)
    return (size[1], size[0]) if raster.orientation >= 5 else size


def shrink(raster: Raster, longest: int) -> Image.Image:
    """The photo upright, in sRGB, at most `longest` pixels on its long side; smaller ones keep their size."""
    factor = max(1, int(max(raster.width, raster.height) / (longest * GAP)))
    image = fit(_reduce(raster, factor), longest)
    image = _to_srgb(image, raster.color_profile)
    turn = UPRIGHT.get(raster.orientation)
    return image if turn is None else image.transpose(turn)


def fit(image: Image.Image, longest: int) -> Image.Image:
    """The picture with at most `longest` pixels on its long side."""
    times = max(image.size) / longest
    if times <= 1:
        return image
    size = (max(1, round(image.width / times)), max(1, round(image.height / times)))
    return image.resize(size, Image.Resampling.LANCZOS)


def to_jpeg(image: Image.Image, quality: int) -> bytes:
    """The picture's pixels as a JPEG; where it came from, nothing of what it knew goes with them."""
    image.info = {}
    written = io.BytesIO()
    image.save(written, "JPEG", quality=quality)
    return written.getvalue()


def _reduce(raster: Raster, factor: int) -> Image.Image:
    """Average blocks of `factor` pixels, band by band: the whole is never copied."""
    rows = max(1, BAND_PIXELS // (raster.width * factor)) * factor
    size = (-(-raster.width // factor), -(-raster.height // factor))
    reduced = Image.new(_plain(raster.band(0, 1)).mode, size)
    for top in range(0, raster.height, rows):
        band = _plain(raster.band(top, min(raster.height, top + rows)))
        reduced.paste(band.reduce(factor) if factor > 1 else band, (0, top // factor))
    return reduced


def _plain(band: Image.Image) -> Image.Image:
    """Eight bits per channel and nothing transparent: grey, RGB or CMYK. Paper shows through in white."""
    if band.mode == "I;16":
        return Image.frombytes("L", band.size, band.tobytes()[1::2])  # The upper half of each number; `convert` clips.
    if band.has_transparency_data:
        return _on_white(band.convert("RGBA"))
    return band if band.mode in ("L", "RGB", "CMYK") else band.convert("L" if band.mode == "1" else "RGB")


def _on_white(band: Image.Image) -> Image.Image:
    paper = Image.new("RGB", band.size, "white")
    paper.paste(band, mask=band.getchannel("A"))
    return paper


def _to_srgb(image: Image.Image, color_profile: bytes | None) -> Image.Image:
    if color_profile:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(color_profile))
            converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            # A profile that is broken or of other channels says nothing about colours; the picture is still one.
            pass
    return image.convert("RGB")
