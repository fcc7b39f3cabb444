"""Tables as spreadsheets save them."""

from __future__ import annotations

import pytest

from server.actions.sheets import SheetRefused, read

WANTED = [("Title", "Due"), ("Café ´ door", "2026-11-23")]
TABLE = "Title,Due\r\nCafé ´ door,2026-11-23\r\n"

READABLE = [
    (TABLE.encode(), "utf-8", ",", "plain UTF-8"),
    (TABLE.encode("utf-8-sig"), "utf-8-sig", ",", "UTF-8 with a mark, as Excel saves it"),
    (TABLE.encode("utf-16"), "utf-16", ",", "UTF-16 with a mark"),
    (TABLE.encode("utf-16-le"), "utf-16-le", ",", "UTF-16 without a mark"),
    (TABLE.encode("utf-16-be"), "utf-16-be", ",", "UTF-16 the other way round, without a mark"),
    (TABLE.encode("cp1252"), "cp1252", ",", "an old Windows export"),
    (TABLE.replace(",", ";").encode(), "utf-8", ";", "the separator of most of Europe"),
    (TABLE.replace(",", "\t").encode("utf-16"), "utf-16", "\t", "Excel's Unicode text"),
    (TABLE.replace(",", "|").encode(), "utf-8", "|", "pipes"),
    (b"sep=;\r\n" + TABLE.replace(",", ";").encode(), "utf-8", ";", "Excel's own first line"),
    (TABLE.replace("\r\n", "\n").encode(), "utf-8", ",", "Unix line ends"),
    (TABLE.replace("\r\n", "\r").encode(), "utf-8", ",", "old Macintosh line ends"),
    (b"\r\n\r\n" + TABLE.encode() + b",\r\n\r\n", "utf-8", ",", "empty lines around"),
]


@pytest.mark.parametrize(("data", "encoding", "separator", "why"), READABLE)
def test_a_table_is_read_however_it_was_saved(data: bytes, encoding: str, separator: str, why: str) -> None:
    sheet = read(data)
    assert [line.cells for line in sheet.lines] == WANTED, why
    assert (sheet.encoding, sheet.separator) == (encoding, separator), why


def test_what_was_guessed_is_said() -> None:
    assert "Windows-1252" in read(TABLE.encode("cp1252")).notices[0]
    assert read(TABLE.encode()).notices == ()


def test_quoted_line_breaks_stay_inside_their_cell_and_lines_keep_their_numbers() -> None:
    sheet = read(b'a;b\n"one, two\nthree ""four""";x\n\nlast;y\n')
    assert [(line.number, line.cells) for line in sheet.lines] == [
        (1, ("a", "b")),
        (2, ('one, two\nthree "four"', "x")),
        (5, ("last", "y")),
    ]


def test_commas_inside_text_do_not_outvote_the_separator() -> None:
    rows = "".join(f'Wall {n}, left, right, top;"due, soon";x\n' for n in range(20))
    assert read(f"Title;Note;State\n{rows}".encode()).separator == ";"


REFUSED = [
    (b"", "empty", "no bytes"),
    (b" \r\n\r\n", "empty", "only blanks"),
    (b"PK\x03\x04\x00\x00", "not text", "a workbook instead of its export"),
    (b'a,b\n"never closed,x\n' + b"row,1\n" * 9, "line 2", "a quotation mark without its pair"),
    (b'a,b\n"x"y,z\n', "doubled", "a quotation mark that is not doubled"),
    (b"a,b\n\x81\x8d,\xff\n", "Line 2", "bytes that are no text anywhere"),
    (b"x" * (64 * 2**20 + 1), "64", "far too large"),
]


@pytest.mark.parametrize(("data", "word"), [pytest.param(data, word, id=why) for data, word, why in REFUSED])
def test_what_is_not_a_table_is_refused_in_words(data: bytes, word: str) -> None:
    with pytest.raises(SheetRefused, match=word):
        read(data)
