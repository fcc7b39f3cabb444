"""`holdfast import FILE.csv --sector B-4`: a punch list as the trade exports it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from server.actions import accounts, columns, importing, row_values, sheets
from server.actions.importing import ImportRefused, Job, Report
from server.actions.office import Office, OfficeRefused
from server.commands.options import add_command, in_office

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from server.actions.columns import Columns
    from server.actions.row_values import Mistake, Reading
    from server.commands.options import Commands

PREVIEWED: Final = 5
"""Rows that a preview shows."""


def register(commands: Commands) -> None:
    """Add the command."""
    command = add_command(commands, "import", import_file)
    command.add_argument("file", type=Path, metavar="FILE.csv")
    command.add_argument("--sector", required=True, metavar="CODE", help="where the items are")
    command.add_argument("--as", dest="login", metavar="LOGIN", help="who imports (default: the first admin)")
    command.add_argument("--map", default="", metavar="MAP", help='which heading is what: "Firm=company,Remark="')
    command.add_argument("--dates", choices=["dmy", "mdy"], default="", help="how dates like 03/04/2026 are meant")
    command.add_argument("--preview", action="store_true", help="show what would be imported, and import nothing")


def import_file(chosen: argparse.Namespace) -> int:
    """Import a punch list: all of it or nothing, and a second time without effect."""
    try:
        sheet = sheets.read(chosen.file.read_bytes())
        found = columns.find(sheet, columns.parse_map(chosen.map))
    except (sheets.SheetRefused, columns.MappingRefused) as refused:
        raise OfficeRefused(f"{chosen.file.name}: {refused}") from None
    reading = row_values.read_rows(found, chosen.dates)
    for notice in (*sheet.notices, *reading.notices):
        print(f"Note: {notice}", file=sys.stderr)
    if chosen.preview:
        _preview(found, reading)
    if reading.mistakes:
        return _refused(chosen.file.name, reading.mistakes)
    if chosen.preview:
        return 0
    try:
        report = _import(chosen, reading)
    except ImportRefused as refused:
        return _refused(chosen.file.name, refused.mistakes)
    _tell(report)
    return 0


def _import(chosen: argparse.Namespace, reading: Reading) -> Report:
    console = Console(stderr=True)
    bar = (TextColumn("Importing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*bar, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(reading.rows))

        async def work(office: Office) -> Report:
            sector = await office.sector(chosen.sector)
            user_id = await _importer(office, chosen.login)
            told = Job(reading.rows, sector, user_id, lambda done: progress.update(task, completed=done))
            return await importing.import_rows(office, told)

        return in_office(chosen, work)


async def _importer(office: Office, login: str | None) -> str:
    if login is not None:
        return (await accounts.credential(office, login)).user_id
    for user in await accounts.listed(office):
        if not user.is_disabled and any(role.startswith("admin ") for role in user.roles):
            return user.user_id
    raise OfficeRefused("There is no admin to import as; say who imports with --as LOGIN.")


def _preview(found: Columns, reading: Reading) -> None:
    console = Console(highlight=False, markup=False)
    table = Table("column of the file", "becomes", box=None, pad_edge=False, header_style="bold")
    for name in found.places:
        table.add_row(found.heading(name), name)
    for heading in found.unused:
        table.add_row(heading, "(not imported)")
    console.print(table)
    names = list(found.places)
    rows = Table("line", *names, box=None, pad_edge=False, header_style="bold")
    for row in reading.rows[:PREVIEWED]:
        rows.add_row(str(row.line), *(_cell(row, name) for name in names))
    console.print(rows)
    console.print(f"{len(reading.rows)} rows in all; nothing was imported.")


def _cell(row: row_values.Wanted, name: str) -> str:
    value = row.values.get(name, getattr(row, name, None))
    text = ", ".join(value) if isinstance(value, list | tuple) else str(value or "")
    return text if len(text) <= 40 else f"{text[:39]}…"


def _refused(name: str, mistakes: Sequence[Mistake]) -> int:
    for mistake in sorted(mistakes, key=lambda each: each.line):
        print(f"{name}, {mistake}", file=sys.stderr)
    print(f"holdfast: Nothing was imported; {len(mistakes)} mistake(s) above.", file=sys.stderr)
    return 1


def _tell(report: Report) -> None:
    for kind, names in (("trade", report.new_trades), ("company", report.new_companies)):
        if names:
            print(f"New {kind}: {', '.join(names)}")
    for left in report.left_alone:
        print(f"Note: {left}", file=sys.stderr)
    parts = [f"{report.created} created", f"{report.edited} edited", f"{report.unchanged} unchanged"]
    if report.moved:
        parts.append(f"{report.moved} with another status")
    if report.waiting:
        parts.append(f"{report.waiting} with a conflict that waits for a person")
    if report.left_alone:
        parts.append(f"{len(report.left_alone)} left as they are")
    print(f"Imported: {', '.join(parts)}.")
