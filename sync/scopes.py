"""Which scopes a row is in, and which scopes a user holds. A row is visible exactly when the two meet (invariant 7)."""

from __future__ import annotations

from collections.abc import Sequence

from sync.changes import Document, Row
from sync.rules import Actor, Role


def project(project_id: str) -> str:
    return f"project/{project_id}"


def sector(sector_id: str) -> str:
    return f"sector/{sector_id}"


def guest(company_id: str, sector_id: str) -> str:
    return f"guest/{company_id}/{sector_id}"


def user(user_id: str) -> str:
    return f"user/{user_id}"


def of_item(doc: Document) -> tuple[str, ...]:
    """Scopes of a punch item that is not deleted."""
    here = sector(doc["sector_id"])
    company_id = doc["company_id"]
    return (here,) if company_id is None else (here, guest(company_id, doc["sector_id"]))


def of_child(child: Row, item: Row) -> tuple[str, ...]:
    """Scopes of a comment, event or conflict: those of its item; a conflict is also its two authors'."""
    if item.is_deleted or child.is_deleted:
        return ()
    scopes = of_item(item.doc)
    if child.entity != "conflicts":
        return scopes
    authors = sorted({child.doc["current_by"], child.doc["other_by"]} - {None})
    return (*scopes, *map(user, authors))


def of_row(row: Row, project_id: str) -> tuple[str, ...]:
    """Scopes of a row the office made: projects, trades, companies, sectors, actors, memberships."""
    if row.is_deleted:
        return ()
    if row.entity != "memberships":
        return (project(project_id),)
    sector_id = row.doc["sector_id"]
    return (user(row.doc["user_id"]), project(project_id) if sector_id is None else sector(sector_id))


def held(actor: Actor | None, user_id: str, project_id: str | None, sectors: Sequence[str], now: int) -> list[str]:
    """Scopes the user holds at `now` (ms since 1970 UTC), in the order of download: the small ones first."""
    scopes = [user(user_id)]
    if actor is None or actor.is_disabled or project_id is None:
        return scopes
    in_force = [membership for membership in actor.memberships if membership.holds_at(now)]
    if in_force:
        scopes.append(project(project_id))
    found: dict[str, None] = {}
    for membership in in_force:
        for sector_id in sectors if membership.sector_id is None else (membership.sector_id,):
            if membership.role is not Role.GUEST:
                found[sector(sector_id)] = None
            elif actor.company_id is not None:
                found[guest(actor.company_id, sector_id)] = None
    return [*scopes, *found]
