"""The npm packages in node_modules, exactly as package-lock.json names them; their install scripts never run."""

import hashlib
import os
import platform
from collections.abc import Mapping

from scripts.bootstrap import places
from scripts.bootstrap.node import Node
from scripts.bootstrap.programs import run_quietly
from scripts.bootstrap.progress import step

_LOCK = places.ROOT / "package-lock.json"
_STAMP = places.NODE_MODULES / ".holdfast"
_SILENT = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")


def ensure(node: Node) -> None:
    """Brings node_modules to the lock; quick when nothing has changed."""
    if _STAMP.exists() and _STAMP.read_text() == _fingerprint():
        return
    with step("Installing the npm packages"):
        failure = "npm could not install the packages (is the network there?)"
        run_quietly([*node.npm, "ci", *_SILENT], failure=failure, env=path_with(node))
    _STAMP.write_text(_fingerprint())


def write_lock(node: Node, *, upgrade: bool) -> None:
    """Writes package-lock.json anew, without the addresses it was resolved at."""
    command = "update" if upgrade else "install"
    options = ("--package-lock-only", "--omit-lockfile-registry-resolved", *_SILENT)
    run_quietly([*node.npm, command, *options], failure="npm could not write its lock", env=path_with(node))


def path_with(node: Node) -> Mapping[str, str]:
    """An environment in which `node` is the Node that everything finds first."""
    return {"PATH": f"{node.program.parent}:{os.environ.get('PATH', '')}"}


def _fingerprint() -> str:
    machine = f"{platform.system()} {platform.machine()}\n".encode()
    return hashlib.sha256(machine + _LOCK.read_bytes()).hexdigest()
