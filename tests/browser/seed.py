"""The small site of the browser tests, made through the command line as an operator would."""

from __future__ import annotations

from pathlib import Path


def make(data: Path) -> None: ...
