"""Signing in, being known, being out again."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from server.actions import accounts, attempts
from server.actions import sessions as module
from server.actions.attempts import SlowDown, wait_after
from server.actions.office import Office
from server.actions.sessions import AccountDisabled, SignInFailed
from server.store import core_audit
from tests.accounts.site import PASSWORD, HandClock, asked, sessions_of


async def audited(office: Office, kind: str) -> list[dict[str, object]]:
    entries = await office.core.read_alone(lambda plain: core_audit.pending(plain, 1000))
    return [entry.payload for entry in entries if entry.kind == kind]


@pytest.mark.parametrize("login", ["ana", "ANA", "  Ana "])
async def test_a_right_password_opens_a_session(office: Office, login: str) -> None:
    sessions = sessions_of(office)
    opened = await sessions.sign_in(asked(login))
    found = await sessions.look_up(opened.token)
    assert found == opened.signed_in
    assert found is not None
    assert (found.name, found.roles) == ("Ana", ("worker",))
    assert found.project_id == (await office.project())["id"]
    assert len(await audited(office, "sign_in")) == 1


@pytest.mark.parametrize(
    ("login", "password", "why"),
    [
        ("ana", "four walls and a straight door", "a wrong password"),
        ("nobody", PASSWORD, "an unknown name"),
        ("ana", "", "no password"),
        ("ana", "x" * 1000, "a far too long one"),
        ("", "", "nothing at all"),
        ("ana\x00", PASSWORD, "a name with NUL"),
    ],
)
async def test_a_wrong_sign_in_tells_nothing(office: Office, login: str, password: str, why: str) -> None:
    with pytest.raises(SignInFailed):
        await sessions_of(office).sign_in(asked(login, password))
    (failure,) = await audited(office, "sign_in_failed")
    assert failure["login"] == (login if login == "ana" else None), why


async def test_the_database_opens_no_session(office: Office, folder: Path) -> None:
    opened = await sessions_of(office).sign_in(asked())
    with closing(sqlite3.connect(folder / "core.db")) as plain:
        dump = "\n".join(plain.iterdump())
    assert opened.token not in dump
    assert opened.device_token not in dump
    assert PASSWORD not in dump


async def test_a_session_ends_by_sign_out_once(office: Office) -> None:
    sessions = sessions_of(office)
    opened = await sessions.sign_in(asked())
    assert await sessions.sign_out(opened.token)
    assert await sessions.look_up(opened.token) is None
    assert not await sessions.sign_out(opened.token), "a late repeat does no harm"
    assert not await sessions.sign_out("never one")
    assert len(await audited(office, "sign_out")) == 1


async def test_a_session_ends_when_idle_and_after_its_longest_time(office: Office, clock: HandClock) -> None:
    for _ in range(3):
        sessions = sessions_of(office)
        opened = await sessions.sign_in(asked())
        clock.pass_(days=29)
        assert await sessions_of(office).look_up(opened.token), "29 days are not idle enough"
        clock.pass_(days=29)
        assert await sessions_of(office).look_up(opened.token), "it was used in between"
        clock.pass_(days=29)
        assert await sessions_of(office).look_up(opened.token)
        clock.pass_(days=4)
        assert await sessions_of(office).look_up(opened.token) is None, "90 days are over"
    opened = await sessions_of(office).sign_in(asked())
    clock.pass_(days=30)
    assert await sessions_of(office).look_up(opened.token) is None, "30 days idle"
    assert await sessions_of(office).of_user(opened.signed_in.user_id) == []


async def test_a_disabled_user_is_out_within_a_second_and_cannot_come_back(office: Office) -> None:
    sessions = sessions_of(office)
    opened = await sessions.sign_in(asked())
    assert await sessions.look_up(opened.token)
    assert await accounts.disable(office, "ana") == 1
    await asyncio.sleep(module.FRESH_S + 0.05)
    assert await sessions.look_up(opened.token) is None
    with pytest.raises(AccountDisabled):
        await sessions.sign_in(asked())
    await accounts.enable(office, "ana")
    assert await sessions.look_up(opened.token) is None, "enabling opens no old session"
    assert await sessions.sign_in(asked())


async def test_people_end_their_own_sessions_alone(office: Office) -> None:
    sessions = sessions_of(office)
    ana, bo = await sessions.sign_in(asked("ana")), await sessions.sign_in(asked("bo"))
    assert not await sessions.end(bo.signed_in.user_id, ana.signed_in.session_id)
    assert await sessions.look_up(ana.token)
    assert await sessions.end(ana.signed_in.user_id, ana.signed_in.session_id)
    assert await sessions.look_up(ana.token) is None


async def test_a_new_password_ends_every_session(office: Office) -> None:
    sessions = sessions_of(office)
    opened = await sessions.sign_in(asked())
    await accounts.set_password(office, "ana", "a ladder against the wall")
    assert await sessions_of(office).look_up(opened.token) is None
    with pytest.raises(SignInFailed):
        await sessions.sign_in(asked())
    assert await sessions.sign_in(asked(password="a ladder against the wall"))


async def test_a_password_changed_during_the_check_opens_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = sessions_of(office)
    check = sessions._passwords.is_right

    async def slowly(stored: str | None, password: str) -> bool:
        is_right = await check(stored, password)
        await accounts.set_password(office, "ana", "a ladder against the wall")
        return is_right

    monkeypatch.setattr(sessions._passwords, "is_right", slowly)
    with pytest.raises(SignInFailed):
        await sessions.sign_in(asked())


async def guess(office: Office, count: int, **more: str) -> int:
    """Guess wrong so often; returns how many guesses were looked at."""
    looked_at = 0
    for _ in range(count):
        try:
            await sessions_of(office).sign_in(asked(password="a wrong guess", **more))
        except SignInFailed:
            looked_at += 1
        except SlowDown:
            pass
    return looked_at


async def test_guessing_is_slowed_down_but_a_known_device_gets_in(office: Office) -> None:
    opened = await sessions_of(office).sign_in(asked())
    assert await guess(office, 10) == attempts.FREE_OF_ACCOUNT
    with pytest.raises(SlowDown) as slow:
        await sessions_of(office).sign_in(asked())
    assert 0 < slow.value.wait_ms <= 1000
    assert await sessions_of(office).sign_in(asked(device_token=opened.device_token))
    with pytest.raises(SlowDown):
        await sessions_of(office).sign_in(asked(device_token="made up"))


async def test_a_known_device_is_slowed_down_as_well(office: Office) -> None:
    opened = await sessions_of(office).sign_in(asked())
    assert await guess(office, 10, device_token=opened.device_token) == attempts.FREE_OF_ACCOUNT


async def test_waiting_lets_in_again_and_a_right_password_forgets(office: Office, clock: HandClock) -> None:
    await guess(office, 6)
    clock.pass_(seconds=1)
    await sessions_of(office).sign_in(asked())
    assert await guess(office, 10) == attempts.FREE_OF_ACCOUNT


async def test_a_clock_put_back_locks_nobody_out(office: Office, clock: HandClock) -> None:
    await guess(office, 6)
    clock.pass_(days=-3)
    await sessions_of(office).sign_in(asked())


async def test_a_network_that_guesses_many_names_is_slowed_down(office: Office) -> None:
    looked_at = 0
    for number in range(60):
        looked_at += await guess(office, 1, login=f"nobody{number}")
    assert looked_at == attempts.FREE_OF_NETWORK
    assert await sessions_of(office).sign_in(asked(network="198.51.100.7"))


async def test_a_burst_of_guesses_cannot_slip_through_together(office: Office) -> None:
    sessions = sessions_of(office)
    wishes = [sessions.sign_in(asked(password=f"a wrong guess {n}")) for n in range(30)]
    results = await asyncio.gather(*wishes, return_exceptions=True)
    assert sum(isinstance(result, SignInFailed) for result in results) == attempts.FREE_OF_ACCOUNT


@pytest.mark.parametrize(
    ("failures", "wait_ms"), [(-1, 0), (0, 1000), (1, 2000), (9, 512_000), (10, 900_000), (99, 900_000)]
)
def test_waits_double_up_to_a_quarter_of_an_hour(failures: int, wait_ms: int) -> None:
    assert wait_after(failures) == wait_ms


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:2", "2001:db8::/64"),
        ("2001:db8::ffff:1:2:3", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("a socket", "a socket"),
    ],
)
def test_a_network_is_what_one_person_can_have(address: str, network: str) -> None:
    assert attempts.network_of(address) == network
