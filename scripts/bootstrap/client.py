"""Builds the client into build/ when its sources have changed: pages, styles, service worker, icons."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from scripts.bootstrap import bundles, node, npm, places
from scripts.bootstrap.progress import Stop, step

# What the result depends on; the templates too, since the service worker keeps the pages they make.
_SOURCES = ("pwa", "service-worker", "server/templates", "scripts/bootstrap")
_SOURCE_FILES = ("package-lock.json", "tsconfig.base.json", "tsconfig.page.json", "tsconfig.worker.json")
_FRESH = places.NOTES / "build"
_OLD = places.NOTES / "build.old"


def ensure() -> None:
    """Brings build/ to the sources; quick when nothing has changed."""
    version = fingerprint()
    if _built_version() == version:
        return
    _have_sources()
    current = node.ensure()
    npm.ensure(current)
    with step("Building the app"):
        shutil.rmtree(_FRESH, ignore_errors=True)
        bundles.build(current, _FRESH, version)
        _replace()


def fingerprint() -> str:
    """The version of the client: changes with its sources, and with nothing else."""
    total = hashlib.sha256()
    for path in _sources():
        total.update(f"{path.relative_to(places.ROOT)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    yield from (places.ROOT / name for name in _SOURCE_FILES)
    for folder in _SOURCES:
        yield from sorted(path for path in (places.ROOT / folder).rglob("*") if _is_source(path))


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _built_version() -> str | None:
    try:
        return str(json.loads((places.BUILD / "manifest.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None


def _have_sources() -> None:
    for needed in ("pwa", "service-worker"):
        if not (places.ROOT / needed).is_dir():
            raise Stop(f"There is no folder {needed}/ to build the app from: this checkout is not complete.")


def _replace() -> None:
    """Puts the fresh folder in the place of build/, so that nobody meets a half-written one."""
    shutil.rmtree(_OLD, ignore_errors=True)
    if places.BUILD.exists():
        places.BUILD.rename(_OLD)
    _FRESH.rename(places.BUILD)
    shutil.rmtree(_OLD, ignore_errors=True)
