"""What commands share: the data folder option, the settings it makes, and running an action on both databases."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from server.actions.office import Office, OfficeRefused, open_office
from server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name for it

Result = TypeVar("Result")


def add_command(commands: Commands, name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    """A command with the options all have; its help is the first line of what `run` says about itself."""
    first_line = (run.__doc__ or "").strip().splitlines()[0]
    command = commands.add_parser(name, help=first_line, description=first_line)
    command.add_argument(
        "--data", type=Path, metavar="DIR", help="the folder of all data (default: the setting, ./data)"
    )
    command.set_defaults(run=run)
    return command


def add_group(commands: Commands, name: str, text: str) -> Commands:
    """A command that only groups others, like `user`."""
    group = commands.add_parser(name, help=text, description=text)
    return group.add_subparsers(title="commands", metavar="COMMAND", required=True)


def settings_of(chosen: argparse.Namespace, **more: Any) -> Settings:
    """The settings of the environment, with what the command line says instead."""
    given = {"data_folder": chosen.data, **more}
    return Settings(**{name: value for name, value in given.items() if value is not None})


def in_office(chosen: argparse.Namespace, work: Callable[[Office], Awaitable[Result]]) -> Result:
    """Run an action on both databases of the data folder, which must be there."""
    settings = settings_of(chosen)
    if not settings.punchlist_path.exists():
        there = settings.data_folder
        raise OfficeRefused(f"There is no Holdfast data in {there}. Start the server once, or run holdfast migrate.")

    async def run() -> Result:
        async with open_office(settings) as office:
            return await work(office)

    return asyncio.run(run())
