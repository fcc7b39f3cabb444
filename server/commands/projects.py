"""`holdfast project add|show`: the one project of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.actions.office import Office, OfficeRefused
from server.commands.options import add_command, add_group, in_office
from server.ids import new_id
from sync import admin

if TYPE_CHECKING:
    import argparse

    from server.commands.options import Commands


def register(commands: Commands) -> None:
    """Add the group."""
    group = add_group(commands, "project", "The project of this server.")
    added = add_command(group, "add", add)
    added.add_argument("name", metavar="NAME")
    own = "let people accept work they submitted themselves"
    added.add_argument("--accept-own-work", action="store_true", help=own)
    add_command(group, "show", show)


def add(chosen: argparse.Namespace) -> int:
    """Start the project of an empty server, instead of the demonstration."""

    async def work(office: Office) -> str:
        if await office.documents("projects"):
            raise OfficeRefused("This server has its project already; see holdfast project show.")
        project_id, name = new_id(), " ".join(chosen.name.split())
        if not name:
            raise OfficeRefused("A project needs a name.")
        change = admin.put_project(project_id, name, is_own_work_accepted=chosen.accept_own_work)
        await office.enter(project_id, [change])
        return name

    print(f"Started the project “{in_office(chosen, work)}”.")
    return 0


def show(chosen: argparse.Namespace) -> int:
    """Show the project's name and how much is in it."""

    async def work(office: Office) -> list[str]:
        project = await office.project()
        counts = [f"{len(await office.documents(entity))} {entity.replace('_', ' ')}" for entity in _COUNTED]
        return [project["name"], ", ".join(counts)]

    print("\n".join(in_office(chosen, work)))
    return 0


_COUNTED = ("sectors", "actors", "companies", "trades", "punch_items", "comments", "conflicts")
