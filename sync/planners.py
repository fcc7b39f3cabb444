"""The registry: which function plans which mutation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from sync import commands, comments, items, photos, refusals, resolve
from sync.acts import Act, Refused, Result
from sync.arguments import are_valid
from sync.schema import ITEM_COMMANDS, SCHEMA_VERSION

Planner = Callable[[Act], Result]


class Unknown(Exception):
    """This server does not know the mutation; it is kept for one that does (22)."""


def _noop(_act: Act) -> Result:
    return Result()


PLANNERS: Final[Mapping[str, Planner]] = MappingProxyType(
    {
        "noop": _noop,
        "item.create": items.create,
        "item.edit": items.edit,
        "item.move": items.move,
        **dict.fromkeys(ITEM_COMMANDS, commands.move_status),
        "item.delete": items.delete,
        "item.restore": items.restore,
        "comment.add": comments.add,
        "photo.add": photos.add,
        "photo.edit": photos.edit,
        "photo.remove": photos.remove,
        "photo.restore": photos.restore,
        "conflict.resolve": resolve.resolve,
        "refusal.dismiss": refusals.dismiss,
    }
)
"""Mutation → its planner. A planner decides first and writes then, so that a refusal leaves nothing of it behind.

What a refusal may leave is news: a card that showed an outdated value is put right (`sync.resolve`).
"""


def check(act: Act) -> None:
    """Raise `Refused` or `Unknown` for what no planner should see."""
    if act.actor.is_disabled:
        raise Refused("forbidden")
    if act.mutation.schema > SCHEMA_VERSION or act.mutation.name not in PLANNERS:
        raise Unknown
    if not are_valid(act.mutation.name, act.mutation.args):
        raise Refused("invalid")


def carry_out(act: Act) -> Result:
    """Plan a checked mutation. Raises `Refused` or `Parked` before it wrote anything, or `Missing`."""
    return PLANNERS[act.mutation.name](act)
