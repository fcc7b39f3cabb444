"""What the office changes itself: projects, trades, companies, sectors, actors, memberships, and revoked devices.

These are no mutations, since no phone makes them; but they are rows with versions in scopes like all others, so that
devices learn of them by the next pull. A user whose membership ended drops its scopes there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sync.changes import Document, Key, PushTransaction, Row, Store, Unavailable, Unstorable
from sync.draft import Draft, Missing
from sync.release import release_of_users
from sync.rules import Role


@dataclass(frozen=True, slots=True)
class OfficeContext:
    """Who does it (`None`: the command line), when (ms since 1970 UTC), for which project, and the act's own id."""

    act_id: str
    actor_id: str | None
    at: int
    project_id: str


@dataclass(frozen=True, slots=True)
class OfficeChange:
    """A row to make, or fields of a row to change; `kind` names the act in the audit chain."""

    kind: str
    entity: str
    id: str
    values: Document = field(default_factory=dict)
    is_deleted: bool = False


def put_project(project_id: str, name: str, *, is_own_work_accepted: bool = False) -> OfficeChange:
    values = {"name": name, "is_own_work_accepted": is_own_work_accepted}
    return OfficeChange("project.put", "projects", project_id, values)


def put_trade(trade_id: str, project_id: str, name: str) -> OfficeChange:
    return OfficeChange("trade.put", "trades", trade_id, {"project_id": project_id, "name": name})


def put_company(company_id: str, project_id: str, name: str) -> OfficeChange:
    return OfficeChange("company.put", "companies", company_id, {"project_id": project_id, "name": name})


def put_sector(sector_id: str, project_id: str, code: str, name: str, parent_id: str | None = None) -> OfficeChange:
    values = {"project_id": project_id, "code": code, "name": name, "parent_id": parent_id}
    return OfficeChange("sector.put", "sectors", sector_id, values)


def put_actor(user_id: str, name: str, company_id: str | None = None, *, is_disabled: bool = False) -> OfficeChange:
    values = {"name": name, "company_id": company_id, "is_disabled": is_disabled}
    return OfficeChange("actor.put", "actors", user_id, values)


def disable_actor(user_id: str, *, is_disabled: bool = True) -> OfficeChange:
    """Take all rights from a user, or give them back; what is still sent is kept as refused."""
    return OfficeChange(
        "actor.disable" if is_disabled else "actor.enable", "actors", user_id, {"is_disabled": is_disabled}
    )


def grant_membership(
    membership_id: str, user_id: str, sector_id: str | None, role: Role, valid_from: int, valid_to: int | None = None
) -> OfficeChange:
    """Give a role in a sector (`None`: in the whole project), from `valid_from` to before `valid_to`."""
    values = {
        "user_id": user_id,
        "sector_id": sector_id,
        "role": role.value,
        "valid_from": valid_from,
        "valid_to": valid_to,
    }
    return OfficeChange("membership.grant", "memberships", membership_id, values)


def end_membership(membership_id: str, valid_to: int) -> OfficeChange:
    """End a membership. Another role is a new membership, so that late work is judged by the role of its time (12)."""
    return OfficeChange("membership.end", "memberships", membership_id, {"valid_to": valid_to})


async def administer(store: Store, changes: Sequence[OfficeChange], context: OfficeContext) -> list[Row]:
    """Write the changes in one transaction and return the rows. Raises `Unstorable` and `Unavailable`.

    A change of a row that does not exist makes it; one that changes nothing leaves the version as it is. Parked work
    of users who may have gained rights is planned anew, in a transaction of its own: it is judged by what stands.
    """
    transaction = await store.begin(())
    try:
        rows, waiting = await _administer(transaction, changes, context)
    except GeneratorExit:  # the process died here; nobody is left to roll back
        raise
    except BaseException:
        await transaction.rollback()
        raise
    if waiting:
        with suppress(Unavailable, Unstorable):  # the rows stand; what waits goes on with its author's next work
            await release_of_users(store, waiting, context.at)
    return rows


def _gainers(changes: Sequence[OfficeChange]) -> list[str]:
    """Users to whom the changes may give rights."""
    actors = (change.id for change in changes if change.entity == "actors")
    members = (change.values["user_id"] for change in changes if change.kind == "membership.grant")
    return list(dict.fromkeys([*actors, *members]))


async def _administer(
    transaction: PushTransaction, changes: Sequence[OfficeChange], context: OfficeContext
) -> tuple[list[Row], list[str]]:
    """The rows, and the users who have parked work and may have gained the rights for it."""
    gainers = _gainers(changes)
    keys = dict.fromkeys(Key("row", (change.entity, change.id)) for change in changes)
    loaded: dict[Key, Any] = dict(await transaction.load([*keys, *(Key("parked", (user,)) for user in gainers)]))
    waiting = [user for user in gainers if loaded[Key("parked", (user,))]]
    draft = Draft(loaded)
    rows = [_enter(draft, change, context, place) for place, change in enumerate(changes)]
    try:
        draft.number_changes()
    except Missing as missing:
        loaded.update(await transaction.load(missing.keys))
        draft.number_changes()
    if not draft.plan.rows:
        await transaction.rollback()
        return rows, waiting
    draft.tell("poke", context.act_id, {"scopes": sorted(draft.plan.clocks)})
    await transaction.write(draft.plan)
    await transaction.commit()
    return rows, waiting


def _enter(draft: Draft, change: OfficeChange, context: OfficeContext, place: int) -> Row:
    old = draft.row(change.entity, change.id)
    before: Document = {} if old is None else old.doc
    doc: Document = {**before, "id": change.id, **change.values}
    if old is not None and doc == before and old.is_deleted == change.is_deleted:
        return old
    version = 1 if old is None else old.version + 1
    row = Row(change.entity, change.id, version, {**doc, "version": version}, {}, change.is_deleted)
    draft.put_row(old, row, context.project_id)
    draft.tell("audit", f"{context.act_id}/{place}", _audit(change, row, before, context))
    return row


def _audit(change: OfficeChange, row: Row, before: Document, context: OfficeContext) -> Document:
    return {
        "act_id": context.act_id,
        "user_id": context.actor_id,
        "name": change.kind,
        "entity": row.entity,
        "row": row.id,
        "version": row.version,
        "before": {name: before.get(name) for name in change.values},
        "after": change.values,
        "is_deleted": row.is_deleted,
        "received_at": context.at,
    }


async def revoke_client(store: Store, client_id: str, context: OfficeContext) -> bool:
    """Let a device sync no more. Returns whether it was known and not yet revoked."""
    transaction = await store.begin(())
    try:
        key = Key("client", (client_id,))
        client = (await transaction.load([key]))[key]
        if client is None or client.is_revoked:
            await transaction.rollback()
            return False
        draft = Draft({})
        draft.put_client(replace(client, is_revoked=True))
        payload = {"user_id": context.actor_id, "name": "client.revoke", "client": client_id, "received_at": context.at}
        draft.tell("audit", context.act_id, {"act_id": context.act_id, **payload})
        await transaction.write(draft.plan)
        await transaction.commit()
    except GeneratorExit:
        raise
    except BaseException:
        await transaction.rollback()
        raise
    return True
