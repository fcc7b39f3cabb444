"""`holdfast sector add|list`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from server.actions.office import Office, OfficeRefused
from server.commands.options import add_command, add_group, in_office
from server.ids import new_id
from sync import admin

if TYPE_CHECKING:
    import argparse

    from server.commands.options import Commands


def register(commands: Commands) -> None:
    """Add the group."""
    group = add_group(commands, "sector", "Sectors of the project.")
    added = add_command(group, "add", add)
    added.add_argument("code", metavar="CODE", help="short and unique, like B-4")
    added.add_argument("name", metavar="NAME", help="like 'Building B, 4th floor'")
    added.add_argument("--parent", metavar="CODE", help="the sector it is part of")
    add_command(group, "list", list_sectors)


def add(chosen: argparse.Namespace) -> int:
    """Add a sector; phones with a role in the whole project get it by their next sync."""

    async def work(office: Office) -> str:
        project = await office.project()
        code, name = str(chosen.code).strip(), " ".join(chosen.name.split())
        if not 0 < len(code) <= 20 or not name:
            raise OfficeRefused("A sector needs a code of 1 to 20 characters and a name.")
        if any(row["code"].casefold() == code.casefold() for row in await office.documents("sectors")):
            raise OfficeRefused(f"There is a sector “{code}” already.")
        parent = (await office.sector(chosen.parent))["id"] if chosen.parent else None
        await office.enter(project["id"], [admin.put_sector(new_id(), project["id"], code, name, parent)])
        return code

    print(f"Added sector {in_office(chosen, work)}.")
    return 0


def list_sectors(chosen: argparse.Namespace) -> int:
    """List sectors with the number of their items."""

    async def work(office: Office) -> Table:
        items = Counter(item["sector_id"] for item in await office.documents("punch_items"))
        table = Table("code", "name", "items", box=None, pad_edge=False, header_style="bold")
        for sector in sorted(await office.documents("sectors"), key=lambda row: str(row["code"])):
            table.add_row(sector["code"], sector["name"], str(items[sector["id"]]))
        return table

    Console(highlight=False, markup=False).print(in_office(chosen, work))
    return 0
