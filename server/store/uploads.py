"""Uploads and their parts, in the database `punchlist`: how much of a photo's file is durable, and under which keys.

open ──▶ done      the bytes are in their final object and the photo knows it
  └────▶ (gone)    replaced, ended, expired, or not what was announced
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of one photo on its way; instants in ms since 1970 UTC. `file` is `thumb` or `picture`."""

    id: str
    photo_id: str
    file: str
    user_id: str
    size_bytes: int
    offset_bytes: int
    created_at: int
    expires_at: int
    state: str

    @property
    def is_whole(self) -> bool:
        """Whether every byte is durable."""
        return self.offset_bytes == self.size_bytes


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of an upload from `offset_bytes` on, durable under `object_key`."""

    offset_bytes: int
    size_bytes: int
    object_key: str


_COLUMNS: Final = "id, photo_id, file, user_id, size_bytes, offset_bytes, created_at, expires_at, state"
_SELECT: Final = f"SELECT {_COLUMNS} FROM uploads"


def create(plain: sqlite3.Connection, upload: Upload, most: int, idle_before: int) -> list[str] | None:
    """Write a new upload in place of older ones of the same file; returns the ids of those replaced.

    A user who has `most` open gives up one that nobody went on with since `idle_before` (ms since 1970 UTC): one
    without bytes before any other, the longest idle first, never a whole one. None: there is no such.
    """
    same = (upload.user_id, upload.photo_id, upload.file)
    sql = "SELECT id FROM uploads WHERE user_id = ? AND photo_id = ? AND file = ? AND state = 'open'"
    replaced = [row[0] for row in plain.execute(sql, same)]
    sql = "SELECT count(*) FROM uploads WHERE user_id = ? AND state = 'open' AND expires_at > ?"
    (count,) = plain.execute(sql, (upload.user_id, upload.created_at)).fetchone()
    if count - len(replaced) >= most:
        idle = _idle(plain, upload, idle_before)
        if idle is None:
            return None
        replaced.append(idle)
    remove(plain, replaced)
    plain.execute(f"INSERT INTO uploads ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", astuple(upload))
    return replaced


def _idle(plain: sqlite3.Connection, upload: Upload, before: int) -> str | None:
    """The user's upload that is missed least; each waits equally long for its next bytes, so the end tells the last."""
    last_end = before + upload.expires_at - upload.created_at
    sql = """SELECT id FROM uploads
        WHERE user_id = ? AND state = 'open' AND offset_bytes < size_bytes AND expires_at > ? AND expires_at <= ?
        ORDER BY offset_bytes > 0, expires_at LIMIT 1"""
    row = plain.execute(sql, (upload.user_id, upload.created_at, last_end)).fetchone()
    return row[0] if row else None


def find(plain: sqlite3.Connection, upload_id: str) -> Upload | None:
    """The upload with this id."""
    row = plain.execute(f"{_SELECT} WHERE id = ?", (upload_id,)).fetchone()
    return Upload(*row) if row else None


def is_done(plain: sqlite3.Connection, photo_id: str, file: str) -> bool:
    """Whether an upload of this file arrived, as far back as uploads are remembered."""
    sql = "SELECT 1 FROM uploads WHERE photo_id = ? AND file = ? AND state = 'done'"
    return plain.execute(sql, (photo_id, file)).fetchone() is not None


def advance(plain: sqlite3.Connection, upload_id: str, start: int, parts: Sequence[Part], expires_at: int) -> bool:
    """Add durable parts that begin at byte `start`; False: the upload does not stand there (any more).

    Of two that send the same bytes at once, one wins here.
    """
    end = start + sum(part.size_bytes for part in parts)
    sql = "UPDATE uploads SET offset_bytes = ?, expires_at = ? WHERE id = ? AND offset_bytes = ? AND state = 'open'"
    if plain.execute(sql, (end, expires_at, upload_id, start)).rowcount == 0:
        return False
    sql = "INSERT INTO upload_parts (upload_id, offset_bytes, size_bytes, object_key) VALUES (?, ?, ?, ?)"
    plain.executemany(sql, [(upload_id, part.offset_bytes, part.size_bytes, part.object_key) for part in parts])
    return True


def parts_of(plain: sqlite3.Connection, upload_id: str) -> list[Part]:
    """The upload's parts in order, without a hole."""
    sql = "SELECT offset_bytes, size_bytes, object_key FROM upload_parts WHERE upload_id = ? ORDER BY offset_bytes"
    return [Part(*row) for row in plain.execute(sql, (upload_id,))]


def count_parts(plain: sqlite3.Connection, upload_id: str) -> int:
    """How many parts the upload has."""
    count: int = plain.execute("SELECT count(*) FROM upload_parts WHERE upload_id = ?", (upload_id,)).fetchone()[0]
    return count


def mark_done(plain: sqlite3.Connection, upload_id: str) -> None:
    """Note that the bytes are where they belong; the parts are needed no more."""
    plain.execute("UPDATE uploads SET state = 'done' WHERE id = ?", (upload_id,))
    plain.execute("DELETE FROM upload_parts WHERE upload_id = ?", (upload_id,))


def remove(plain: sqlite3.Connection, upload_ids: Iterable[str]) -> None:
    """Forget uploads and their parts."""
    ids = [(upload_id,) for upload_id in upload_ids]
    plain.executemany("DELETE FROM upload_parts WHERE upload_id = ?", ids)
    plain.executemany("DELETE FROM uploads WHERE id = ?", ids)


def whole(plain: sqlite3.Connection) -> list[Upload]:
    """Uploads whose every byte is durable and that a crash kept from being done."""
    return [Upload(*row) for row in plain.execute(f"{_SELECT} WHERE state = 'open' AND offset_bytes = size_bytes")]


def expired(plain: sqlite3.Connection, now: int) -> list[str]:
    """Ids of uploads nobody went on with, and of done ones that need not be remembered; whole ones wait to be done."""
    sql = "SELECT id FROM uploads WHERE expires_at <= ? AND (state = 'done' OR offset_bytes < size_bytes)"
    return [row[0] for row in plain.execute(sql, (now,))]


def known(plain: sqlite3.Connection) -> frozenset[str]:
    """Ids of uploads that may have parts."""
    return frozenset(row[0] for row in plain.execute("SELECT id FROM uploads WHERE state = 'open'"))
