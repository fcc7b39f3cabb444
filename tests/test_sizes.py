"""What a phone has to download before it works without network stays small (gzip, 1 kB = 1,000 bytes)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

BUILD = Path(__file__).resolve().parents[1] / "build"


def kept() -> list[str]:
    """Paths that the service worker keeps, and itself."""
    return [
        "sw.js",
        *(path.removeprefix("/") for path in json.loads((BUILD / "manifest.json").read_text())["precache"]),
    ]


def size(paths: list[str]) -> float:
    """kB of the files together, each compressed by itself as the server sends it."""
    return sum(len(gzip.compress((BUILD / path).read_bytes(), 9, mtime=0)) for path in paths) / 1_000


LIMITS = [
    ("the service worker", "sw.js", 6),
    ("the code of the worker's screens", ".js", 35),
    ("the styles", ".css", 10),
    ("all that is kept for offline use", "", 120),
]


@pytest.mark.parametrize(("what", "ending", "limit"), LIMITS, ids=[row[0] for row in LIMITS])
def test_stays_within_its_limit(what: str, ending: str, limit: int) -> None:
    assert (BUILD / "manifest.json").is_file(), "the app is not built: run scripts/build"
    paths = [path for path in kept() if path.endswith(ending) and (ending != ".js" or path != "sw.js")]
    assert paths, f"nothing ends in {ending}"
    assert size(paths) <= limit, f"{what}: {size(paths):.1f} kB of {limit}"


def test_nothing_of_the_shell_comes_from_elsewhere() -> None:
    for path in kept():
        assert (BUILD / path).is_file(), path
