"""The TypeScript tables are those of Python: a rule is written in one place."""

from __future__ import annotations

from pathlib import Path

from sync.generate import typescript

TWIN = Path(__file__).parents[2] / "pwa" / "sync" / "rules.ts"


def test_the_typescript_tables_are_up_to_date() -> None:
    assert TWIN.read_text() == typescript(), "run: python -m sync.generate > pwa/sync/rules.ts"
