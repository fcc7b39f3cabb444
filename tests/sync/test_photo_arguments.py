"""What may be said of a photo, and of nothing else (invariants 5, 19)."""

from __future__ import annotations

from typing import Any

import pytest

from sync.photos import PHOTOS
from tests.sync.site import ANA, BO, Site, photo_args

SHORE = {"lat_e7": 532_000_000, "lon_e7": -90_000_000, "accuracy_m": 12}


def test_what_need_not_be_said_has_a_plain_value(site: Site) -> None:
    ana = site.phone(ANA)
    item_id = ana.create()
    needed = ("id", "item_id", "kind", "media_type", "sha256", "size_bytes")
    said = {name: value for name, value in photo_args(site, item_id).items() if name in needed}
    assert ana.do("photo.add", said, 1)["outcome"] == "applied"
    doc = site.row(PHOTOS, said["id"]).doc
    assert (doc["caption"], doc["width"], doc["height"], doc["taken_at"], doc["position"]) == ("", 0, 0, None, None)
    assert (doc["thumb_sha256"], doc["thumb_bytes"]) == (None, 0)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"id": "x"}, "no id"),
        ({"item_id": None}, "no item"),
        ({"kind": "during"}, "no such kind"),
        ({"kind": ["before"]}, "no text"),
        ({"caption": "x" * 501}, "too long"),
        ({"caption": None}, "no text"),
        ({"media_type": "image/svg+xml"}, "a picture that runs scripts is none"),
        ({"media_type": "IMAGE/JPEG"}, "not as we write it"),
        ({"sha256": "AB" * 32}, "upper case"),
        ({"sha256": "ab" * 31}, "too short"),
        ({"sha256": "ab" * 32 + "\n"}, "a line end is no digit"),
        ({"sha256": None}, "bytes have a hash"),
        ({"size_bytes": 0}, "no bytes"),
        ({"size_bytes": -1}, "less than none"),
        ({"size_bytes": 2**31 + 1}, "too many"),
        ({"size_bytes": True}, "no number"),
        ({"size_bytes": "9"}, "no number"),
        ({"width": 100_001}, "wider than any photo"),
        ({"width": -1}, "less than none"),
        ({"width": 0}, "a height without a width"),
        ({"height": None}, "unknown is 0"),
        ({"taken_at": -1}, "before 1970"),
        ({"taken_at": "2026-11-23"}, "no instant"),
        ({"position": []}, "no place"),
        ({"position": {"lat_e7": 1, "lon_e7": 1}}, "how good is it?"),
        ({"position": {**SHORE, "altitude_m": 5}}, "one word too many"),
        ({"position": {**SHORE, "lat_e7": 900_000_001}}, "beyond the pole"),
        ({"position": {**SHORE, "lon_e7": -1_800_000_001}}, "round the earth"),
        ({"position": {**SHORE, "accuracy_m": -1}}, "better than exact"),
        ({"position": {**SHORE, "accuracy_m": False}}, "no number"),
        ({"thumb_sha256": None}, "bytes of a thumbnail that is not there"),
        ({"thumb_bytes": 0}, "a thumbnail without bytes"),
        ({"thumb_bytes": 65_537}, "too large for a thumbnail"),
        ({"thumb_sha256": "", "thumb_bytes": 0}, "none is null"),
        ({"state": "stored"}, "bytes are stored by bringing them (5)"),
        ({"author_id": BO}, "authors are the server's"),
        ({"preview": "view"}, "pictures are the server's"),
    ],
)
def test_a_photo_that_makes_no_sense_is_refused_and_kept(site: Site, said: dict[str, Any], why: str) -> None:
    ana = site.phone(ANA)
    args = photo_args(site, ana.create()) | said
    receipt = ana.do("photo.add", args, 1)
    assert (receipt["outcome"], receipt["reason"]) == ("refused", "invalid"), why
    assert site.row("refusals", receipt["id"]).doc["args"] == args
    assert not site.rows(PHOTOS)


@pytest.mark.parametrize(
    "said",
    [
        {"caption": "x" * 500, "size_bytes": 2**31, "width": 100_000, "height": 1},
        {"width": 0, "height": 0, "taken_at": None, "thumb_sha256": None, "thumb_bytes": 0},
        {"position": {"lat_e7": -900_000_000, "lon_e7": 1_800_000_000, "accuracy_m": 0}, "thumb_bytes": 65_536},
        *({"media_type": f"image/{name}"} for name in ("jpeg", "png", "webp", "heic")),
    ],
)
def test_what_is_just_within_the_bounds_is_taken(site: Site, said: dict[str, Any]) -> None:
    ana = site.phone(ANA)
    ana.shoot(ana.create(), **said)


@pytest.mark.parametrize(
    "change",
    [
        {"set": {}, "was": {}},
        {"set": {"caption": "x"}, "was": {"kind": "before"}},
        {"set": {"caption": None}, "was": {"caption": ""}},
        {"set": {"sha256": "ef" * 32}, "was": {"sha256": "ab" * 32}},
        {"set": {"state": "stored"}, "was": {"state": "waiting"}},
        {"set": {"caption": "x"}},
        {"set": "caption", "was": "caption"},
    ],
)
def test_words_of_a_photo_may_change_and_nothing_else(site: Site, change: dict[str, Any]) -> None:
    ana = site.phone(ANA)
    item_id = ana.create()
    args = {"id": ana.shoot(item_id), "item_id": item_id, **change}
    assert ana.do("photo.edit", args, 2)["reason"] == "invalid"
