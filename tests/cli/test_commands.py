"""The command line on real databases: clear lines, exit statuses, and nothing half done."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from server import cli
from tests.accounts.site import PASSWORD


class Shell:
    """Runs commands on one data folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.out = ""
        self.err = ""

    def __call__(self, *words: str | Path, given: str = "") -> int:
        self._monkeypatch.setattr("sys.stdin", io.StringIO(given))
        self._capsys.readouterr()
        status = cli.main([*map(str, words), "--data", str(self.folder)])
        self.out, self.err = self._capsys.readouterr()
        return status


@pytest.fixture
def shell(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("COLUMNS", "200")
    return Shell(folder, capsys, monkeypatch)


@pytest.fixture
def empty(shell: Shell, tmp_path: Path) -> Shell:
    shell.folder = tmp_path / "new"
    return shell


def test_a_server_is_set_up_from_nothing_by_commands_alone(empty: Shell) -> None:
    assert empty("migrate") == 0
    assert "punchlist: empty →" in empty.out
    assert empty("migrate") == 0
    assert "up to date" in empty.out
    assert empty("project", "add", "Harbour Row") == 0
    assert empty("sector", "add", "B-4", "Building B, 4th floor") == 0
    assert empty("sector", "add", "B-4.1", "Flat 1", "--parent", "b-4") == 0
    words = ("user", "add", "ana", "--name", "Ana", "--role", "worker", "--sector", "B-4")
    assert empty(*words, "--password-stdin", given=f"{PASSWORD}\n") == 0
    assert empty("user", "list") == 0
    assert empty.out.splitlines()[1].split() == ["ana", "Ana", "worker", "B-4", "0"]
    assert empty("sector", "list") == 0
    assert [line.split()[0] for line in empty.out.splitlines()] == ["code", "B-4", "B-4.1"]
    assert empty("project", "show") == 0
    assert "2 sectors, 1 actors" in empty.out
    assert empty("audit", "verify") == 0
    assert "The chain holds" in empty.out


def test_a_password_nobody_can_be_asked_for_is_made_up_and_shown_once(shell: Shell) -> None:
    assert shell("user", "add", "cara", "--role", "storekeeper") == 0
    made_up = shell.out.split("Password: ")[1].split()[0]
    assert len(made_up) == 23
    assert shell("user", "password", "cara") == 0
    assert made_up not in shell.out


def test_users_are_switched_off_on_and_changed(shell: Shell) -> None:
    assert shell("user", "disable", "ana") == 0
    assert shell("user", "list") == 0
    assert "switched off" in shell.out
    assert shell("user", "enable", "ana") == 0
    assert shell("user", "grant", "ana", "--role", "worker", "--sector", "C-2") == 0
    assert shell("user", "end", "ana", "--sector", "C-2") == 0
    assert shell.out.startswith("Ended 1 role")
    assert shell("user", "sign-out", "ana") == 0


FAILURES = [
    (("user", "add", "ana", "--password-stdin"), "already", "a login that is taken"),
    (("user", "add", "cara", "--password-stdin", "--company", "Nobody"), "no company", "an unknown company"),
    (("user", "add", "cara", "--password-stdin", "--sector", "Z-9", "--role", "worker"), "no sector", "unknown sector"),
    (("user", "disable", "nobody"), "There is no user", "an unknown login"),
    (("user", "grant", "nobody", "--role", "admin"), "There is no user", "an unknown login"),
    (("sector", "add", "b-4", "Again"), "already", "a sector that is there"),
    (("sector", "add", " ", "Nothing"), "needs a code", "a code of blanks"),
    (("project", "add", "Another"), "has its project", "a second project"),
    (("import", "missing.csv", "--sector", "B-4"), "No such file", "a file that is not there"),
    (("import", "LIST", "--sector", "Z-9"), "no sector", "an unknown sector"),
    (("import", "LIST", "--sector", "B-4", "--as", "nobody"), "no user", "an unknown importer"),
    (("import", "LIST", "--sector", "B-4", "--map", "x"), "HEADING=FIELD", "a map that is none"),
]


@pytest.mark.parametrize(("words", "reason", "why"), FAILURES)
def test_what_cannot_be_done_is_one_clear_line(
    shell: Shell, tmp_path: Path, words: tuple[str, ...], reason: str, why: str
) -> None:
    (tmp_path / "list.csv").write_text("Title\nCracked tile\n")
    given = [str(tmp_path / "list.csv") if word == "LIST" else word for word in words]
    assert shell(*given, given=f"{PASSWORD}\n") == 1, why
    assert shell.err.count("\n") == 1, why
    assert shell.err.startswith("holdfast: "), why
    assert reason in shell.err, why
    assert shell.out == "", why


@pytest.mark.parametrize("words", [(), ("user",), ("nonsense",), ("user", "grant", "ana"), ("user", "add")])
def test_a_wrong_command_line_is_status_2(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert "usage: holdfast" in capsys.readouterr().err


def test_a_mistyped_data_folder_is_not_made(empty: Shell) -> None:
    assert empty("user", "list") == 1
    assert "There is no Holdfast data in" in empty.err
    assert not empty.folder.exists()


def test_a_wrong_setting_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_READERS", "many")
    assert shell("user", "list") == 1
    assert "The setting readers is wrong" in shell.err


def test_a_database_of_a_newer_version_is_left_alone(shell: Shell) -> None:
    with closing(sqlite3.connect(shell.folder / "core.db")) as plain:
        plain.execute("UPDATE alembic_version SET version_num = 'core_9999'")
        plain.commit()
    assert shell("user", "list") == 1
    assert "newer Holdfast" in shell.err


def test_settings_are_shown_without_secrets(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_SECRET", "hush" * 10)
    assert shell("settings") == 0
    assert "HOLDFAST_PORT" in shell.out
    assert "hush" not in shell.out


def test_a_broken_chain_is_named_with_its_position(shell: Shell) -> None:
    assert shell("audit", "verify") == 0
    with closing(sqlite3.connect(shell.folder / "core.db")) as plain:
        plain.execute("DROP TRIGGER audit_logs_keep_changed")
        plain.execute("UPDATE audit_logs SET at = at + 1 WHERE position = 2")
        plain.commit()
    assert shell("audit", "verify") == 1
    assert "broken at position 2" in shell.err


LIST = "No;Subject;Contractor;Due;Whim\n1;Cracked tile;Northside;30.11.2026;x\n2;Door binds;Keel;;y\n"


def test_an_import_is_previewed_then_done_then_nothing(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(LIST.encode("utf-8-sig"))
    assert shell("import", file, "--sector", "B-4", "--preview") == 0
    assert "(not imported)" in shell.out
    assert "2 rows in all; nothing was imported." in shell.out
    assert shell("import", file, "--sector", "B-4") == 0
    assert shell.out == "New company: Keel, Northside\nImported: 2 created, 0 edited, 0 unchanged.\n"
    assert shell("import", file, "--sector", "B-4") == 0
    assert shell.out == "Imported: 0 created, 0 edited, 2 unchanged.\n"
    assert shell("sector", "list") == 0
    assert shell.out.splitlines()[1].split()[-1] == "2"


def test_mistakes_are_listed_with_the_file_and_the_line(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("Title,Due\nfine,2026-11-30\n,2026-11-30\nlate,soon\n")
    assert shell("import", file, "--sector", "B-4") == 1
    assert shell.err.splitlines() == [
        "list.csv, line 3: “Title” is empty",
        "list.csv, line 4: “soon” is no date that can be read for sure; write it like 2026-11-30",
        "holdfast: Nothing was imported; 2 mistake(s) above.",
    ]
    assert shell("project", "show") == 0
    assert "0 punch items" in shell.out


@pytest.mark.parametrize("command", [("migrate",), ("user", "list"), ("audit", "verify"), ("serve", "--port", "0")])
def test_a_damaged_database_is_one_clear_line(shell: Shell, command: tuple[str, ...]) -> None:
    (shell.folder / "punchlist.db").write_bytes(b"no database at all, " * 500)
    assert shell(*command) == 1
    assert "file is not a database" in shell.err
    assert len(shell.err.splitlines()) == 1
