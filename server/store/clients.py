"""What the phones last said about themselves, for their owners and for the office's list of phones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import orjson

from server.store.office import documents

if TYPE_CHECKING:
    import sqlite3

    from server.store.punchlist import PunchlistStore
    from sync.changes import Document
    from sync.wire import DeviceReport


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One user on one phone, as last heard of. `pending`: changes it had and the server had not; instants in ms."""

    id: str
    user_id: str
    seen_at: int
    app_version: str
    pending: int
    photos: int
    """Photos it announced whose bytes are not here."""

    @property
    def unsent(self) -> int:
        """What would be lost with this phone, as far as the server knows."""
        return self.pending + self.photos


async def note_report(store: PunchlistStore, client: str, report: DeviceReport, now: int) -> None:
    """Keep the report of a client that has pushed before; `now` in ms since 1970 UTC."""
    await store.write_alone(partial(_note_report, client=client, report=report, now=now))


def reported(plain: sqlite3.Connection) -> list[ClientRow]:
    """Every client that was heard of, the last one first; one that said nothing of itself is known to hold nothing."""
    announced = "SELECT doc FROM photos WHERE state = 'waiting' AND is_deleted = 0"
    photos = Counter(orjson.loads(doc)["client"] for (doc,) in plain.execute(announced))
    clients = """
        SELECT id, user_id, seen_at, coalesce(app_version, ''), coalesce(pending, 0) FROM clients
        WHERE seen_at IS NOT NULL AND is_revoked = 0 ORDER BY seen_at DESC, id"""
    return [
        ClientRow(id_, user_id, seen_at, app_version, pending, photos[id_])
        for id_, user_id, seen_at, app_version, pending in plain.execute(clients)
    ]


def reported_with_people(plain: sqlite3.Connection) -> tuple[list[ClientRow], list[Document], list[Document]]:
    """Every client that has reported, the documents of all actors, and those of all memberships, as of one instant."""
    return reported(plain), documents(plain, "actors"), documents(plain, "memberships")


def _note_report(plain: sqlite3.Connection, client: str, report: DeviceReport, now: int) -> None:
    sql = "UPDATE clients SET seen_at = ?, app_version = ?, pending = ?, oldest_unsent_at = ? WHERE id = ?"
    plain.execute(sql, (now, report.app_version, report.pending, report.oldest_unsent_at, client))
