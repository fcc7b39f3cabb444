"""Reads a table as spreadsheets save it: any usual encoding, any usual separator, quoted line breaks."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SEPARATORS: Final = (",", ";", "\t", "|")
LARGEST_BYTES: Final = 64 * 1024 * 1024
"""A punch list of 10,000 rows has about 3 MB; what is larger is hardly one."""

LONGEST_CELL: Final = 100_000
"""Characters of one cell; an unclosed quotation mark shows itself by a longer one."""


class SheetRefused(ValueError):
    """The file is not a table; the text says why, to people."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table; `number` is the line of the file it starts on, from 1, as an editor shows it."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as read. `notices` tell people what was guessed."""

    encoding: str
    separator: str
    lines: tuple[Line, ...]
    notices: tuple[str, ...]


def read(data: bytes) -> Sheet:
    """The table in `data`, empty lines left out; raises `SheetRefused`."""
    if len(data) > LARGEST_BYTES:
        raise SheetRefused(f"The file has {len(data) // 2**20} MB; at most {LARGEST_BYTES // 2**20} are read.")
    text, encoding, notices = _decode(data)
    if not text.strip():
        raise SheetRefused("The file is empty.")
    if "\x00" in text:
        raise SheetRefused("The file is not text. Save it as CSV (UTF-8) and try again.")
    text, skipped, separator = _announced(text)
    separator = separator or _sniff(text)
    return Sheet(encoding, separator, tuple(_lines(text, separator, skipped)), notices)


def _decode(data: bytes) -> tuple[str, str, tuple[str, ...]]:
    for bom, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(bom):
            return _strictly(data, encoding), encoding, ()
    if guess := _utf16_without_mark(data):
        return _strictly(data, guess), guess, ()
    try:
        return data.decode("utf-8"), "utf-8", ()
    except UnicodeDecodeError:
        notice = "The file is not UTF-8; it was read as Windows-1252. Look whether accents and dashes are right."
        return _strictly(data, "cp1252"), "cp1252", (notice,)


def _utf16_without_mark(data: bytes) -> str:
    """UTF-16 without a byte order mark: in a mostly Latin text every other byte is zero."""
    head = data[:200]
    if len(head) < 4:
        return ""
    if head[1::2].count(0) > len(head) // 4 and not head[0::2].count(0):
        return "utf-16-le"
    return "utf-16-be" if head[0::2].count(0) > len(head) // 4 and not head[1::2].count(0) else ""


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"Line {line} holds bytes that are no text in {encoding}. Save the file as CSV (UTF-8) and try again."
        raise SheetRefused(reason) from error


def _announced(text: str) -> tuple[str, int, str]:
    """The text without Excel's own first line `sep=;`, how many lines that took, and the separator it names."""
    first, _, rest = text.partition("\n")
    mark = first.strip().lower()
    if mark.startswith("sep=") and len(mark) == 5:
        return rest, 1, mark[4]
    return (rest, 1, "\t") if mark == "sep=" and "\t" in first else (text, 0, "")


def _sniff(text: str) -> str:
    """The separator that cuts most of the first rows into the same number (more than one) of cells."""
    return max(SEPARATORS, key=lambda separator: _evenness(text, separator))


def _evenness(text: str, separator: str) -> tuple[int, int]:
    widths: Counter[int] = Counter()
    try:
        for row, _ in zip(csv.reader(io.StringIO(text, newline=""), delimiter=separator), range(50), strict=False):
            widths[len(row)] += len(row) > 1
    except csv.Error:
        return (0, 0)
    width, rows = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
    return (rows, width)


def _lines(text: str, separator: str, skipped: int) -> Iterator[Line]:
    csv.field_size_limit(LONGEST_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        start = rows.line_num + 1 + skipped
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise SheetRefused(_in_words(error, start)) from error
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield Line(start, tuple(cells))


def _in_words(error: csv.Error, line: int) -> str:
    text = str(error)
    if "expected after" in text:
        return f'Line {line}: a quotation mark inside a quoted cell must be doubled ("").'
    if "field larger" in text or "unexpected end" in text:
        return f"The quotation mark opened in the row of line {line} is never closed."
    return f"Line {line} cannot be read: {text}."
