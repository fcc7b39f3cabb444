"""Cells of a trade's punch list → values of our fields, every mistake named in words with its line."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from server.actions.columns import plain
from sync.arguments import TAG_LIMIT
from sync.schema import ITEM_FIELDS, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from server.actions.columns import Columns
    from server.actions.sheets import Line

STATUSES: Final[Mapping[Status, tuple[str, ...]]] = MappingProxyType(
    {
        Status.OPEN: ("", "open", "new", "draft", "initiated", "to do", "todo", "not started", "outstanding", "active"),
        Status.IN_PROGRESS: ("in progress", "started", "ongoing", "work in progress", "wip", "in work"),
        Status.READY_FOR_REVIEW: ("ready for review", "ready to inspect", "work completed", "completed", "complete",
                                  "done", "fixed", "resolved", "in review", "ready to close", "pending review"),
        Status.NOT_ACCEPTED: ("not accepted", "work not accepted", "rejected", "sent back", "reopened", "failed"),
        Status.DISPUTED: ("disputed", "in dispute", "item disputed", "on hold"),
        Status.CLOSED: ("closed", "accepted", "verified", "approved", "signed off"),
        Status.VOID: ("void", "voided", "cancelled", "canceled", "not a defect", "n a", "deleted"),
    }
)  # fmt: skip

PRIORITIES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "low": ("low", "minor", "trivial", "cosmetic", "p4", "4"),
        "normal": ("", "normal", "medium", "moderate", "standard", "p3", "3"),
        "high": ("high", "major", "important", "p2", "2"),
        "urgent": ("urgent", "critical", "immediate", "emergency", "blocker", "very high", "p1", "1"),
    }
)

TYPES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "defect": ("", "defect", "deficiency", "snag", "punch", "punch item", "quality", "workmanship", "issue"),
        "incomplete": ("incomplete", "incomplete work", "missing", "unfinished", "outstanding work", "to complete"),
        "damage": ("damage", "damaged", "repair"),
        "safety": ("safety", "hse", "ehs", "hazard", "health and safety"),
        "observation": ("observation", "remark", "note", "comment", "other", "general", "warranty"),
    }
)

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME: Final = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST: Final = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}", re.ASCII)
_DAY_DOTTED: Final = re.compile(rf"(\d{{1,2}})\.\s?(\d{{1,2}})\.\s?(\d{{4}}|\d{{2}}){_TIME}", re.ASCII)
_EITHER: Final = re.compile(rf"(\d{{1,2}})[/-](\d{{1,2}})[/-](\d{{4}}|\d{{2}}){_TIME}", re.ASCII)
_DAY_WORD: Final = re.compile(
    rf"(?:[A-Za-z]+,? )?(\d{{1,2}})(?:st|nd|rd|th)?[ .-]+([A-Za-z]{{3,9}})\.?,?[ .-]+(\d{{4}}|\d{{2}}){_TIME}", re.ASCII
)
_WORD_DAY: Final = re.compile(
    rf"(?:[A-Za-z]+, )?([A-Za-z]{{3,9}})\.? (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}}|\d{{2}}){_TIME}", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a line of the file, for people."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One row of the file. `values` holds fields of the file's columns only; names are still names."""

    line: int
    values: Mapping[str, Any]
    trade: str | None = None
    company: str | None = None
    assignees: tuple[str, ...] | None = None
    status: Status | None = None


@dataclass(slots=True)
class Reading:
    """Everything that was read. Nothing is imported while there is a mistake."""

    rows: list[Wanted] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def read_rows(columns: Columns, dates: str = "") -> Reading:
    """Read every row; `dates` is `dmy` or `mdy` where dates like 03/04/2026 occur, "" to find out or ask."""
    reading = Reading()
    order = dates or _order_of_dates(columns, reading)
    for line in columns.rows:
        row = _Row(columns, line, order, reading.mistakes)
        reading.rows.append(row.wanted())
    _check_refs(columns, reading)
    return reading


class _Row:
    """Reads one line; mistakes are collected, not raised, so that people see all of them at once."""

    def __init__(self, columns: Columns, line: Line, order: str, mistakes: list[Mistake]) -> None:
        self._columns = columns
        self._line = line
        self._order = order
        self._mistakes = mistakes

    def wanted(self) -> Wanted:
        has = self._columns.places
        if len(self._line.cells) > len(self._columns.header.cells):
            extra = len(self._line.cells) - len(self._columns.header.cells)
            if any(cell.strip() for cell in self._line.cells[-extra:]):
                self._wrong(f"{extra} cells more than there are headings; is a separator inside a cell not quoted?")
        values = {name: read(self) for name, read in _READERS.items() if name in has}
        if not values["title"]:
            self._wrong(f"“{self._columns.heading('title')}” is empty")
        return Wanted(
            self._line.number,
            values,
            self._name("trade") if "trade" in has else None,
            self._name("company") if "company" in has else None,
            self._list("assignees", "[;\n|]") if "assignees" in has else None,
            self._word("status", STATUSES, Status.OPEN) if "status" in has else None,
        )

    def text(self, name: str) -> str:
        cell = self._cell(name).replace("\r\n", "\n").replace("\r", "\n")
        limit = ITEM_FIELDS[name].limit
        text = cell if name == "description" else " ".join(cell.split())
        if len(text) > limit:
            self._wrong(f"“{self._columns.heading(name)}” has {len(text)} characters; at most {limit} fit")
        if any(character < " " and character not in "\n\t" for character in text):
            self._wrong(f"“{self._columns.heading(name)}” holds control characters")
        return text

    def due_on(self) -> str | None:
        cell = " ".join(self._cell("due_on").split())
        if not cell or cell in ("-", "n/a", "N/A"):
            return None
        if _EITHER.fullmatch(cell) and not self._order:
            return None  # said once for the whole column
        found = _date_in(cell, self._order)
        if found is None:
            self._wrong(f"“{cell}” is no date that can be read for sure; write it like 2026-11-30")
        return found

    def tags(self) -> list[str]:
        tags = sorted(set(self._list("tags", "[,;|\n]")))
        if len(tags) > ITEM_FIELDS["tags"].limit or any(len(tag) > TAG_LIMIT for tag in tags):
            most = ITEM_FIELDS["tags"].limit
            self._wrong(
                f"“{self._columns.heading('tags')}” takes at most {most} tags of at most {TAG_LIMIT} characters"
            )
        return tags

    def priority(self) -> str:
        return str(self._word("priority", PRIORITIES, "normal"))

    def type(self) -> str:
        return str(self._word("type", TYPES, "defect"))

    def _name(self, name: str) -> str:
        text = " ".join(self._cell(name).split())
        if len(text) > 100:
            self._wrong(f"“{self._columns.heading(name)}” has {len(text)} characters; at most 100 fit")
        return text

    def _list(self, name: str, separators: str) -> tuple[str, ...]:
        parts = (" ".join(part.split()) for part in re.split(separators, self._cell(name)))
        return tuple(dict.fromkeys(part for part in parts if part))

    def _word(self, name: str, words: Mapping[Any, tuple[str, ...]], default: Any) -> Any:
        cell = self._cell(name)
        wanted = plain(cell)
        for value, synonyms in words.items():
            if wanted in synonyms or wanted == plain(str(value)):
                return value
        known = ", ".join(str(value).replace("_", " ") for value in words)
        self._wrong(f"{name} “{cell}” is not known; known are: {known}")
        return default

    def _cell(self, name: str) -> str:
        place = self._columns.places[name]
        return self._line.cells[place].strip() if place < len(self._line.cells) else ""

    def _wrong(self, text: str) -> None:
        self._mistakes.append(Mistake(self._line.number, text))


_READERS: Final[Mapping[str, Callable[[_Row], Any]]] = MappingProxyType(
    {
        "title": lambda row: row.text("title"),
        "description": lambda row: row.text("description"),
        "type": _Row.type,
        "priority": _Row.priority,
        "location": lambda row: row.text("location"),
        "due_on": _Row.due_on,
        "tags": _Row.tags,
        "external_ref": lambda row: row.text("external_ref"),
    }
)
"""Field → how its cell is read, for the fields that need nothing but the cell."""


def _order_of_dates(columns: Columns, reading: Reading) -> str:
    """Whether 03/04/2026 is April or March, told by the whole column; never guessed."""
    cells = _cells(columns, "due_on")
    days, months = _telling(cells, 0), _telling(cells, 1)
    if days and months:
        reading.mistakes.append(Mistake(days[0], f"the dates of lines {days[0]} and {months[0]} have different orders"))
        return ""
    if not days and not months:
        unclear = [line for line, cell in cells if (found := _EITHER.fullmatch(cell)) and found[1] != found[2]]
        if unclear:
            text = "dates like this one can be day/month or month/day; say --dates dmy or --dates mdy"
            reading.mistakes.append(Mistake(unclear[0], text))
        return "dmy" if not unclear else ""
    order = "dmy" if days else "mdy"
    reading.notices.append(f"Dates were read as {'day/month' if days else 'month/day'}/year (told by line "
                           f"{(days or months)[0]}).")  # fmt: skip
    return order


def _telling(cells: Iterable[tuple[int, str]], part: int) -> list[int]:
    """Lines whose date has a number above 12 in this part, which therefore is the day."""
    return [line for line, cell in cells if (found := _EITHER.fullmatch(cell)) and int(found[part + 1]) > 12]


def _cells(columns: Columns, name: str) -> list[tuple[int, str]]:
    place = columns.places.get(name)
    if place is None:
        return []
    return [(line.number, " ".join(line.cells[place].split())) for line in columns.rows if place < len(line.cells)]


def _date_in(cell: str, order: str) -> str | None:
    if found := _YEAR_FIRST.fullmatch(cell):
        return _day(found[1], found[2], found[3])
    if found := _DAY_DOTTED.fullmatch(cell):
        return _day(found[3], found[2], found[1])
    if found := _EITHER.fullmatch(cell):
        return _day(found[3], found[2], found[1]) if order == "dmy" else _day(found[3], found[1], found[2])
    if found := _DAY_WORD.fullmatch(cell):
        return _day(found[3], _month(found[2]), found[1])
    if found := _WORD_DAY.fullmatch(cell):
        return _day(found[3], _month(found[1]), found[2])
    return None


def _month(word: str) -> str:
    start = word[:3].lower()
    return str(_MONTHS.index(start) + 1) if start in _MONTHS else "0"


def _day(year: str, month: str, day: str) -> str | None:
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _check_refs(columns: Columns, reading: Reading) -> None:
    """A reference names one row; twice the same would be one item edited into the other."""
    if "external_ref" not in columns.places:
        return
    counts = Counter(row.values["external_ref"] for row in reading.rows if row.values["external_ref"])
    first: dict[str, int] = {}
    for row in reading.rows:
        ref = row.values["external_ref"]
        if counts[ref] > 1 and first.setdefault(ref, row.line) != row.line:
            reading.mistakes.append(Mistake(row.line, f"reference “{ref}” stands in line {first[ref]} already"))
