"""The drill `kill`: it runs, and it would tell."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from drills import kill
from drills.database import compare
from drills.phone import Made, Memory, receipts_in

ROOT = Path(__file__).resolve().parents[2]
CARELESS = (sys.executable, str(Path(__file__).with_name("early_ack_server.py")))


def test_nothing_is_lost_or_doubled_when_the_server_is_killed() -> None:
    outcome = kill.drill(kills=3, seed=1, phones=4)
    assert outcome.broken == []
    assert re.fullmatch(r"3 kills, [\d,]+ acknowledged, 0 lost, 0 doubled, \d+ s", outcome.figures)


def test_a_server_that_acknowledges_before_its_commit_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(kill, "DRAIN_S", 2.0)
    outcome = kill.drill(kills=3, seed=1, command=CARELESS, phones=4)
    assert not outcome.is_kept
    assert not re.search(r" 0 lost,", outcome.figures), outcome.figures


def test_drills_are_listed_with_their_promises() -> None:
    done = subprocess.run([sys.executable, "-m", "drills"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["kill", "photos"]


RECEIPT = '{"id":"m2","outcome":"applied"}'


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An item and its comment, as a kept promise leaves them."""
    path = tmp_path / "punchlist.db"
    with closing(sqlite3.connect(path)) as plain:
        plain.executescript(f"""
            CREATE TABLE receipts (mutation_id, body);
            CREATE TABLE item_events (id, item_id);
            CREATE TABLE refusals (id);
            CREATE TABLE punch_items (id, number);
            CREATE TABLE comments (id, item_id);
            CREATE TABLE photos (id, item_id);
            INSERT INTO receipts VALUES ('m1', '{RECEIPT.replace("m2", "m1")}'), ('m2', '{RECEIPT}');
            INSERT INTO item_events VALUES ('m1', 'i1'), ('m2', 'i1');
            INSERT INTO punch_items VALUES ('i1', 1);
            INSERT INTO comments VALUES ('c1', 'i1');
            """)  # noqa: S608 - the words are this file's own
        plain.commit()
    return path


def memory() -> Memory:
    made = {
        "m1": Made(1, {"id": "m1", "name": "item.create", "args": {"id": "i1"}}),
        "m2": Made(2, {"id": "m2", "name": "comment.add", "args": {"id": "c1", "item_id": "i1"}}),
    }
    return Memory(made, {"m1": RECEIPT.replace("m2", "m1"), "m2": RECEIPT})


DAMAGES = [
    ("SELECT 1", 0, 0, "nothing happened"),
    ("DELETE FROM comments", 1, 0, "the effect is gone"),
    ("DELETE FROM item_events WHERE id = 'm2'", 1, 0, "the event is gone"),
    ("DELETE FROM receipts WHERE mutation_id = 'm1'", 1, 0, "the receipt is gone"),
    ("UPDATE receipts SET body = replace(body, 'applied', 'merged')", 2, 0, "the receipts say something else"),
    ("INSERT INTO comments VALUES ('c2', 'i1')", 0, 1, "the comment is there twice"),
    ("INSERT INTO item_events VALUES ('m3', 'i1')", 0, 1, "an act is on record that nobody did"),
    ("INSERT INTO punch_items VALUES ('i2', 1)", 0, 1, "a project number was given twice"),
]


@pytest.mark.parametrize(("sql", "lost", "doubled", "why"), DAMAGES)
def test_the_comparison_counts_what_is_lost_and_doubled(
    database: Path, sql: str, lost: int, doubled: int, why: str
) -> None:
    with closing(sqlite3.connect(database)) as plain:
        plain.execute(sql)
        plain.commit()
    found = compare(database, [memory()])
    assert (found.lost, found.doubled) == (lost, doubled), why
    assert bool(found.broken) == bool(lost or doubled), why


def test_receipts_are_compared_byte_for_byte() -> None:
    text = '{"protocol":1,"receipts":[{"id":"a","text":"}],["},{"id":"b"}],"next_n":3}'
    assert receipts_in(text) == ['{"id":"a","text":"}],["}', '{"id":"b"}']
    assert receipts_in('{"receipts":[],"next_n":1}') == []
