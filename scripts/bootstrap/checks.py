"""Style, types and directions of imports, for Python and TypeScript, all at once."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.bootstrap import node, npm, places
from scripts.bootstrap.node import Node
from scripts.bootstrap.progress import say

_PYTHON = ("server", "sync", "drills", "migrations", "benchmarks", "scripts", "tests")
_PROJECTS = {"pwa": "page", "service-worker": "worker", "tests/js": "node"}


def prepare() -> Node:
    """Installs what checking the TypeScript takes; the Node to do it with."""
    current = node.ensure()
    npm.ensure(current)
    return current


def run(current: Node) -> int:
    """Runs every check, prints one line for each and all that the failed ones say; 0 when all hold."""
    with ThreadPoolExecutor(2) as pool:
        passed = list(pool.map(lambda check: _holds(*check), _checks(current.program).items()))
    return 0 if all(passed) else 1


def _checks(node_program: Path) -> dict[str, list[str | Path]]:
    bin_ = places.VENV_BIN
    python = [name for name in _PYTHON if any((places.ROOT / name).rglob("*.py"))]
    tsc = places.NODE_MODULES / "typescript" / "bin" / "tsc"
    checks: dict[str, list[str | Path]] = {
        "mypy --strict": [bin_ / "mypy", *python],
        "ruff check": [bin_ / "ruff", "check", "."],
        "ruff format": [bin_ / "ruff", "format", "--check", "."],
        "lint-imports": [bin_ / "lint-imports"],
    }
    for folder, project in _PROJECTS.items():
        if any((places.ROOT / folder).rglob("*.ts")):
            checks[f"tsc {project}"] = [node_program, tsc, "-p", f"tsconfig.{project}.json"]
    return checks


def _holds(name: str, command: list[str | Path]) -> bool:
    started = time.monotonic()
    ended = subprocess.run(
        command,
        cwd=places.ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    holds = ended.returncode == 0
    outcome = "holds" if holds else f"FAILED (exit {ended.returncode})"
    shown = "" if holds else "\n" + ended.stdout.decode(errors="replace").rstrip()
    say(f"{name}: {outcome}, {time.monotonic() - started:.1f} s{shown}")
    return holds
