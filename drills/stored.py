"""Compares the photos that phones took with what the database and the object folder hold, read without the server."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from drills.uploader import Taken


@dataclass(slots=True)
class Stored:
    """What the comparison found; `broken` says it in words."""

    lost: int = 0
    doubled: int = 0
    broken: list[str] = field(default_factory=list)


def compare(database: Path, objects: Path, taken: Sequence[Taken]) -> Stored:
    """Every photo is one row that is `stored` and one object of exactly its bytes; there are no others (5)."""
    found = Stored()
    rows = _rows(database)
    for photo in taken:
        is_there = _is_stored(rows, photo) and all(_is_kept(objects, photo, name) for name in ("picture", "thumb"))
        found.lost += not is_there
    for name, folder in (("picture", "originals"), ("thumb", "thumbs")):
        kept = Counter(path.name for path in (objects / folder).rglob("*") if path.is_file())
        found.doubled += (kept - Counter(_sha256(photo.file(name)) for photo in taken)).total()
    found.doubled += (Counter(sha256 for _, sha256 in rows.values()) - Counter(map(_of_picture, taken))).total()
    if found.lost:
        found.broken.append(f"{found.lost} photos are not stored, or not with their bytes")
    if found.doubled:
        found.broken.append(f"{found.doubled} photos or files are there that nobody made")
    return found


def leftovers(objects: Path) -> int:
    """Parts that belong to nothing any more and were not removed."""
    return sum(path.is_file() for path in (objects / "parts").rglob("*"))


def _rows(database: Path) -> dict[str, tuple[str, str]]:
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as plain:
        docs = [json.loads(doc) for (doc,) in plain.execute("SELECT doc FROM photos WHERE is_deleted = 0")]
    return {doc["id"]: (doc["state"], doc["sha256"]) for doc in docs}


def _is_stored(rows: dict[str, tuple[str, str]], photo: Taken) -> bool:
    return rows.get(photo.id) == ("stored", _of_picture(photo))


def _is_kept(objects: Path, photo: Taken, name: str) -> bool:
    wanted = _sha256(photo.file(name))
    path = objects / ("originals" if name == "picture" else "thumbs") / wanted[:2] / wanted
    return path.is_file() and _sha256(path.read_bytes()) == wanted


def _of_picture(photo: Taken) -> str:
    return _sha256(photo.picture)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
