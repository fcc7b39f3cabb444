"""Originals as a phone sends them: every pixel, the colours and the way up, and not a word of where or with what.

The phone's own code runs here in node, on whole files; other people's decoders then say what is in them.
"""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from scripts.bootstrap import node
from server.imaging.headers import inspect
from server.imaging.positions import PositionSearch
from server.imaging.previews import make_previews
from tests import camera_exif, photographs
from tests.imaging import hostile

STRIP = Path(__file__).with_name("strip.mjs")
ROOT = STRIP.parents[2]
SMALL = (640, 480)
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\xa9xyz\0\x12\x15\xc7+52.5165+013.3797/"
SECRETS = (camera_exif.MAKE, b"GPSLatitude", b"2026:11", b"\xa9xyz", b"LUMEN", b"xmpmeta")

ORIGINALS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "JPEG, held upright": lambda: ("JPEG", photographs.camera_jpeg(6, SMALL)),
    "progressive JPEG": lambda: ("JPEG", photographs.camera_jpeg(1, SMALL, is_progressive=True)),
    "JPEG with a film behind": lambda: ("JPEG", photographs.camera_jpeg(3, SMALL) + FILM),
    "PNG": lambda: ("PNG", photographs.screen_png(SMALL)),
    "PNG, held upright": lambda: ("PNG", photographs.screen_png(SMALL, 6)),
    "PNG of a palette, see-through": lambda: ("PNG", hostile.encoded("P", SMALL, "PNG", transparency=3)),
    "PNG with a profile": lambda: (
        "PNG",
        hostile.encoded("RGB", SMALL, "PNG", icc_profile=hostile.profile_with_red_and_green_swapped()),
    ),
    "WebP": lambda: ("WEBP", photographs.camera_webp(SMALL)),
    "WebP, held upright": lambda: ("WEBP", photographs.camera_webp(SMALL, 8)),
    "WebP with alpha and a profile": lambda: (
        "WEBP",
        hostile.encoded("RGBA", SMALL, "WEBP", icc_profile=hostile.profile_with_red_and_green_swapped()),
    ),
    "plain WebP": lambda: ("WEBP", hostile.encoded("RGB", SMALL, "WEBP")),
    "HEIC": lambda: ("HEIC", photographs.camera_heic(SMALL)),
    "HEIC, held upright": lambda: ("HEIC", photographs.camera_heic(SMALL, 6)),
    "HEIC of tiles, a film behind": lambda: ("HEIC", hostile.tiled_heic((1100, 600)) + b"\0\0\1\0mpvd" + FILM * 5),
    "HEIC with alpha": lambda: ("HEIC", hostile.heic("RGBA", SMALL)),
}


def stripped(folder: Path, *originals: tuple[str, bytes]) -> list[bytes | None]:
    """What the phone sends of each; None where it finds no picture."""
    found = node.find()
    assert found is not None, "scripts/test installs it"
    words: list[str] = []
    for at, (kind, body) in enumerate(originals):
        (folder / f"{at}.from").write_bytes(body)
        words += [kind, str(folder / f"{at}.from"), str(folder / f"{at}.to")]
    subprocess.run([str(found.program), str(STRIP), *words], cwd=ROOT, check=True, timeout=120)
    sent = [folder / f"{at}.to" for at in range(len(originals))]
    return [path.read_bytes() if path.exists() else None for path in sent]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All of `ORIGINALS` as they are sent."""
    bodies = stripped(tmp_path_factory.mktemp("originals"), *(make() for make in ORIGINALS.values()))
    return {why: body for why, body in zip(ORIGINALS, bodies, strict=True) if body is not None}


def opened(kind: str, body: bytes) -> Image.Image:
    """The picture as other programs decode it, turned by nobody."""
    if kind == "HEIC":
        return pillow_heif.open_heif(io.BytesIO(body)).to_pillow()
    image = Image.open(io.BytesIO(body), formats=[kind])
    image.load()
    return image


@pytest.mark.parametrize("why", ORIGINALS)
async def test_an_original_loses_every_word_and_not_one_pixel(why: str, sent: dict[str, bytes]) -> None:
    kind, body = ORIGINALS[why]()

    assert inspect(sent[why]) == inspect(body)
    for secret in SECRETS:
        assert secret not in sent[why]
    if "upright" in why:
        assert {camera_exif.MAKE, b"GPSLatitude", b"2026:11"} == {one for one in SECRETS[:3] if one in body}
    before, after = opened(kind, body), opened(kind, sent[why])
    assert (after.mode, after.size) == (before.mode, before.size)
    assert after.tobytes() == before.tobytes()
    assert after.info.get("icc_profile") == before.info.get("icc_profile")
    if kind != "HEIC":  # Its way up is a property of the picture.
        assert set(after.getexif()) <= {0x0112}
        assert after.getexif().get(0x0112, 1) == before.getexif().get(0x0112, 1)


@pytest.mark.parametrize("why", ["JPEG with a film behind", "PNG", "WebP", "HEIC"])
def test_what_is_sent_tells_no_position_to_the_server(why: str, sent: dict[str, bytes]) -> None:
    for body, is_told in ((ORIGINALS[why]()[1], True), (sent[why], False)):
        search = PositionSearch()
        search.feed(body)
        assert search.end() is is_told


@pytest.mark.parametrize("why", ["PNG, held upright", "WebP, held upright", "JPEG, held upright", "HEIC, held upright"])
async def test_previews_of_what_was_sent_are_upright(why: str, sent: dict[str, bytes]) -> None:
    previews = await make_previews(sent[why])

    assert (previews.width, previews.height) == SMALL
    shown = Image.open(io.BytesIO(previews.view))
    assert photographs.corners_of(shown) == photographs.CORNERS


def test_a_moving_picture_is_sent_as_a_still_one_or_drawn_anew(tmp_path: Path) -> None:
    png, webp = stripped(tmp_path, ("PNG", hostile.moving("PNG")), ("WEBP", hostile.moving("WEBP")))

    assert png is not None
    assert inspect(png).media_type == "image/png"
    assert webp is None


def test_what_is_cut_short_is_not_sent_as_a_picture(tmp_path: Path) -> None:
    whole = [("PNG", photographs.screen_png(SMALL)), ("WEBP", photographs.camera_webp(SMALL))]
    whole += [("HEIC", photographs.camera_heic(SMALL))]

    assert stripped(tmp_path, *((kind, body[: len(body) // 2]) for kind, body in whole)) == [None, None, None]
