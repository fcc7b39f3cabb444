"""Who sees which phones: everybody the own ones, a lead those of the people who work where they lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from server.store.clients import ClientRow, reported, reported_with_people
from sync.rules import Role

if TYPE_CHECKING:
    from server.store.punchlist import PunchlistStore
    from sync.changes import Document

LEADS: Final = frozenset({Role.SUPERVISOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone with the name of whose it is."""

    name: str
    client: ClientRow


async def own_phones(store: PunchlistStore, user_id: str) -> list[ClientRow]:
    """The user's own phones, the one heard of last first."""
    return [client for client in await store.read_alone(reported) if client.user_id == user_id]


async def phones_led_by(store: PunchlistStore, user_id: str, now: int) -> list[Phone] | None:
    """The phones of all who work in a sector that the user leads now; `None`: they lead none.

    Those with unsent work come first, the one silent for longest before the others. `now`: ms since 1970 UTC.
    """
    clients, actors, memberships = await store.read_alone(reported_with_people)
    names = {actor["id"]: actor["name"] for actor in actors}
    led = {one["sector_id"] for one in memberships if one["user_id"] == user_id and _is_lead(one, now)}
    if not led:
        return None
    # Whose membership has ended may still carry work of that sector.
    people = {one["user_id"] for one in memberships if None in led or one["sector_id"] in led}
    phones = [Phone(names[client.user_id], client) for client in clients if client.user_id in people & names.keys()]
    return sorted(phones, key=lambda phone: (phone.client.unsent == 0, phone.client.seen_at))


def _is_lead(membership: Document, now: int) -> bool:
    valid_to = membership["valid_to"]
    is_in_force = membership["valid_from"] <= now and (valid_to is None or now < valid_to)
    return is_in_force and membership["role"] in LEADS
