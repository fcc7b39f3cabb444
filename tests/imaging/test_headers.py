"""Headers: what four formats say they are, and that nothing else gets through, quickly, whatever the bytes."""

import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.imaging.headers import HEADER_BYTES, MAX_PIXELS, Header, TooManyPixels, Unsupported, inspect
from tests import photographs
from tests.imaging import hostile

SMALL = (640, 480)

PHOTOS: dict[str, Callable[[], tuple[bytes, Header]]] = {
    "a phone's JPEG, 4 kB of metadata first": lambda: (photographs.camera_jpeg(), Header("image/jpeg", 4032, 3024)),
    "a JPEG held upright: as stored": lambda: (
        photographs.camera_jpeg(6, size=(3264, 2448)),
        Header("image/jpeg", 2448, 3264),
    ),
    "progressive": lambda: (photographs.camera_jpeg(size=SMALL, is_progressive=True), Header("image/jpeg", *SMALL)),
    "PNG": lambda: (photographs.screen_png(SMALL), Header("image/png", *SMALL)),
    "extended WebP": lambda: (photographs.camera_webp(SMALL), Header("image/webp", *SMALL)),
    "plain WebP": lambda: (hostile.encoded("RGB", SMALL, "WEBP"), Header("image/webp", *SMALL)),
    "lossless WebP": lambda: (hostile.encoded("RGB", SMALL, "WEBP", lossless=True), Header("image/webp", *SMALL)),
    "HEIC": lambda: (photographs.camera_heic(SMALL), Header("image/heic", *SMALL)),
    "HEIC of tiles, as phones make it: the size of the whole": lambda: (
        hostile.tiled_heic((1100, 600)),
        Header("image/heic", 1100, 600),
    ),
    "exactly 50 megapixels": lambda: (hostile.png_header(10_000, 5_000), Header("image/png", 10_000, 5_000)),
    "a JPEG with a program behind it is judged as the JPEG it is": lambda: (
        hostile.encoded("RGB", SMALL, "JPEG") + b"PK\x03\x04" + bytes(100),
        Header("image/jpeg", *SMALL),
    ),
}

REFUSED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "one byte": lambda: b"\xff",
    "zeros": lambda: bytes(1000),
    "HTML": lambda: b"<!doctype html><script>alert(1)</script>",
    "SVG": lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "GIF": lambda: hostile.encoded("P", SMALL, "GIF"),
    "TIFF": lambda: hostile.encoded("RGB", SMALL, "TIFF"),
    "BMP": lambda: hostile.encoded("RGB", SMALL, "BMP"),
    "AVIF, which only looks like HEIC": lambda: hostile.encoded("RGB", (64, 64), "AVIF"),
    "zip": lambda: b"PK\x03\x04" + bytes(100),
    "PDF": lambda: b"%PDF-1.7\n",
    "MP4": lambda: b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(100),
    "HTML that a browser might find in front of a JPEG": lambda: b"<html>" + hostile.encoded("RGB", SMALL, "JPEG"),
    "a JPEG that begins with one more byte": lambda: b"\n" + hostile.encoded("RGB", SMALL, "JPEG"),
    "APNG": lambda: hostile.moving("PNG"),
    "animated WebP": lambda: hostile.moving("WEBP"),
    "a HEIC sequence": lambda: b"\x00\x00\x00\x18ftyphevc\x00\x00\x00\x00mif1heic" + bytes(100),
    "a JPEG without a frame": lambda: b"\xff\xd8\xff\xda\x00\x02" + bytes(100),
    "a lossless JPEG": lambda: hostile.jpeg_header(640, 480, frame=0xC3),
    "a JPEG of 12 bits": lambda: hostile.jpeg_header(640, 480, depth=12),
    "a JPEG of no height": lambda: hostile.jpeg_header(640, 0),
    "a PNG of no width": lambda: hostile.png_header(0, 480),
    "a PNG without a picture": lambda: hostile.png_header(640, 480)[:33],
    "a PNG whose first chunk is another": lambda: b"\x89PNG\r\n\x1a\n" + bytes(40),
    "a WebP that is a sound": lambda: b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40),
    "a HEIC without sizes": lambda: b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100),
}

BOMBS: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: hostile.png_header(50_000, 50_000),
    "PNG of as many as a number holds": lambda: hostile.png_header(2**31 - 1, 2**31 - 1),
    "JPEG": lambda: hostile.jpeg_header(65_535, 65_535),
    "WebP": lambda: hostile.webp_header(16_384, 16_384),
    "HEIC": lambda: hostile.resized_heic(60_000, 60_000),
    "one row more than 50 megapixels": lambda: hostile.png_header(10_000, 5_001),
}


@pytest.mark.parametrize("why", PHOTOS)
def test_photos_say_what_they_are(why: str) -> None:
    photo, header = PHOTOS[why]()

    assert inspect(photo[:HEADER_BYTES]) == header


@pytest.mark.parametrize("why", REFUSED)
def test_whatever_is_not_a_still_photo_is_refused(why: str) -> None:
    with pytest.raises(Unsupported) as refused:
        inspect(REFUSED[why]())

    assert refused.value.reason.endswith(".")
    assert not isinstance(refused.value, TooManyPixels)


@pytest.mark.parametrize("why", BOMBS)
def test_more_than_50_megapixels_are_refused_from_the_header(why: str) -> None:
    with pytest.raises(TooManyPixels, match="megapixels"):
        inspect(BOMBS[why]())


@pytest.mark.parametrize("why", PHOTOS)
def test_a_header_that_is_cut_anywhere_is_the_same_or_refused(why: str) -> None:
    photo, header = PHOTOS[why]()
    for length in [*range(400), *range(400, 20_000, 97)]:
        try:
            assert inspect(photo[:length]) == header
        except Unsupported:
            continue


def _survives(data: bytes) -> None:
    started = time.process_time()
    try:
        header = inspect(data)
        assert 0 < header.width * header.height <= MAX_PIXELS
    except Unsupported:
        pass
    assert time.process_time() - started < 0.5


@given(st.sampled_from([*PHOTOS]), st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=8))))
def test_changed_bytes_raise_nothing_else(why: str, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(PHOTOS[why]()[0][:5000])
    for at, change in changes:
        data[at : at + len(change)] = change

    _survives(bytes(data))


STARTS = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b""]


@given(st.sampled_from(STARTS), st.binary(max_size=500))
@example(b"\xff\xd8\xff", b"\xff" * 400_000)
@example(b"\xff\xd8\xff", b"\xe1\x00\x02\xff" * 100_000)
@example(b"\x89PNG\r\n\x1a\n", b"\0\0\0\rIHDR" + bytes(500_000))
@example(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"\0\0\0\x08free" * 60_000)
@example(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"\0\0\0\x0cmeta\0\0\0\0" * 40_000)
def test_made_up_bytes_raise_nothing_else(start: bytes, rest: bytes) -> None:
    _survives(start + rest)


def test_only_the_first_bytes_count() -> None:
    late = b"\xff\xd8" + (b"\xff\xe1\xff\xff" + bytes(65_533)) * 9 + hostile.jpeg_header(640, 480)[2:]

    with pytest.raises(Unsupported):
        inspect(late)
