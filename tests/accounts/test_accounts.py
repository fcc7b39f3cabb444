"""Users across two databases."""

from __future__ import annotations

from functools import partial

import pytest

from server.actions import accounts
from server.actions.accounts import NewUser
from server.actions.office import Office, OfficeRefused
from server.actions.sessions import AccountDisabled, SignInFailed
from server.ids import new_id
from server.store import core_accounts
from sync.rules import Role
from tests.accounts.site import PASSWORD, HandClock, asked, pen_of, sessions_of


async def test_a_user_is_known_by_both_databases(office: Office) -> None:
    await accounts.add(office, NewUser("Cara@Site.example", "Cara", PASSWORD, Role.STOREKEEPER))
    (cara,) = [user for user in await accounts.listed(office) if user.name == "Cara"]
    assert (cara.login, cara.roles, cara.is_disabled) == ("cara@site.example", ("storekeeper (all sectors)",), False)
    assert await sessions_of(office).sign_in(asked("CARA@site.example"))


REFUSED = [
    (NewUser("ANA", "Another", PASSWORD), "already", "the name is taken in any case"),
    (NewUser("two words", "Two", PASSWORD), "no spaces", "a login with a space"),
    (NewUser("", "Nobody", PASSWORD), "1 to 200", "an empty login"),
    (NewUser("cara", "Cara", "short"), "12 to 128", "a short password"),
    (NewUser("cara", "Cara", "password-2026!"), "easy to guess", "a common password"),
]


@pytest.mark.parametrize(("user", "word", "why"), REFUSED)
async def test_a_user_that_cannot_be_is_refused_in_words(office: Office, user: NewUser, word: str, why: str) -> None:
    before = len(await accounts.listed(office))
    with pytest.raises(OfficeRefused, match=word):
        await accounts.add(office, user)
    assert len(await accounts.listed(office)) == before, why


async def test_a_user_left_half_added_cannot_sign_in_and_is_completed(office: Office) -> None:
    hashed = await sessions_of(office)._passwords.hash(PASSWORD)
    row = core_accounts.CredentialRow(new_id(), "cara", hashed, 0, must_change=False)
    await office.core.write_alone(partial(core_accounts.add_credential, row=row))
    with pytest.raises(AccountDisabled):
        await sessions_of(office).sign_in(asked("cara"))
    assert await accounts.add(office, NewUser("cara", "Cara", PASSWORD)) == row.user_id
    assert await sessions_of(office).sign_in(asked("cara"))


async def test_roles_are_given_and_ended(office: Office, clock: HandClock) -> None:
    sector = await office.sector("c-2")
    for _ in range(2):
        await accounts.grant(office, "ana", Role.WORKER, sector["id"])
    (ana,) = [user for user in await accounts.listed(office) if user.login == "ana"]
    assert sorted(ana.roles) == ["worker B-4", "worker C-2"]
    clock.pass_(seconds=1)
    assert await accounts.end_roles(office, "ana", sector["id"]) == 1
    assert await accounts.end_roles(office, "ana", None) == 1
    (ana,) = [user for user in await accounts.listed(office) if user.login == "ana"]
    assert ana.roles == ()
    assert (await sessions_of(office).sign_in(asked())).signed_in.roles == ()


async def test_a_user_without_a_right_is_refused_by_the_engine_too(office: Office, clock: HandClock) -> None:
    pen = await pen_of(office, "ana")
    sector = await office.sector("B-4")
    args = {"sector_id": sector["id"], "title": "Cracked tile"}
    assert (await pen.push("item.create", {"id": new_id(), **args}))["outcome"] == "applied"
    await accounts.disable(office, "ana")
    assert (await pen.push("item.create", {"id": new_id(), **args}))["reason"] == "forbidden"


async def test_sessions_ended_by_the_office_are_counted(office: Office) -> None:
    await sessions_of(office).sign_in(asked())
    await sessions_of(office).sign_in(asked())
    assert await accounts.end_sessions(office, "Ana") == 2
    assert await accounts.end_sessions(office, "Ana") == 0
    with pytest.raises(OfficeRefused, match="no user"):
        await accounts.end_sessions(office, "nobody")
    with pytest.raises(SignInFailed):
        await sessions_of(office).sign_in(asked("nobody"))
