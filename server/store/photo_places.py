"""Which photo of its item a photo is, so that files saved by people have names that tell them apart and stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def place_of(plain: sqlite3.Connection, item_id: str, photo_id: str) -> int:
    """The photo's place among all photos of its item, from 1; removed ones keep theirs."""
    sql = "SELECT count(*) FROM photos WHERE item_id = ? AND id <= ?"
    place: int = plain.execute(sql, (item_id, photo_id)).fetchone()[0]
    return place
