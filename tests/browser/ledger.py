"""What the server has written, read from its SQLite files directly and not through the server."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Doc = dict[str, Any]


@dataclass(frozen=True)
class Ledger:
    """Both databases of a data folder, read only."""

    data: Path

    def select(self, sql: str, *values: object, database: str = "punchlist") -> list[tuple[Any, ...]]:
        address = f"file:{self.data / database}.db?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=10)) as connection:
            return connection.execute(sql, values).fetchall()

    def docs(self, entity: str, where: str = "is_deleted = 0", *values: object) -> list[Doc]:
        found = self.select(f"SELECT doc FROM {entity} WHERE {where} ORDER BY id", *values)  # noqa: S608 (the tests' own words)
        return [json.loads(doc) for (doc,) in found]

    def items(self, title: str) -> list[Doc]:
        """Every punch item of that title: a doubled one shows."""
        return [doc for doc in self.docs("punch_items") if doc["title"] == title]

    def item(self, title: str) -> Doc:
        """The one punch item of that title."""
        found = self.items(title)
        assert len(found) == 1, f"{len(found)} items are called {title!r}"
        return found[0]

    def events(self, item_id: str) -> list[Doc]:
        """The item's acts in the order the server took them."""
        return sorted(self.docs("item_events", "item_id = ?", item_id), key=lambda event: event["item_version"])

    def comments(self, item_id: str) -> list[str]:
        return [doc["text"] for doc in self.docs("comments", "item_id = ? AND is_deleted = 0", item_id)]

    def conflicts(self, item_id: str) -> list[Doc]:
        return self.docs("conflicts", "item_id = ?", item_id)

    def receipts(self) -> list[Doc]:
        """Receipts by arrival, each with `client` and `n`."""
        rows = self.select("SELECT client, n, body FROM receipts ORDER BY received_at, client, n")
        return [{**json.loads(body), "client": client, "n": n} for client, n, body in rows]

    def user_id(self, name: str) -> str:
        return next(str(doc["id"]) for doc in self.docs("actors") if doc["name"] == name)

    def undelivered(self) -> int:
        """Words of the outbox that the other database has not had yet."""
        return int(self.select("SELECT count(*) FROM outbox WHERE delivered_at IS NULL")[0][0])

    def audit(self, cause: str) -> list[Doc]:
        """Entries of the chain with this cause."""
        rows = self.select(
            "SELECT position, kind, actor_id, payload FROM audit_logs WHERE cause = ? ORDER BY position",
            cause,
            database="core",
        )
        return [
            {"position": position, "kind": kind, "actor_id": actor_id, "payload": json.loads(payload)}
            for position, kind, actor_id, payload in rows
        ]

    def wait_for(self, what: str, is_there: Callable[[], Any], timeout_s: float = 30) -> Any:
        """Looks until `is_there` gives something true; returns it."""
        end = time.monotonic() + timeout_s
        while not (found := is_there()):
            assert time.monotonic() < end, f"the database never had {what}"
            time.sleep(0.05)
        return found

    def assert_sound(self) -> None:
        """Each taken mutation has exactly one receipt and one audit entry, numbers have no hole, the chain verifies."""
        self.wait_for("an empty outbox", lambda: self.undelivered() == 0, 10)
        self._assert_numbered()
        self._assert_audited()
        verified = holdfast(self.data, "audit", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr

    def _assert_numbered(self) -> None:
        numbers: dict[str, list[int]] = {}
        for client, n in self.select("SELECT client, n FROM receipts ORDER BY client, n"):
            numbers.setdefault(client, []).append(n)
        for client, given in numbers.items():
            assert given == list(range(1, len(given) + 1)), f"client {client} has the numbers {given}"

    def _assert_audited(self) -> None:
        for receipt in self.receipts():
            if receipt["outcome"] in ("applied", "merged", "conflict") and receipt["entity"] is not None:
                entries = self.audit(receipt["id"])
                assert len(entries) == 1, f"mutation {receipt} has {len(entries)} audit entries"


def holdfast(data: Path, *words: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs the command line of this checkout on a data folder."""
    return subprocess.run(
        [sys.executable, "-m", "server.cli", *words],
        cwd=ROOT,
        env=environment(data),
        text=True,
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )


def environment(data: Path, **settings: str) -> dict[str, str]:
    """What the server reads: the data folder and whatever else is set, and nothing of the one who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    return {
        **kept,
        "HOLDFAST_DATA_FOLDER": str(data),
        **{f"HOLDFAST_{name.upper()}": v for name, v in settings.items()},
    }
