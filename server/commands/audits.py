"""`holdfast audit verify`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from server.actions import audit
from server.actions.relay import Relay
from server.commands.options import add_command, add_group, in_office

if TYPE_CHECKING:
    import argparse

    from server.actions.office import Office
    from server.commands.options import Commands


def register(commands: Commands) -> None:
    """Add the group."""
    group = add_group(commands, "audit", "The audit chain.")
    add_command(group, "verify", verify)


def verify(chosen: argparse.Namespace) -> int:
    """Seal what waits, then check every link, and that every applied edit has its entry."""

    async def work(office: Office) -> audit.Verdict:
        await Relay(office.store, office.core).drain()
        return await audit.verify(office.core, office.store)

    verdict = in_office(chosen, work)
    if verdict.bad_position is not None:
        print(f"holdfast: The chain is broken at position {verdict.bad_position}.", file=sys.stderr)
    if verdict.missing_count:
        some = ", ".join(verdict.missing)
        print(f"holdfast: {verdict.missing_count} applied edit(s) have no entry, like {some}.", file=sys.stderr)
    if verdict.is_good:
        print(f"The chain holds: {verdict.links} links, {verdict.receipts} applied edits, each with its entry.")
    return 0 if verdict.is_good else 1
