"""Which rows of a table every run tries, and which only the full one: one of each kind is always tried."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def rows(table: Iterable[Any], *quick: Any) -> list[Any]:
    """Every row for `parametrize`; those that are not `quick` are left to the full run."""
    names = list(table)
    assert set(quick) <= set(names), f"no such rows: {set(quick) - set(names)}"
    return [name if name in quick else pytest.param(name, marks=pytest.mark.full) for name in names]
