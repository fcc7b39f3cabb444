"""`holdfast jobs`: what failed is shown with its reason, until a person tries it again or gives it up."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from server import cli
from server.store import core_jobs
from tests.jobs.crew import new_job

FAILED = new_job("make_previews", args={"photo_id": "p1"}, error="the disk is [odd]")


class Shell:
    """Runs `holdfast jobs` on one data folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.core = folder / "core.db"
        self._data = ("--data", str(folder))
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        return self.exactly("jobs", *words, *self._data)

    def exactly(self, *words: str) -> int:
        status = cli.main(words)
        self.out, self.err = self._capsys.readouterr()
        return status

    def read(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.core)) as plain:
            return plain.execute(sql).fetchall()


@pytest.fixture
def shell(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("COLUMNS", "200")
    found = Shell(folder, capsys)
    with closing(sqlite3.connect(found.core)) as plain, plain:
        core_jobs.add(plain, [FAILED, new_job("make_previews"), new_job("digest", queue="notifications")])
        plain.execute("UPDATE jobs SET state = 'parked', error = 'It did not come back.' WHERE rowid = 3")
    return found


def test_without_jobs_it_says_so(shell: Shell) -> None:
    with closing(sqlite3.connect(shell.core)) as plain, plain:
        plain.execute("DELETE FROM jobs")
    assert shell() == 0
    assert shell.out == "There are no jobs.\n"


def test_jobs_are_counted_and_failed_ones_shown_with_their_reasons(shell: Shell) -> None:
    assert shell() == 0
    lines = [line.split() for line in shell.out.splitlines()]
    assert ["notifications", "parked", "1"] in lines
    assert ["uploads", "failed", "1"] in lines
    assert ["uploads", "queued", "1"] in lines
    assert FAILED.id in shell.out
    assert "the disk is [odd]" in shell.out
    assert "It did not come back." in shell.out
    assert '{"photo_id":"p1"}' in shell.out


def test_one_is_tried_again_with_all_its_attempts(shell: Shell) -> None:
    assert shell("retry", FAILED.id) == 0
    assert shell.out == "1 job(s) queued again.\n"
    assert shell.read("SELECT state, attempts, finished_at FROM jobs WHERE rowid = 1") == [("queued", 0, None)]
    assert shell("retry", FAILED.id) == 1
    assert "There is no failed job" in shell.err


def test_all_are_tried_again(shell: Shell) -> None:
    assert shell("retry", "--all") == 0
    assert shell.read("SELECT DISTINCT state FROM jobs") == [("queued",)]
    assert shell("retry", "--all") == 0
    assert shell.out == "0 job(s) queued again.\n"


def test_one_is_given_up_and_its_word_delivered_again_does_not_revive_it(shell: Shell) -> None:
    assert shell("forget", FAILED.id) == 0
    assert FAILED.id not in _shown(shell)
    with closing(sqlite3.connect(shell.core)) as plain, plain:
        assert core_jobs.add(plain, [FAILED]) == 0
    assert shell("forget", FAILED.id) == 1
    assert "There is no job" in shell.err


def test_what_people_decide_is_in_the_audit_chain(shell: Shell) -> None:
    assert shell("retry", "--all") == 0
    assert shell("forget", FAILED.id) == 0
    kinds = "SELECT kind, count(*) FROM audit_pending WHERE kind LIKE 'job.%' GROUP BY kind ORDER BY kind"
    assert shell.read(kinds) == [("job.forget", 1), ("job.retry", 2)]


def test_the_folder_may_be_said_before_the_command(shell: Shell) -> None:
    assert shell.exactly("jobs", *shell._data, "retry", FAILED.id) == 0


@pytest.mark.parametrize("words", [["retry"], ["retry", "x", "--all"], ["forget"], ["run"]])
def test_a_wrong_line_changes_nothing(shell: Shell, words: list[str]) -> None:
    before = shell.read("SELECT * FROM jobs")
    with pytest.raises(SystemExit, match="2"):
        shell(*words)
    assert shell.read("SELECT * FROM jobs") == before


def _shown(shell: Shell) -> str:
    assert shell() == 0
    return shell.out
