"""Headings and cells as the trade writes them."""

from __future__ import annotations

import pytest

from server.actions import columns, row_values, sheets
from server.actions.columns import MappingRefused
from sync.schema import Status


def found(text: str, mapping: str = "") -> columns.Columns:
    return columns.find(sheets.read(text.encode()), columns.parse_map(mapping))


def read(text: str, mapping: str = "", dates: str = "") -> row_values.Reading:
    return row_values.read_rows(found(text, mapping), dates)


HEADINGS = [
    ("Title,Description,Trade", "", {"title": 0, "description": 1, "trade": 2}, "our own words"),
    ("No.;Subject;Details", "", {"external_ref": 0, "title": 1, "description": 2}, "another program's"),
    ("ISSUE TITLE,Due Date,Assigned To", "", {"title": 0, "due_on": 1, "assignees": 2}, "capitals"),
    ("Item_No,Short-Description", "", {"external_ref": 0, "title": 1}, "underscores and hyphens"),
    ("Ref,Number,Title", "", {"external_ref": 0, "title": 2}, "two that could be the reference: the more telling one"),
    ("Description,Room", "", {"title": 0, "location": 1}, "only a description: it is the title"),
    ("Betreff,Firma", "Betreff=title,Firma=company", {"title": 0, "company": 1}, "told by the user"),
    ("Title,Notes", "Notes=", {"title": 0}, "left out by the user"),
    ("Title,Owner", "Owner=company", {"title": 0, "company": 1}, "the user overrules"),
    ("#,Title", "", {"external_ref": 0, "title": 1}, "a sign as heading"),
    ("Título,Title", "", {"title": 1}, "accents are ignored, other languages are not guessed"),
    ("Title", "", {"title": 0}, "one column alone"),
    ("Punch list of 3 May\n\nTitle,Room", "", {"title": 0, "location": 1}, "a report heading above"),
]


@pytest.mark.parametrize(("header", "mapping", "places", "why"), HEADINGS)
def test_headings_are_understood(header: str, mapping: str, places: dict[str, int], why: str) -> None:
    row = ";".join("xyz") if ";" in header else "x,y,z"
    assert dict(found(f"{header}\n{row}", mapping).places) == places, why


REFUSED_MAPS = [
    ("Foo,Bar\n1,2", "", "No column is the title", "nothing is the title"),
    ("Title\nx", "Title", "HEADING=FIELD", "no equals sign"),
    ("Title\nx", "Title=heading", "Fields are", "an unknown field"),
    ("Title\nx", "Betreff=description", "no column “betreff”", "an unknown heading"),
]


@pytest.mark.parametrize(("text", "mapping", "words", "why"), REFUSED_MAPS)
def test_what_cannot_be_mapped_is_said(text: str, mapping: str, words: str, why: str) -> None:
    with pytest.raises(MappingRefused, match=words):
        found(text, mapping)


DATES = [
    ("2026-11-30", "", "2026-11-30", "the plain one"),
    ("2026/11/30", "", "2026-11-30", "with slashes"),
    ("2026-11-30T23:59:00Z", "", "2026-11-30", "with a time"),
    ("2026-11-30 08:00", "", "2026-11-30", "with a time of the day"),
    ("30.11.2026", "", "2026-11-30", "with dots the day comes first"),
    ("3.4.26", "", "2026-04-03", "short"),
    ("30/11/2026", "", "2026-11-30", "a day above 12 tells"),
    ("11/30/2026", "", "2026-11-30", "the other way round"),
    ("03/04/2026", "dmy", "2026-04-03", "told by the user"),
    ("03/04/2026", "mdy", "2026-03-04", "told by the user"),
    ("04/04/2026", "", "2026-04-04", "the same both ways"),
    ("30 Nov 2026", "", "2026-11-30", "a month's name"),
    ("30-Nov-26", "", "2026-11-30", "as some databases write it"),
    ("November 30th, 2026", "", "2026-11-30", "in English"),
    ("Mon, Nov 30, 2026", "", "2026-11-30", "with the weekday"),
    ("Monday, 30 November 2026", "", "2026-11-30", "with the weekday"),
    ("11/30/2026 3:15 PM", "", "2026-11-30", "with a twelve-hour time"),
    ("", "", None, "none"),
    ("n/a", "", None, "said to be none"),
]


@pytest.mark.parametrize(("cell", "order", "date", "why"), DATES)
def test_dates_are_read(cell: str, order: str, date: str | None, why: str) -> None:
    reading = read(f'Title,Due\nx,"{cell}"\n', dates=order)
    assert reading.mistakes == [], why
    assert reading.rows[0].values["due_on"] == date, why


def test_an_order_told_by_one_row_holds_for_all_and_is_said() -> None:
    reading = read("Title,Due\na,03/04/2026\nb,25/04/2026\n")
    assert [row.values["due_on"] for row in reading.rows] == ["2026-04-03", "2026-04-25"]
    assert "day/month" in reading.notices[0]


MISTAKES = [
    ("Title,Due\nx,03/04/2026\n", "line 2: dates like this one", "an order is never guessed"),
    ("Title,Due\nx,25/04/2026\ny,04/25/2026\n", "line 2: the dates of lines 2 and 3", "two orders"),
    ("Title,Due\nx,2026-02-30\n", "line 2: “2026-02-30” is no date", "a day that does not exist"),
    ("Title,Due\nx,45991\n", "no date", "a number of a spreadsheet"),
    ("Title,Due\nx,tomorrow\n", "no date", "a word"),
    ("Title,Room\n,here\n", "line 2: “Title” is empty", "no title"),
    (f"Title\n{'x' * 256}\n", "256 characters; at most 255", "a long title"),
    (f"Title,Description\nx,{'y' * 20_001}\n", "at most 20000", "a long description"),
    ("Title,Status\nx,waiting for rain\n", "status “waiting for rain” is not known", "an unknown status"),
    ("Title,Priority\nx,very\n", "known are: low, normal, high, urgent", "an unknown priority"),
    ("Title,Ref\nx,1\ny,2\nz,1\n", "line 4: reference “1” stands in line 2", "a reference twice"),
    ("Title,Room\nx,here,there\n", "1 cells more", "a separator that was not quoted"),
    ("Title\nbad\x07bell\n", "control characters", "a bell"),
    (f'Title,Tags\nx,"{",".join(map(str, range(31)))}"\n', "at most 30 tags", "too many tags"),
]


@pytest.mark.parametrize(("text", "words", "why"), MISTAKES)
def test_mistakes_are_named_with_their_line(text: str, words: str, why: str) -> None:
    mistakes = read(text).mistakes
    assert len(mistakes) == 1, why
    assert words in str(mistakes[0]), why


def test_all_mistakes_are_listed_at_once() -> None:
    reading = read("Title,Due,Status\n,soon,odd\nfine,2026-11-30,Open\n,later,odd\n")
    assert [mistake.line for mistake in reading.mistakes] == [2, 2, 2, 4, 4, 4]


def test_a_row_is_read_field_by_field() -> None:
    text = (
        "No,Title,Description,Type,Severity,Discipline,Contractor,Assigned To,Room,Due,Tags,State\n"
        'P-7, Cracked\ttile ,"line one\nline two",Safety,Critical,Tiling,Northside  Tiling,"Ana; Bo",B.4.12,'
        '2026-11-30,"wet, urgent,wet",Work completed\n'
    )
    (row,) = read(text).rows
    assert dict(row.values) == {
        "title": "Cracked tile",
        "description": "line one\nline two",
        "type": "safety",
        "priority": "urgent",
        "location": "B.4.12",
        "due_on": "2026-11-30",
        "tags": ["urgent", "wet"],
        "external_ref": "P-7",
    }
    assert (row.trade, row.company, row.assignees) == ("Tiling", "Northside Tiling", ("Ana", "Bo"))
    assert row.status is Status.READY_FOR_REVIEW


def test_columns_the_file_does_not_have_say_nothing() -> None:
    (row,) = read("Title\nx\n").rows
    assert dict(row.values) == {"title": "x"}
    assert (row.trade, row.company, row.assignees, row.status) == (None, None, None, None)
