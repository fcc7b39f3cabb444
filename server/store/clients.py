"""What the phones last said about themselves, for the office's list of phones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from server.store.punchlist import PunchlistStore
    from sync.wire import DeviceReport


async def note_report(store: PunchlistStore, client: str, report: DeviceReport, now: int) -> None:
    """Keep the report of a client that has pushed before; `now` in ms since 1970 UTC."""
    await store.write_alone(partial(_note_report, client=client, report=report, now=now))


def _note_report(plain: sqlite3.Connection, client: str, report: DeviceReport, now: int) -> None:
    sql = "UPDATE clients SET seen_at = ?, app_version = ?, pending = ?, oldest_unsent_at = ? WHERE id = ?"
    plain.execute(sql, (now, report.app_version, report.pending, report.oldest_unsent_at, client))
