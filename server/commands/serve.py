"""`holdfast serve`: the server in this process, with a demonstration where there is nothing yet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from server.actions import demo
from server.actions.office import OfficeRefused, open_office
from server.commands import phone
from server.commands.options import add_command, settings_of
from server.serving import PortTaken, listen
from server.serving import serve as serve_app

if TYPE_CHECKING:
    import argparse
    import socket
    from pathlib import Path

    from server.commands.options import Commands
    from server.settings import Settings

LOOPBACK = frozenset({"127.0.0.1", "::1", "[::1]", "localhost"})


def register(commands: Commands) -> None:
    """Add the command."""
    command = add_command(commands, "serve", serve)
    command.add_argument("--host", help="the address to listen at (default: this machine only)")
    command.add_argument("--port", type=int, help="the port to listen at; 0 takes a free one")
    command.add_argument("--no-demo", action="store_true", help="leave an empty server empty")
    phone.add_options(command)


def serve(chosen: argparse.Namespace) -> int:
    """Serve until Ctrl-C; the first start of an empty server makes a demonstration project."""
    if chosen.phone:
        with phone.opened_to_phones(chosen) as reach:
            return _serve(chosen, reach.settings, reach.listener, reach.certificate)
    settings = settings_of(chosen, host=chosen.host, port=chosen.port)
    try:
        listener = listen(settings.host, settings.port)
    except PortTaken as taken:
        raise OfficeRefused(str(taken)) from None
    with listener:
        return _serve(chosen, settings, listener)


def _serve(
    chosen: argparse.Namespace, settings: Settings, listener: socket.socket, certificate: Path | None = None
) -> int:
    if sign_ins := asyncio.run(_prepare(settings, is_demo_wanted=not chosen.no_demo)):
        _print(sign_ins)
    elif chosen.phone:
        print("Sign in as before. A password that is lost is replaced by: holdfast user password LOGIN")
    return serve_app(settings, listener, certificate)


async def _prepare(settings: Settings, *, is_demo_wanted: bool) -> list[demo.SignIn]:
    """Migrate, make the demonstration where it belongs, and return the sign-ins that anybody may know."""
    is_local = _is_local(settings)
    async with open_office(settings) as office:
        if is_demo_wanted:
            await demo.make(office, is_local=is_local)
        return await demo.sign_ins(office, is_local=is_local)


def _is_local(settings: Settings) -> bool:
    """Whether nobody but this machine can reach the server; a proxy in front shows in the names it is asked under."""
    is_here = settings.host in LOOPBACK and settings.hosts <= LOOPBACK
    return is_here and not settings.public_url and not settings.trusted_proxies


def _print(sign_ins: list[demo.SignIn]) -> None:
    table = Table("login", "password", "", box=None, pad_edge=False, header_style="bold")
    for sign_in in sign_ins:
        table.add_row(sign_in.login, sign_in.password, sign_in.role)
    console = Console(highlight=False, markup=False)
    console.print("Sign-ins of the demonstration project:")
    console.print(table)
