"""`holdfast migrate` and `holdfast settings`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from server.actions.office import migrate_all
from server.commands.options import add_command, settings_of

if TYPE_CHECKING:
    import argparse

    from server.commands.options import Commands


def register(commands: Commands) -> None:
    """Add both commands."""
    add_command(commands, "migrate", migrate)
    add_command(commands, "settings", settings)


def migrate(chosen: argparse.Namespace) -> int:
    """Bring both databases to the tables this version expects."""
    done = migrate_all(settings_of(chosen))
    for line in done or ["Both databases are up to date."]:
        print(line)
    return 0


def settings(chosen: argparse.Namespace) -> int:
    """Show every setting with its value; secrets stay hidden."""
    present = settings_of(chosen)
    table = Table("setting", "value", "what it does", box=None, pad_edge=False, header_style="bold")
    for name, field in type(present).model_fields.items():
        table.add_row(f"HOLDFAST_{name.upper()}", str(getattr(present, name)), field.description or "")
    Console(highlight=False, markup=False).print(table)
    return 0
