"""docs/AUTHORISATION.md says what the tables say."""

from __future__ import annotations

from pathlib import Path

from tests.authorisation.page import page

PAGE = Path(__file__).parents[2] / "docs" / "AUTHORISATION.md"


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.authorisation.page > docs/AUTHORISATION.md"
