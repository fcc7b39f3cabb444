"""`holdfast import`: a punch list as the trade exports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from server.commands.options import Commands


def register(commands: Commands) -> None:
    """Add the command."""
