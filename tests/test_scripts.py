"""What stands in the way of a start is said in one clear line, before anything slow begins."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from scripts.bootstrap import debian, node, places
from scripts.bootstrap.alone import alone
from scripts.bootstrap.progress import Stop

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str | Path, path: str | None = None) -> tuple[int, str]:
    """The exit status of a script and the one line it wrote to stderr."""
    env = {**os.environ, "PATH": path or os.environ["PATH"]}
    ended = subprocess.run(arguments, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.returncode, ended.stderr


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("python", "line", "why"),
    [
        ('case "$2" in *exit*) exit 1;; *) echo 3.9;; esac', "found only 3.9", "a Python that is too old"),
        ("exit 127", "found none", "a name that starts nothing, as version switchers leave them"),
    ],
)
def test_a_machine_without_a_new_python_is_told_so(tmp_path: Path, python: str, line: str, why: str) -> None:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    bin_ = tmp_path / "bin"
    program(bin_, "python3", python)
    (bin_ / "dirname").symlink_to(shutil.which("dirname") or "")
    status, said = run(tmp_path / "scripts" / "run", path=str(bin_))
    assert (status, line in said) == (1, True), why


def test_a_port_in_use_is_named_with_another_to_try() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        status, said = run(ROOT / "scripts" / "run", "--port", str(port))
    assert status == 1
    assert said.startswith(f"Port {port} is in use: ")
    assert f"--port {port + 1}" in said


def test_a_port_that_cannot_be_is_refused() -> None:
    assert run(ROOT / "scripts" / "run", "--port", "99999") == (
        1,
        "There is no port 99999: choose one from 1 to 65535.\n",
    )


def test_a_data_folder_that_cannot_be_written_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    status, said = run(ROOT / "scripts" / "run", "--port", port, "--data", "/dev/null/data")
    assert status == 1
    assert said.startswith("The data folder /dev/null/data cannot be written")


def test_a_read_only_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_may_write = Path("/sys/holdfast")
    monkeypatch.setattr(places, "NOTES", nobody_may_write)
    monkeypatch.setattr(places, "LOCK", nobody_may_write / "lock")
    with pytest.raises(Stop, match="cannot be written: copy Holdfast to a folder of your own"), alone():
        pass


def test_who_may_not_install_is_told_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path, "apt-get", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Stop, match=r"type 'sudo apt-get install python3\.11-venv'"):
        debian.install(["python3.11-venv"], because="This Python cannot make environments")


@pytest.mark.parametrize(
    ("version", "will_do", "why"),
    [
        ("v20.20.2", False, "it cannot run TypeScript"),
        ("v22.17.9", False, "it runs TypeScript with a flag only"),
        ("v22.18.0", True, "the first that runs TypeScript itself"),
        ("v100.0.0", True, "a new one"),
        ("nonsense", False, "not a Node"),
    ],
)
def test_the_machines_node_is_used_when_it_runs_typescript(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, will_do: bool, why: str
) -> None:
    program(tmp_path / "bin", "node", f"echo {version}")
    program(tmp_path / "bin", "npm", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(places, "VENV", tmp_path / "none")
    found = node.find()
    assert (found is not None) == will_do, why
