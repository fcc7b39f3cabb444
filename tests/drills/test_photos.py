"""The drill `photos`: it runs, and it would tell."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from drills import photos, stored
from drills.photos import Scale
from drills.uploader import Taken

HERE = Path(__file__).parent
SMALL = Scale(photos=8, phones=2, outage_s=1.0, size_px=(800, 600))


def test_every_photo_is_stored_once_whatever_happens_to_the_store() -> None:
    outcome = photos.drill(SMALL, seed=1)
    assert outcome.broken == []
    figures = r"8 photos, 4 outages, \d+ parts, 0 lost, 0 doubled, [1-9]\d* edits arrived meanwhile, \d+ s"
    assert re.fullmatch(figures, outcome.figures)


@pytest.mark.parametrize(
    ("server", "verdict", "why"),
    [
        ("careless_store_server.py", "photos are not stored", "photos were called stored before a disk had them"),
        pytest.param(
            "hostage_server.py", "no edit of 2 phones arrived", "edits waited for photos", marks=pytest.mark.full
        ),
    ],
)
def test_a_server_that_breaks_the_promise_is_found_out(
    monkeypatch: pytest.MonkeyPatch, server: str, verdict: str, why: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE.parents[1]))
    monkeypatch.setattr(photos, "DRAIN_S", 3.0)
    outcome = photos.drill(SMALL, seed=1, command=(sys.executable, str(HERE / server)))
    assert any(verdict in line for line in outcome.broken), (why, outcome.broken)


TAKEN = Taken("p1", "m1", b"picture", b"thumb")
PICTURE, THUMB = (hashlib.sha256(body).hexdigest() for body in (TAKEN.picture, TAKEN.thumb))
DAMAGES = [
    ("SELECT 1", {}, 0, 0, "nothing happened"),
    ("DELETE FROM photos", {}, 1, 0, "the row is gone"),
    ("UPDATE photos SET is_deleted = 1", {}, 1, 0, "the row was deleted"),
    ("UPDATE photos SET doc = replace(doc, 'stored', 'waiting')", {}, 1, 0, "it still waits"),
    ("INSERT INTO photos SELECT 'p2', 0, replace(doc, 'p1', 'p2') FROM photos", {}, 0, 1, "there are two rows of it"),
    ("SELECT 1", {f"originals/{PICTURE[:2]}/{PICTURE}": b"pictur"}, 1, 0, "the bytes are others"),
    ("SELECT 1", {f"thumbs/{THUMB[:2]}/{THUMB}": None}, 1, 0, "the small file is gone"),
    ("SELECT 1", {"originals/ab/abc": b"?"}, 0, 1, "an original is there that nobody made"),
]


@pytest.mark.parametrize(("sql", "files", "lost", "doubled", "why"), DAMAGES)
def test_the_comparison_counts_photos_that_are_lost_and_doubled(
    tmp_path: Path, sql: str, files: dict[str, bytes | None], lost: int, doubled: int, why: str
) -> None:
    kept = {f"originals/{PICTURE[:2]}/{PICTURE}": TAKEN.picture, f"thumbs/{THUMB[:2]}/{THUMB}": TAKEN.thumb}
    for key, body in {**kept, **files}.items():
        path = tmp_path / "objects" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if body is not None:
            path.write_bytes(body)
    with closing(sqlite3.connect(tmp_path / "punchlist.db")) as plain:
        plain.execute("CREATE TABLE photos (id, is_deleted, doc)")
        doc = json.dumps({"id": "p1", "state": "stored", "sha256": PICTURE})
        plain.execute("INSERT INTO photos VALUES ('p1', 0, ?)", [doc])
        plain.execute(sql)
        plain.commit()
    found = stored.compare(tmp_path / "punchlist.db", tmp_path / "objects", [TAKEN])
    assert (found.lost, found.doubled) == (lost, doubled), why
    assert bool(found.broken) == bool(lost or doubled), why
