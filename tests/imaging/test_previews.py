"""Previews: upright, small, without metadata, in true colours, of every kind of photo that a camera or a hand makes."""

import io
from collections.abc import AsyncIterator, Callable

import pytest
from PIL import Image

from server.imaging.previews import make_previews
from server.imaging.verdicts import Previews, Unreadable
from tests import camera_exif, photographs
from tests.imaging import hostile
from tests.imaging.depths import rows

SMALL = (640, 480)

CAMERAS: dict[str, Callable[[], tuple[bytes, tuple[int, int]]]] = {
    "JPEG of 12 megapixels": lambda: (photographs.camera_jpeg(), (4032, 3024)),
    "JPEG of 8 megapixels": lambda: (photographs.camera_jpeg(size=(3264, 2448)), (3264, 2448)),
    "progressive JPEG of 12 megapixels": lambda: (photographs.camera_jpeg(is_progressive=True), (4032, 3024)),
    "HEIC of 12 megapixels": lambda: (photographs.camera_heic(), (4032, 3024)),
    "HEIC of tiles": lambda: (hostile.tiled_heic((2000, 1500)), (2000, 1500)),
    "WebP of 12 megapixels": lambda: (photographs.camera_webp(), (4032, 3024)),
    "a telephone's screen as PNG": lambda: (photographs.screen_png(), (1179, 2556)),
    "a panorama": lambda: (photographs.camera_jpeg(size=(9000, 1000)), (9000, 1000)),
    "smaller than a preview": lambda: (photographs.camera_jpeg(size=(200, 150)), (200, 150)),
}

KINDS: dict[str, Callable[[], bytes]] = {
    "grey JPEG": lambda: hostile.encoded("L", SMALL, "JPEG"),
    "CMYK JPEG": lambda: hostile.encoded("CMYK", SMALL, "JPEG"),
    "palette PNG": lambda: hostile.encoded("P", SMALL, "PNG"),
    "grey PNG with alpha": lambda: hostile.encoded("LA", SMALL, "PNG"),
    "PNG of one bit": lambda: hostile.encoded("1", SMALL, "PNG"),
    "lossless WebP": lambda: hostile.encoded("RGB", SMALL, "WEBP", lossless=True),
    "WebP with alpha": lambda: hostile.encoded("RGBA", SMALL, "WEBP"),
    "HEIC with alpha": lambda: hostile.heic("RGBA", SMALL),
    "grey HEIC": lambda: hostile.heic("L", SMALL),
    "HEIC of 10 bits": lambda: hostile.heic_of_10_bits(SMALL),
    "a JPEG with a program behind it": lambda: hostile.encoded("RGB", SMALL, "JPEG") + b"PK\x03\x04" + bytes(100),
    "a PNG with a page in it": lambda: hostile.with_chunk(b"tEXt", b"Comment\0<script>alert(1)</script>"),
    "a profile that is nonsense": lambda: hostile.encoded("RGB", SMALL, "JPEG", icc_profile=b"nonsense" * 100),
}


def opened(picture: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(picture), formats=["JPEG"])
    image.load()
    return image


def blurred(picture: Image.Image) -> bytes:
    """Its brightness in 16 by 12 fields: black and white dots count as the grey that they make."""
    return picture.convert("L").resize((16, 12), Image.Resampling.BOX).tobytes()


def corners(previews: Previews) -> list[tuple[photographs.Color, ...]]:
    return [photographs.corners_of(opened(picture)) for picture in (previews.thumb, previews.view)]


@pytest.mark.parametrize(
    "why",
    rows(
        CAMERAS,
        "JPEG of 12 megapixels",
        "HEIC of 12 megapixels",
        "WebP of 12 megapixels",
        "a telephone's screen as PNG",
        "smaller than a preview",
    ),
)
async def test_a_cameras_photo_becomes_two_small_jpegs(why: str) -> None:
    photo, size = CAMERAS[why]()

    previews = await make_previews(photo)

    assert (previews.width, previews.height) == size
    for picture, longest in ((previews.thumb, 320), (previews.view, 1600)):
        shown = opened(picture)
        assert max(shown.size) == min(longest, max(size))
        assert shown.width / shown.height == pytest.approx(size[0] / size[1], rel=0.02)
    assert len(previews.thumb) < 64_000
    assert corners(previews) == [photographs.CORNERS] * 2


@pytest.mark.parametrize(
    "why", rows(KINDS, "CMYK JPEG", "palette PNG", "WebP with alpha", "grey HEIC", "a profile that is nonsense")
)
async def test_every_kind_of_picture_shows_its_scene(why: str) -> None:
    shown = opened((await make_previews(KINDS[why]())).view)

    assert shown.size == SMALL
    for seen, drawn in zip(blurred(shown), blurred(photographs.scene(*SMALL)), strict=True):
        assert seen == pytest.approx(drawn, abs=25)


@pytest.mark.parametrize("orientation", rows(range(1, 9), 6))
async def test_a_camera_held_anyhow_gives_an_upright_picture(orientation: int) -> None:
    previews = await make_previews(photographs.camera_jpeg(orientation, size=(3264, 2448)))

    assert (previews.width, previews.height) == (3264, 2448)
    assert corners(previews) == [photographs.CORNERS] * 2


@pytest.mark.parametrize("camera", [photographs.screen_png, photographs.camera_webp, photographs.camera_heic])
@pytest.mark.parametrize("orientation", rows((3, 5, 6, 8), 6))
async def test_other_formats_are_upright_as_well(camera: photographs.Camera, orientation: int) -> None:
    previews = await make_previews(camera((800, 600), orientation))

    assert (previews.width, previews.height) == (800, 600)
    assert corners(previews) == [photographs.CORNERS] * 2


@pytest.mark.parametrize("camera", [photographs.camera_jpeg, photographs.screen_png, photographs.camera_webp])
async def test_nothing_but_pixels_goes_into_previews(camera: photographs.Camera) -> None:
    photo = camera((800, 600), 1) if camera is not photographs.camera_jpeg else photographs.camera_jpeg(1, (800, 600))
    assert camera_exif.MAKE in photo

    previews = await make_previews(photo)

    for picture in (previews.thumb, previews.view):
        for secret in (b"Exif", camera_exif.MAKE, b"2026:11", b"ICC_PROFILE", b"http://"):
            assert secret not in picture
        assert not opened(picture).getexif()


async def test_a_color_profile_is_applied() -> None:
    swapped = hostile.encoded("RGB", SMALL, "JPEG", icc_profile=hostile.profile_with_red_and_green_swapped())

    red, green, blue, _ = photographs.corners_of(opened((await make_previews(swapped)).view))

    assert (red, green, blue) == (photographs.CORNERS[1], photographs.CORNERS[0], photographs.CORNERS[2])


async def test_what_is_transparent_is_white() -> None:
    for kind in ("PNG", "WEBP"):
        written = io.BytesIO()
        Image.new("RGBA", SMALL, (0, 0, 0, 0)).save(written, kind)

        assert opened((await make_previews(written.getvalue())).view).getpixel((300, 200)) == (255, 255, 255)


async def test_grey_of_16_bits_is_grey() -> None:
    written = io.BytesIO()
    Image.new("I;16", SMALL, 0x6000).save(written, "PNG")

    assert opened((await make_previews(written.getvalue())).view).getpixel((300, 200)) == (0x60, 0x60, 0x60)


async def test_a_photo_may_come_in_pieces() -> None:
    photo = photographs.camera_jpeg(6, size=(3264, 2448))

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(photo), 262_144):
            yield photo[at : at + 262_144]

    assert await make_previews(pieces()) == await make_previews(photo)


async def test_what_the_source_raises_passes_through() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield photographs.camera_jpeg(1, SMALL)[:1000]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await make_previews(broken())


async def test_a_header_that_says_no_needs_no_process() -> None:
    with pytest.raises(Unreadable, match="not a JPEG"):
        await make_previews(b"<svg onload=alert(1)>")
