"""The build numbers the words that code names, and stops where one does not exist."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.bootstrap import wording
from scripts.bootstrap.progress import Stop

WORDS = {"save": "Save", "item": {"gone": "Not here", "unused": "Never shown"}, "status": {"open": "Open"}}


def folder(tmp_path: Path, code: str) -> Path:
    (tmp_path / "views").mkdir()
    (tmp_path / "locales").mkdir()
    (tmp_path / "views" / "page.tsx").write_text(code)
    (tmp_path / "locales" / "en.json").write_text(json.dumps(WORDS))
    return tmp_path


EXAMPLES = [
    ("words.save", "words[0]", ["Save"], "a word at the top"),
    ("words.item.gone", "words[0]", ["Not here"], "a word inside of a table"),
    ("words.status[kind]", "words[0][kind]", [{"open": "Open"}], "a table keeps the names inside of it"),
    ("words.item.gone, words.save, words.save", "words[1], words[0], words[0]", ["Save", "Not here"], "often is short"),
    ('import { words } from "./words.ts";', 'import { words } from "./words.ts";', [], "a module's name is no word"),
    ("swords.save", "swords.save", [], "another name is left alone"),
]


@pytest.mark.parametrize(("code", "numbered", "kept", "why"), EXAMPLES, ids=[row[3] for row in EXAMPLES])
def test_words_become_numbers(tmp_path: Path, code: str, numbered: str, kept: list[object], why: str) -> None:
    pwa = folder(tmp_path, code)
    wording.number(pwa)
    assert (pwa / "views/page.tsx").read_text() == numbered, why
    assert json.loads((pwa / "locales/en.json").read_text()) == kept, why


@pytest.mark.parametrize("path", ["words.missing", "words.item.missing", "words.save.length"])
def test_a_word_that_does_not_exist_stops_the_build(tmp_path: Path, path: str) -> None:
    with pytest.raises(Stop, match=path):
        wording.number(folder(tmp_path, path))
