"""The demonstration: whole or not at all, never over anybody's data, made by the engine like real people's work."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.actions import accounts, audit, demo, demo_content
from server.actions.office import Office, open_office
from server.actions.passwords import check_policy
from server.actions.relay import Relay
from server.settings import Settings
from sync.rules import Role
from tests.accounts.site import asked, sessions_of


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(Settings(data_folder=tmp_path / "new")) as office:
        yield office


async def test_it_has_everything_there_is_to_show(empty: Office) -> None:
    began = time.perf_counter()
    assert await demo.make(empty, is_local=True)
    assert time.perf_counter() - began < 3
    items = await empty.documents("punch_items")
    assert len(items) == demo.ITEMS
    assert sorted(item["number"] for item in items) == list(range(1, demo.ITEMS + 1))
    counts = Counter(item["status"] for item in items)
    assert counts.keys() == {"open", "in_progress", "ready_for_review", "not_accepted", "disputed", "closed"}
    assert await empty.documents("refusals") == []
    assert len(await empty.documents("comments")) > 100
    assert {item["raised_by"] for item in items} >= {
        user.user_id for user in await accounts.listed(empty) if user.login in ("ana", "bo", "sam")
    }
    roles = {user.roles[0].split()[0] for user in await accounts.listed(empty)}
    assert roles == {role.value for role in Role}
    await Relay(empty.store, empty.core).drain()
    assert (await audit.verify(empty.core, empty.store)).is_good


async def test_everybody_in_it_can_sign_in(empty: Office) -> None:
    await demo.make(empty, is_local=True)
    sign_ins = await demo.sign_ins(empty, is_local=True)
    assert [sign_in.login for sign_in in sign_ins] == [person[0] for person in demo_content.PEOPLE]
    for sign_in in sign_ins:
        opened = await sessions_of(empty).sign_in(asked(sign_in.login, sign_in.password))
        assert sign_in.role in opened.signed_in.roles


@pytest.mark.parametrize("person", demo_content.PEOPLE, ids=lambda person: str(person[0]))
def test_its_passwords_are_ones_people_could_choose(person: tuple[str, str, str]) -> None:
    check_policy(person[2], names=person[:2])


async def test_it_is_made_once(empty: Office) -> None:
    assert await demo.make(empty, is_local=True)
    assert not await demo.make(empty, is_local=True)
    assert len(await empty.documents("projects")) == 1


async def test_it_is_never_made_over_data(office: Office) -> None:
    before = await office.documents("actors")
    assert not await demo.make(office, is_local=True)
    assert await office.documents("actors") == before
    assert await demo.sign_ins(office, is_local=True) == []


async def test_a_process_that_dies_in_the_middle_leaves_nothing_and_the_next_one_finishes(
    empty: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    async def dies(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(demo, "push", dies)
        with pytest.raises(Died):
            await demo.make(empty, is_local=True)
    assert await empty.documents("projects") == []
    assert await demo.make(empty, is_local=True)
    assert len(await empty.documents("punch_items")) == demo.ITEMS
    assert await sessions_of(empty).sign_in(asked("ana", "ana likes straight tiles"))


async def test_beyond_this_machine_its_passwords_are_made_up(empty: Office) -> None:
    await demo.make(empty, is_local=False)
    known = {person[2] for person in demo_content.PEOPLE}
    sign_ins = await demo.sign_ins(empty, is_local=False)
    assert len(sign_ins) == len(known)
    assert not known & {sign_in.password for sign_in in sign_ins}
    assert await sessions_of(empty).sign_in(asked("ana", sign_ins[0].password))
