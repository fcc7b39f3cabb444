"""`holdfast user …`: add, list, switch off and on, passwords, roles, sign-outs."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from server.actions import accounts
from server.actions.office import Office, OfficeRefused
from server.actions.passwords import made_up
from server.commands.options import add_command, add_group, in_office
from sync.rules import Role

if TYPE_CHECKING:
    import argparse

    from server.commands.options import Commands


def register(commands: Commands) -> None:
    """Add the group."""
    group = add_group(commands, "user", "Users, their roles and their sign-ins.")
    added = add_command(group, "add", add)
    _login(added)
    added.add_argument("--name", default="", help="as others see it (default: the login)")
    added.add_argument("--company", metavar="NAME", help="the company; a guest sees only what is assigned to it")
    _role(added, is_required=False)
    _password(added)
    changed = add_command(group, "password", password)
    _login(changed)
    _password(changed)
    granted = add_command(group, "grant", grant)
    _login(granted)
    _role(granted, is_required=True)
    ended = add_command(group, "end", end)
    _login(ended)
    ended.add_argument("--sector", metavar="CODE", help="only the roles in this sector")
    for name, run in (("disable", disable), ("enable", enable), ("sign-out", sign_out)):
        _login(add_command(group, name, run))
    add_command(group, "list", list_users)


def add(chosen: argparse.Namespace) -> int:
    """Add a user who can sign in."""
    text, is_shown = _read_password(chosen)

    async def work(office: Office) -> None:
        sector_id = (await office.sector(chosen.sector))["id"] if chosen.sector else None
        company_id = await _company_id(office, chosen.company)
        role = Role(chosen.role) if chosen.role else None
        user = accounts.NewUser(chosen.login, chosen.name, text, role, sector_id, company_id)
        await accounts.add(office, user)

    in_office(chosen, work)
    print(f"Added {chosen.login}.")
    _show_password(text, is_shown=is_shown)
    return 0


def password(chosen: argparse.Namespace) -> int:
    """Give a user another password; all of the user's sessions end."""
    text, is_shown = _read_password(chosen)
    in_office(chosen, lambda office: accounts.set_password(office, chosen.login, text))
    print(f"Changed the password of {chosen.login}; all sessions have ended.")
    _show_password(text, is_shown=is_shown)
    return 0


def grant(chosen: argparse.Namespace) -> int:
    """Give a user a role, in one sector or in all."""

    async def work(office: Office) -> None:
        sector_id = (await office.sector(chosen.sector))["id"] if chosen.sector else None
        await accounts.grant(office, chosen.login, Role(chosen.role), sector_id)

    in_office(chosen, work)
    print(f"{chosen.login} is {chosen.role} {f'in {chosen.sector}' if chosen.sector else 'in all sectors'}.")
    return 0


def end(chosen: argparse.Namespace) -> int:
    """End a user's roles now; work made before still arrives for 72 hours."""

    async def work(office: Office) -> int:
        sector_id = (await office.sector(chosen.sector))["id"] if chosen.sector else None
        return await accounts.end_roles(office, chosen.login, sector_id)

    print(f"Ended {in_office(chosen, work)} role(s) of {chosen.login}.")
    return 0


def disable(chosen: argparse.Namespace) -> int:
    """Switch a user off; all sessions end at once."""
    ended = in_office(chosen, lambda office: accounts.disable(office, chosen.login))
    print(f"{chosen.login} is switched off; {ended} session(s) ended.")
    return 0


def enable(chosen: argparse.Namespace) -> int:
    """Switch a user on again."""
    in_office(chosen, lambda office: accounts.enable(office, chosen.login))
    print(f"{chosen.login} can sign in again.")
    return 0


def sign_out(chosen: argparse.Namespace) -> int:
    """End all sessions of a user; what is unsent waits on the phones for the next sign-in."""
    print(f"Ended {in_office(chosen, lambda office: accounts.end_sessions(office, chosen.login))} session(s).")
    return 0


def list_users(chosen: argparse.Namespace) -> int:
    """List users with their roles and open sessions."""
    table = Table("login", "name", "company", "roles", "sessions", "", box=None, pad_edge=False, header_style="bold")
    for user in in_office(chosen, accounts.listed):
        state = "switched off" if user.is_disabled else ""
        table.add_row(user.login, user.name, user.company, ", ".join(user.roles), str(user.sessions), state)
    Console(highlight=False, markup=False).print(table)
    return 0


def _login(command: argparse.ArgumentParser) -> None:
    command.add_argument("login", metavar="LOGIN", help="a name or an e-mail address")


def _role(command: argparse.ArgumentParser, *, is_required: bool) -> None:
    command.add_argument("--role", choices=[role.value for role in Role], required=is_required)
    command.add_argument("--sector", metavar="CODE", help="where the role holds (default: in all sectors)")


def _password(command: argparse.ArgumentParser) -> None:
    text = "read the password from standard input; otherwise it is asked for, or made up where nobody can be asked"
    command.add_argument("--password-stdin", action="store_true", help=text)


def _read_password(chosen: argparse.Namespace) -> tuple[str, bool]:
    """The password, and whether it was made up and so has to be shown."""
    if chosen.password_stdin:
        return sys.stdin.readline().rstrip("\r\n"), False
    if not sys.stdin.isatty():
        return made_up(), True
    first = getpass.getpass(f"Password of {chosen.login}: ")
    if getpass.getpass("Once more: ") != first:
        raise OfficeRefused("The two are not the same; nothing was changed.")
    return first, False


def _show_password(text: str, *, is_shown: bool) -> None:
    if is_shown:
        print(f"Password: {text}  (shown only now)")


async def _company_id(office: Office, name: str | None) -> str | None:
    if name is None:
        return None
    companies = {row["name"].casefold(): row["id"] for row in await office.documents("companies")}
    if (found := companies.get(name.strip().casefold())) is None:
        raise OfficeRefused(f"There is no company “{name}”.")
    return str(found)
