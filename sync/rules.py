"""Who may do what, and which way a status moves: tables first, then the two functions that read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sync.schema import Status


class Role(StrEnum):
    """What a membership makes of a user in a sector (sector `None`: in the whole project)."""

    WORKER = "worker"
    SUPERVISOR = "supervisor"
    STOREKEEPER = "storekeeper"
    AUDITOR = "auditor"
    ADMIN = "admin"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Transition:
    """One status command. `target` `None`: back to the state before the dispute."""

    sources: frozenset[Status]
    target: Status | None
    needs_reason: bool = False
    is_repeatable: bool = False
    """Already in the target state: counts as done instead of being refused."""


_ANY_BUT_CLOSED = frozenset(Status) - {Status.CLOSED, Status.VOID}

TRANSITIONS: Final[Mapping[str, Transition]] = MappingProxyType(
    {
        "item.start": Transition(frozenset({Status.OPEN, Status.NOT_ACCEPTED}), Status.IN_PROGRESS, is_repeatable=True),
        "item.submit": Transition(
            frozenset({Status.OPEN, Status.IN_PROGRESS, Status.NOT_ACCEPTED}),
            Status.READY_FOR_REVIEW,
            is_repeatable=True,
        ),
        "item.accept": Transition(frozenset({Status.READY_FOR_REVIEW}), Status.CLOSED),
        "item.send_back": Transition(frozenset({Status.READY_FOR_REVIEW}), Status.NOT_ACCEPTED, needs_reason=True),
        "item.dispute": Transition(
            frozenset({Status.OPEN, Status.IN_PROGRESS, Status.NOT_ACCEPTED}), Status.DISPUTED, needs_reason=True
        ),
        "item.resolve": Transition(frozenset({Status.DISPUTED}), None, needs_reason=True),
        "item.void": Transition(_ANY_BUT_CLOSED, Status.VOID, needs_reason=True),
        "item.reopen": Transition(frozenset({Status.CLOSED, Status.VOID}), Status.OPEN, needs_reason=True),
    }
)

_WORK = frozenset({Role.WORKER, Role.SUPERVISOR, Role.ADMIN})
_SITE = frozenset({Role.WORKER, Role.SUPERVISOR, Role.STOREKEEPER, Role.ADMIN})
_LEAD = frozenset({Role.SUPERVISOR, Role.ADMIN})

ACTS: Final[Mapping[str, frozenset[Role]]] = MappingProxyType(
    {
        "item.create": _SITE,
        "item.edit": _SITE,
        "item.decide": _LEAD,  # set the fields that are suggestions from anybody else
        "item.move": _LEAD,  # judged in both sectors
        "item.start": _WORK | {Role.GUEST},
        "item.submit": _WORK | {Role.GUEST},
        "item.dispute": _WORK | {Role.GUEST},
        "item.accept": _LEAD,
        "item.send_back": _LEAD,
        "item.resolve": _LEAD,
        "item.void": _LEAD,
        "item.reopen": _LEAD,
        "item.delete": _LEAD,
        "item.restore": _LEAD,
        "comment.add": _SITE | {Role.GUEST, Role.AUDITOR},
        "photo.add": _SITE | {Role.GUEST},
        "photo.edit": _SITE | {Role.GUEST},  # one's own
        "photo.remove": _SITE | {Role.GUEST},  # one's own
        "photo.restore": _SITE | {Role.GUEST},  # one's own
        "photo.decide": _LEAD,  # remove and restore anybody's
        "conflict.resolve": _SITE,
    }
)
"""Act → the roles that may do it on an item they can see. A guest sees only items of the own company."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A right in a sector, or in the whole project where `sector_id` is `None`; instants in ms since 1970 UTC."""

    sector_id: str | None
    role: Role
    valid_from: int
    valid_to: int | None

    def holds_at(self, instant: int) -> bool:
        """Whether the membership is in force at `instant`; its end is exclusive."""
        return self.valid_from <= instant and (self.valid_to is None or instant < self.valid_to)


@dataclass(frozen=True, slots=True)
class Actor:
    """A user as rights see it."""

    id: str
    company_id: str | None
    is_disabled: bool
    memberships: tuple[Membership, ...]


def roles_in(actor: Actor, sector_id: str, company_id: str | None, instant: int) -> frozenset[Role]:
    """The roles with which `actor` sees a row of this sector and company at `instant`; empty: invisible.

    A guest's role counts only on rows of the guest's own company.
    """
    if actor.is_disabled:
        return frozenset()
    return frozenset(
        membership.role
        for membership in actor.memberships
        if membership.sector_id in (None, sector_id)
        and membership.holds_at(instant)
        and (membership.role is not Role.GUEST or (company_id is not None and company_id == actor.company_id))
    )


def may(act: str, roles: frozenset[Role]) -> bool:
    """Whether somebody with these roles on a row may do `act` on it."""
    return not roles.isdisjoint(ACTS[act])
