"""Users: who they are (a row every phone sees), what they sign in with (a row no phone sees), and what they may.

The two lie in two databases. A credential without its actor cannot sign in, so adding writes the credential first and
switching off starts with the actor: a command that dies in between leaves nobody with more rights, and run again it
completes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from server.actions.office import OfficeRefused
from server.actions.passwords import PasswordRefused, Passwords, check_policy
from server.ids import new_id
from server.store import core_accounts as sql
from server.store.core_audit import add_pending
from sync import admin
from sync.audit import Entry
from sync.rules import Role

if TYPE_CHECKING:
    from server.actions.office import Office
    from server.store.core import Transaction
    from server.store.core_accounts import CredentialRow
    from sync.changes import Document

LONGEST_LOGIN = 200
"""Characters of a login name."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A user as `holdfast user list` shows one; `roles` like `worker B-4`."""

    user_id: str
    login: str
    name: str
    company: str
    roles: tuple[str, ...]
    is_disabled: bool
    sessions: int


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to add. `sector_id` None: the role holds in the whole project."""

    login: str
    name: str
    password: str
    role: Role | None = None
    sector_id: str | None = None
    company_id: str | None = None
    must_change: bool = False


async def add(office: Office, user: NewUser) -> str:
    """Add a user who can sign in; returns the id. Raises `OfficeRefused`. Completes one that was left half added."""
    project = await office.project()
    login = checked_login(user.login)
    _check_password(user.password, login, user.name)
    present = await office.core.read_alone(partial(sql.credential_of_login, login=login))
    if present and any(actor["id"] == present.user_id for actor in await office.documents("actors")):
        raise OfficeRefused(f"There is a user “{login}” already.")
    user_id = present.user_id if present else new_id()
    row = sql.CredentialRow(
        user_id, login, await Passwords().hash(user.password), office.clock(), must_change=user.must_change
    )
    await office.core.write_alone(partial(_write_credential, row=row, is_new=present is None))
    changes = [admin.put_actor(user_id, user.name.strip() or login, user.company_id)]
    if user.role is not None:
        changes.append(admin.grant_membership(new_id(), user_id, user.sector_id, user.role, office.clock()))
    await office.enter(project["id"], changes)
    return user_id


async def grant(office: Office, login: str, role: Role, sector_id: str | None) -> None:
    """Give a user one more role, in a sector or in the whole project; one held already stays as it is."""
    project = await office.project()
    user_id = (await credential(office, login)).user_id
    for held in await _memberships_in_force(office, user_id):
        if held["role"] == role.value and held["sector_id"] == sector_id:
            return
    await office.enter(project["id"], [admin.grant_membership(new_id(), user_id, sector_id, role, office.clock())])


async def end_roles(office: Office, login: str, sector_id: str | None) -> int:
    """End a user's roles in a sector, or all of them; returns how many. Work made before still arrives (12)."""
    project = await office.project()
    user_id = (await credential(office, login)).user_id
    held = await _memberships_in_force(office, user_id)
    ended = [row for row in held if sector_id is None or row["sector_id"] == sector_id]
    await office.enter(project["id"], [admin.end_membership(row["id"], office.clock()) for row in ended])
    return len(ended)


async def disable(office: Office, login: str) -> int:
    """Switch a user off and end all sessions at once; returns how many there were."""
    project = await office.project()
    row = await credential(office, login)
    await office.enter(project["id"], [admin.disable_actor(row.user_id)])
    return await end_sessions(office, login, "disabled")


async def enable(office: Office, login: str) -> None:
    """Switch a user on again; signing in is needed anew."""
    project = await office.project()
    row = await credential(office, login)
    await office.enter(project["id"], [admin.disable_actor(row.user_id, is_disabled=False)])


async def end_sessions(office: Office, login: str, reason: str = "ended_by_office") -> int:
    """End all sessions of a user; returns how many there were. What is unsent waits on the phones for a sign-in."""
    row = await credential(office, login)
    work = partial(_end_sessions, user_id=row.user_id, now=office.clock(), reason=reason)
    return await office.core.write_alone(work)


async def set_password(office: Office, login: str, password: str, *, must_change: bool = False) -> None:
    """Give a user another password; all sessions end."""
    row = await credential(office, login)
    names = [actor["name"] for actor in await office.documents("actors") if actor["id"] == row.user_id]
    _check_password(password, row.login, *names)
    digest = await Passwords().hash(password)
    work = partial(_set_password, user_id=row.user_id, digest=digest, now=office.clock(), must_change=must_change)
    await office.core.write_alone(work)


async def listed(office: Office) -> list[Listed]:
    """All users who can sign in, by login."""
    actors = {actor["id"]: actor for actor in await office.documents("actors")}
    companies = {company["id"]: company["name"] for company in await office.documents("companies")}
    codes = {sector["id"]: sector["code"] for sector in await office.documents("sectors")}
    rows = []
    for row in await office.core.read_alone(sql.credentials):
        actor = actors.get(row.user_id, {"name": "(not completed)", "company_id": None, "is_disabled": True})
        roles = [_in_words(held, codes) for held in await _memberships_in_force(office, row.user_id)]
        sessions = await office.core.read_alone(partial(sql.sessions_of, user_id=row.user_id))
        company = companies.get(actor["company_id"], "")
        rows.append(
            Listed(row.user_id, row.login, actor["name"], company, tuple(roles), actor["is_disabled"], len(sessions))
        )
    return rows


async def credential(office: Office, login: str) -> CredentialRow:
    """The credential of a login, in whatever case. Raises `OfficeRefused`."""
    row = await office.core.read_alone(partial(sql.credential_of_login, login=login.strip().casefold()))
    if row is None:
        raise OfficeRefused(f"There is no user “{login}”.")
    return row


def checked_login(login: str) -> str:
    """The login as it is stored. Raises `OfficeRefused`."""
    text = login.strip().casefold()
    if not 0 < len(text) <= LONGEST_LOGIN or any(character.isspace() or character < " " for character in text):
        raise OfficeRefused(f"A login has 1 to {LONGEST_LOGIN} characters and no spaces, like ana or ana@site.example.")
    return text


async def _memberships_in_force(office: Office, user_id: str) -> list[Document]:
    now = office.clock()
    rows = [row for row in await office.documents("memberships") if row["user_id"] == user_id]
    return [row for row in rows if row["valid_from"] <= now and (row["valid_to"] is None or now < row["valid_to"])]


def _in_words(held: Document, codes: dict[str, str]) -> str:
    return f"{held['role']} {codes.get(held['sector_id'], '?') if held['sector_id'] else '(all sectors)'}"


def _check_password(password: str, *names: str) -> None:
    try:
        check_policy(password, names)
    except PasswordRefused as refused:
        raise OfficeRefused(str(refused)) from None


def _write_credential(plain: Transaction, row: CredentialRow, *, is_new: bool) -> None:
    if is_new:
        sql.add_credential(plain, row)
    else:
        sql.set_password(plain, row.user_id, row.password_hash, row.changed_at, must_change=row.must_change)
    payload = {"login": row.login, "user_id": row.user_id}
    add_pending(plain, Entry(f"credential/{new_id()}", row.changed_at, None, "credential.put", None, payload))


def _set_password(plain: Transaction, user_id: str, digest: str, now: int, *, must_change: bool) -> None:
    sql.set_password(plain, user_id, digest, now, must_change=must_change)
    add_pending(plain, Entry(f"password/{new_id()}", now, None, "password.changed", None, {"user_id": user_id}))
    _end_sessions(plain, user_id, now, "password_changed")


def _end_sessions(plain: Transaction, user_id: str, now: int, reason: str) -> int:
    sessions = sql.sessions_of(plain, user_id)
    sql.end_sessions(plain, user_id, now, reason)
    for session in sessions:
        payload = {"session_id": session.id, "user_id": user_id, "reason": reason}
        add_pending(plain, Entry(f"session_ended/{session.id}", now, None, "session_ended", None, payload))
    return len(sessions)
