"""Compares what phones were promised with what the database file holds, read with SQLite alone."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from drills.server_process import HOLDFAST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from drills.phone import Memory


_ROWS: Final = "SELECT id FROM punch_items UNION SELECT id FROM comments UNION SELECT id FROM photos"


@dataclass(slots=True)
class Found:
    """What the comparison found; `broken` says it in words, the first few of each kind."""

    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    broken: list[str] = field(default_factory=list)


def compare(path: Path, memories: Sequence[Memory]) -> Found:
    """Every acknowledged mutation is in once, with its receipt and its effect; nothing is in that nobody made."""
    found = Found(acknowledged=sum(len(memory.receipts) for memory in memories))
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        _look_for_lost(database, memories, found)
        _look_for_doubled(database, memories, found)
        _look_at_the_file(database, found)
    return found


def _look_for_lost(database: sqlite3.Connection, memories: Sequence[Memory], found: Found) -> None:
    stored = dict(database.execute("SELECT mutation_id, body FROM receipts"))
    effects = {row[0] for row in database.execute("SELECT id FROM item_events UNION SELECT id FROM refusals")}
    rows = {row[0] for row in database.execute(_ROWS)}
    for memory in memories:
        for mutation_id, receipt in memory.receipts.items():
            made = memory.made[mutation_id].body
            is_there = stored.get(mutation_id) == receipt and mutation_id in effects
            if json.loads(receipt)["outcome"] in ("applied", "merged", "conflict"):
                is_there = is_there and made["args"]["id"] in rows
            else:
                found.broken.append(f"{made['name']} was not taken: {receipt}")
            found.lost += not is_there
    if found.lost:
        found.broken.append(f"{found.lost} acknowledged mutations are not in the database")


def _look_for_doubled(database: sqlite3.Connection, memories: Sequence[Memory], found: Found) -> None:
    """Each act on an item makes one event and one version; each comment is one row; no number is given twice."""
    made: dict[str, dict[str, Any]] = {key: each.body for memory in memories for key, each in memory.made.items()}
    acts = Counter(_item_of(body) for body in made.values())
    comments = Counter(body["args"]["item_id"] for body in made.values() if body["name"] == "comment.add")
    events = Counter(dict(database.execute("SELECT item_id, count(*) FROM item_events GROUP BY item_id")))
    stored = Counter(dict(database.execute("SELECT item_id, count(*) FROM comments GROUP BY item_id")))
    for item_id, count in acts.items():
        found.doubled += max(0, events[item_id] - count) + max(0, stored[item_id] - comments[item_id])
    sql = "SELECT count(*) - count(DISTINCT number) FROM punch_items"
    found.doubled += int(database.execute(sql).fetchone()[0])
    if found.doubled:
        found.broken.append(f"{found.doubled} effects are in the database more often than they were made")


def audit(data: Path) -> list[str]:
    """What `holdfast audit verify` has against the data folder."""
    command = [*HOLDFAST, "audit", "verify", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [f"the audit does not hold: {done.stderr.strip()}"]


def _look_at_the_file(database: sqlite3.Connection, found: Found) -> None:
    verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        found.broken.append(f"the database file is damaged: {verdict}")


def _item_of(body: dict[str, Any]) -> str:
    return str(body["args"].get("item_id") or body["args"]["id"])
