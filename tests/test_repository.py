"""Promises about the checkout itself: what is pinned, how it is laid out, what may be started."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("server", "sync", "pwa", "service-worker", "migrations", "scripts")
SOURCE_KINDS = (".py", ".ts", ".tsx", ".css", ".html", ".sql", "")
ALARM_LINES = 500


def test_python_locks_name_hashes_and_no_addresses() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text()
        assert "://" not in text, lock.name
        assert "--index-url" not in text, lock.name
        for block in re.split(r"\n(?=\S)", text.strip()):
            assert re.match(r"[a-z0-9-]+(\[[a-z,-]+\])?==\S+ .*\\\n( +#|    --hash=sha256:[0-9a-f]{64})", block), block


def test_what_is_tested_is_what_runs() -> None:
    pinned = {name: set(pins(name)) for name in ("runtime", "test")}
    assert pinned["runtime"] <= pinned["test"]


def pins(lock: str) -> list[str]:
    return re.findall(r"^(\S+==\S+)", (ROOT / "requirements" / f"{lock}.txt").read_text(), re.MULTILINE)


def test_npm_lock_names_hashes_and_no_addresses() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert name == "" or package["integrity"].startswith("sha512-"), name


def test_test_folders_are_not_packages() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py")), "tests/sync/__init__.py would hide the package sync"


@pytest.mark.parametrize("folder", SHIPPED)
def test_no_source_file_is_too_long(folder: str) -> None:
    sources = [path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix in SOURCE_KINDS]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources}
    assert {name: lines for name, lines in lengths.items() if lines > ALARM_LINES} == {}


def test_what_people_start_can_be_started() -> None:
    started = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix]
    for path in [*started, ROOT / ".ci" / "run"]:
        assert path.stat().st_mode & 0o111, path.name
        assert path.read_bytes().startswith(b"#!"), path.name


@pytest.mark.parametrize("package", ["server", "sync"])
def test_every_folder_of_code_is_a_package(package: str) -> None:
    folders = {path.parent for path in (ROOT / package).rglob("*.py")}
    missing = [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()]
    assert missing == [], "lint-imports sees only packages"
