"""Which column of a trade's punch list is which field of ours."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from server.actions.sheets import Line, Sheet

HEADINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "title": (
            "title", "subject", "summary", "name", "issue", "item", "defect", "snag", "punch item", "deficiency",
            "short description", "issue title", "item name", "what",
        ),
        "description": (
            "description", "details", "detail", "note", "notes", "long description", "remarks", "remark",
            "full description", "issue description", "item description", "comments", "comment",
        ),
        "type": ("type", "item type", "issue type", "category", "kind", "classification"),
        "priority": ("priority", "severity", "urgency", "importance", "prio"),
        "trade": ("trade", "discipline", "craft", "work package", "trade name", "csi division"),
        "company": (
            "company", "contractor", "subcontractor", "sub contractor", "responsible company", "responsible contractor",
            "vendor", "firm", "ball in court", "assigned company", "responsible party",
        ),
        "assignees": ("assignee", "assignees", "assigned to", "assigned", "responsible", "responsible person", "owner"),
        "location": (
            "location", "room", "area", "place", "where", "level", "floor", "space", "location description", "zone",
        ),
        "due_on": ("due", "due date", "due on", "deadline", "target date", "required by", "finish by", "date due"),
        "tags": ("tags", "tag", "labels", "label", "keywords"),
        "external_ref": (
            "ref", "reference", "number", "no", "nr", "id", "item id", "item no", "item number", "issue id", "issue no",
            "issue number", "punch number", "punch no", "snag no", "snag number", "defect no", "external ref",
            "external id", "external reference", "#",
        ),
        "status": ("status", "state", "item status", "issue status", "progress"),
    }
)  # fmt: skip
"""Field → the headings that mean it, the most telling first. Compared without case, accents and punctuation."""

HEADER_WITHIN: Final = 20
"""Lines in which the heading is looked for: exports begin with a title, a date, a blank line."""


class MappingRefused(ValueError):
    """The columns cannot be told; the text says why, to people."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the fields stand. `places` maps a field to its column, from 0; `unused` are headings nothing takes."""

    header: Line
    places: Mapping[str, int]
    unused: tuple[str, ...]
    rows: tuple[Line, ...]

    def heading(self, name: str) -> str:
        """The heading of a field, as it stands in the file."""
        return self.header.cells[self.places[name]].strip()


def parse_map(text: str) -> dict[str, str]:
    """`"Title=title,Firm=company"` → heading (as compared) → field; an empty field leaves the column out."""
    pairs: dict[str, str] = {}
    for part in filter(str.strip, text.split(",")):
        heading, equals, name = part.rpartition("=")
        name = name.strip().lower()
        if not equals or (name and name not in HEADINGS):
            known = ", ".join(HEADINGS)
            raise MappingRefused(f"“{part.strip()}” is not HEADING=FIELD. Fields are: {known}.")
        pairs[plain(heading)] = name
    return pairs


def find(sheet: Sheet, mapping: Mapping[str, str]) -> Columns:
    """Find the line of headings and what each means; `mapping` overrules. Raises `MappingRefused`."""
    for index, line in enumerate(sheet.lines[:HEADER_WITHIN]):
        places = _places([plain(cell) for cell in line.cells], mapping)
        if "title" in places and _is_header(line, is_first=index == 0):
            _check_map(line, mapping)
            return Columns(line, places, _unused(line, places), sheet.lines[index + 1 :])
    first = [cell.strip() for cell in sheet.lines[0].cells if cell.strip()]
    reason = f"No column is the title. The first line has: {', '.join(first)}."
    raise MappingRefused(f'{reason} Say which one it is, and others alike: --map "HEADING=title,HEADING=due_on".')


def _is_header(line: Line, *, is_first: bool) -> bool:
    """A lone word further down is a heading of the report, not of a column."""
    return is_first or sum(1 for cell in line.cells if cell.strip()) > 1


def _unused(line: Line, places: Mapping[str, int]) -> tuple[str, ...]:
    taken = set(places.values())
    return tuple(cell.strip() for place, cell in enumerate(line.cells) if place not in taken and cell.strip())


def plain(heading: str) -> str:
    """A heading as it is compared: letters and digits in lower case, single spaces, `#` where nothing else is."""
    letters = unicodedata.normalize("NFKD", heading).casefold()
    words = re.findall(r"[^\W_]+", "".join(letter for letter in letters if not unicodedata.combining(letter)))
    return " ".join(words) or heading.strip()


def _places(headings: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, heading in enumerate(headings):
        if name := mapping.get(heading):
            places.setdefault(name, place)
    taken = {place for place, heading in enumerate(headings) if heading in mapping}
    for name, synonyms in HEADINGS.items():
        found = _first(headings, synonyms, taken)
        if name not in places and found is not None:
            places[name] = found
            taken.add(found)
    return _with_title(places)


def _with_title(places: dict[str, int]) -> dict[str, int]:
    """A list with one text column only has it as the description: it becomes the title."""
    if "title" not in places and "description" in places:
        places["title"] = places.pop("description")
    return places


def _first(headings: Sequence[str], synonyms: Iterable[str], taken: set[int]) -> int | None:
    for synonym in synonyms:
        for place, heading in enumerate(headings):
            if heading == synonym and place not in taken:
                return place
    return None


def _check_map(header: Line, mapping: Mapping[str, str]) -> None:
    headings = {plain(cell) for cell in header.cells}
    for heading in mapping:
        if heading not in headings:
            there = ", ".join(cell.strip() for cell in header.cells if cell.strip())
            raise MappingRefused(f"There is no column “{heading}”. The columns are: {there}.")
