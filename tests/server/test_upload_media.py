"""What a photo is, its bytes say, once they are whole: names and announced types decide nothing."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import pillow_heif
import pytest
from PIL import Image

from tests.photographs import camera_heic, camera_jpeg, camera_webp, screen_png
from tests.server.conftest import Place
from tests.server.photographer import jpeg, objects, photographer, rows, sha256

pytestmark = pytest.mark.anyio


def picture(kind: str, **more: Any) -> bytes:
    written, image = io.BytesIO(), Image.new("RGB", (320, 240), (90, 120, 60))
    if kind == "HEIC":
        pillow_heif.from_pillow(image).save(written, quality=50)
    else:
        image.save(written, kind, **more)
    return written.getvalue()


def zipped() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("evil.html", "<script>alert(1)</script>")
    return written.getvalue()


def sized(body: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header tells another size."""
    at = body.index(b"\xff\xc0") + 5
    return body[:at] + struct.pack(">HH", height, width) + body[at + 4 :]


REFUSED = {
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "a GIF that goes on as a JPEG": picture("GIF") + picture("JPEG"),
    "an archive that goes on as a JPEG": zipped() + picture("JPEG"),
    "a TIFF": picture("TIFF"),
    "a BMP": picture("BMP"),
    "a PDF": b"%PDF-1.7\n" + picture("JPEG"),
    "an empty JPEG": b"\xff\xd8\xff\xd9",
    "a JPEG cut in its header": picture("JPEG")[:20],
    "one byte": b"\xff",
    "zeros": bytes(4000),
    "a JPEG of more than 50 megapixels": sized(picture("JPEG"), 10_000, 5_001),
    "a JPEG of 4 gigapixels": sized(picture("JPEG"), 65_535, 65_535),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_is_no_photo_is_refused_and_thrown_away(place: Place, what: str) -> None:
    ana, body = await photographer(place), REFUSED[what]
    photo_id = await ana.add(body)
    answer = await ana.send(photo_id, body)
    assert (answer.status_code, answer.json()["error"]) == (422, "unsupported_media")
    assert objects(place) == {}
    assert rows(place, "SELECT * FROM uploads") == []
    assert (await ana.doc(photo_id))["state"] == "waiting"
    assert (await ana.http.get(f"/photos/{photo_id}/original")).status_code == 404


TAKEN = {
    "JPEG": ("image/jpeg", "jpg", picture("JPEG")),
    "PNG": ("image/png", "png", picture("PNG")),
    "WebP": ("image/webp", "webp", picture("WEBP")),
    "HEIC": ("image/heic", "heic", picture("HEIC")),
    "a JPEG with an archive behind it": ("image/jpeg", "jpg", picture("JPEG") + zipped()),
    "a JPEG with a page in its comment": ("image/jpeg", "jpg", picture("JPEG", comment=b"<script>alert(1)</script>")),
    "a JPEG of just 50 megapixels": ("image/jpeg", "jpg", sized(picture("JPEG"), 10_000, 5_000)),
}


@pytest.mark.parametrize("what", TAKEN)
async def test_a_photo_is_served_as_what_it_is_and_run_by_nobody(place: Place, what: str) -> None:
    media_type, ending, body = TAKEN[what]
    ana = await photographer(place)
    announced = "image/png" if media_type == "image/jpeg" else "image/jpeg"
    photo_id = await ana.add(body, media_type=announced)
    assert (await ana.send(photo_id, body)).status_code == 204
    answer = await ana.http.get(f"/photos/{photo_id}/original")
    assert (answer.status_code, answer.content == body) == (200, True)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''1-before-1.{ending}"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


HERE = {"lat_e7": 525_165_000, "lon_e7": 133_797_000, "accuracy_m": 5}


@pytest.mark.parametrize("camera", [camera_jpeg, screen_png, camera_webp, camera_heic])
async def test_bytes_that_say_where_they_were_taken_need_a_row_that_says_so(
    place: Place, camera: Callable[..., bytes]
) -> None:
    ana, body = await photographer(place), camera(size=(160, 120))
    told, untold = await ana.add(body, position=HERE), await ana.add(body)
    assert (await ana.send(told, body)).status_code == 204
    answer = await ana.send(untold, body)
    assert (answer.status_code, answer.json()["error"]) == (422, "position_untold"), "though the store holds them"
    assert (await ana.doc(untold))["state"] == "waiting"
    assert (await ana.http.get(f"/photos/{untold}/original")).status_code == 404
    assert [row[0] for row in rows(place, "SELECT count(*) FROM uploads WHERE state <> 'done'")] == [0]


async def test_a_thumbnail_is_held_to_the_same(place: Place) -> None:
    ana, body, thumb = await photographer(place), jpeg(9_000), REFUSED["SVG"]
    photo_id = await ana.add(body, thumb)
    answer = await ana.send(photo_id, thumb, "thumb")
    assert (answer.status_code, answer.json()["error"]) == (422, "unsupported_media")
    assert objects(place) == {}
    assert sha256(thumb) not in str(rows(place, "SELECT payload FROM outbox WHERE kind = 'job'"))
