"""After random work with changing rights, a full pull from SQLite holds exactly what plain SQL calls visible (7, 9)."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from server.store import migrate
from server.store.punchlist import PunchlistStore
from sync import admin, rules, scopes
from sync.admin import administer
from sync.pull import pull
from sync.push import push
from sync.rules import Actor, Membership, Role
from sync.schema import ENTITIES
from tests.authorisation.visible import VISIBLE, visible
from tests.sync.site import ADA, ANA, AUD, BO, EVE, GUS, HOUR, NORTH, PAINTER, PEOPLE, SOUTH, SUE, TILER, Phone
from tests.sync.test_random_walk import Walk

pytestmark = pytest.mark.anyio

STEPS = 120


class Unrest(Walk):
    """A walk whose office never rests: rights come and go, people change company, are switched off and on."""

    def hear_or_manage(self, phone: Phone) -> None:
        if self.random.random() < 0.5:
            self.random.choice([self.office, self.company, self.switch, self.for_a_while])(phone)
        else:
            phone.pull(1000)

    def company(self, _phone: Phone) -> None:
        user_id = self.random.choice([GUS, EVE])
        name, company_id = PEOPLE[user_id][0], self.random.choice([TILER, PAINTER, None])
        self.site.office(admin.put_actor(user_id, name, company_id))

    def switch(self, _phone: Phone) -> None:
        user_id = self.random.choice([ANA, BO, GUS, AUD])
        self.site.office(admin.disable_actor(user_id, is_disabled=self.random.random() < 0.5))

    def for_a_while(self, _phone: Phone) -> None:
        """A right that begins or ends by itself, without anybody writing a row."""
        user_id, role = self.random.choice([GUS, EVE, SUE]), self.random.choice([Role.GUEST, Role.WORKER])
        begins = self.site.now + self.random.randrange(-5, 40) * HOUR
        sector = self.random.choice([NORTH, SOUTH, None])
        change = admin.grant_membership(self.site.id(5), user_id, sector, role, begins, begins + 30 * HOUR)
        self.site.office(change)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[PunchlistStore]:
    path = tmp_path / "punchlist.db"
    migrate.upgrade("punchlist", path)
    opened = await PunchlistStore.open(path)
    yield opened
    await opened.close()


async def _live(store: PunchlistStore, walk: Walk) -> None:
    """Do to this store what was done to the walk's."""
    for entry in walk.site.history:
        if len(entry) == 2:
            await administer(store, *entry)
        elif len(entry) == 4:
            act, photo_id, more, _ = entry
            await act(store, photo_id, *more)
        else:
            request, context, _ = entry
            await push(store, request, context)


async def _differences(store: PunchlistStore, path: Path, now: int) -> list[str]:
    """What each user gets and may not see, or may see and does not get."""
    found = []
    with closing(sqlite3.connect(path)) as plain:
        for user_id, (name, *_) in PEOPLE.items():
            answer = await pull(store, None, user_id, now, 1_000_000)
            held = {(entity, json.loads(doc)["id"]) for page in answer.scopes for entity, doc in page.rows}
            assert all(page.total == len(page.rows) for page in answer.scopes), "a count tells of rows in sight alone"
            wanted = visible(plain, user_id, now)
            found += [f"{name} gets {entity} {row_id}" for entity, row_id in sorted(held - wanted)]
            found += [f"{name} lacks {entity} {row_id}" for entity, row_id in sorted(wanted - held)]
    return found


async def _check(store: PunchlistStore, path: Path, seed: int, steps: int) -> None:
    walk = Unrest(seed)
    for _ in range(steps):
        walk.step()
    walk.settle()
    await _live(store, walk)
    for hours in (0, 20, 60):  # rights that begin and end later do so by the clock alone
        assert not await _differences(store, path, walk.site.now + hours * HOUR), f"seed {seed}, {hours} h later"


@pytest.mark.parametrize("seed", range(6))
async def test_a_full_pull_holds_exactly_what_sql_calls_visible(
    store: PunchlistStore, tmp_path: Path, seed: int
) -> None:
    await _check(store, tmp_path / "punchlist.db", seed, STEPS)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(100, 160))
async def test_a_full_pull_holds_it_after_long_histories(store: PunchlistStore, tmp_path: Path, seed: int) -> None:
    await _check(store, tmp_path / "punchlist.db", seed, 500)


def test_the_oracle_speaks_of_every_entity() -> None:
    assert set(re.findall(r"'(\w+)'(?: AS entity)?, (?:id|\w\.id)\b", VISIBLE)) == set(ENTITIES)


def _drop_company(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_item(doc: dict[str, str]) -> tuple[str, ...]:
        return (scopes.sector(doc["sector_id"]), *(scopes.guest(each, doc["sector_id"]) for each in (TILER, PAINTER)))

    monkeypatch.setattr(scopes, "of_item", of_item)


def _ignore_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules.Membership, "holds_at", lambda self, instant: self.valid_from <= instant)


def _forget_disabling(monkeypatch: pytest.MonkeyPatch) -> None:
    held = scopes.held

    def careless(actor: Actor | None, *others: object) -> list[str]:
        memberships: tuple[Membership, ...] = () if actor is None else actor.memberships
        able = None if actor is None else Actor(actor.id, actor.company_id, False, memberships)
        return held(able, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(scopes, "held", careless)


@pytest.mark.parametrize("plant", [_drop_company, _ignore_ends, _forget_disabling])
async def test_the_oracle_sees_a_planted_leak(
    store: PunchlistStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    walk = Unrest(3)
    for _ in range(STEPS):
        walk.step()
    walk.settle()
    walk.site.office(
        admin.disable_actor(ANA),
        admin.put_actor(GUS, "Gus", TILER),
        admin.grant_membership(walk.site.id(5), GUS, NORTH, Role.GUEST, walk.site.now),
    )
    walk.site.phone(ADA).create(company_id=PAINTER)
    plant(monkeypatch)
    await _live(store, walk)
    found = await _differences(store, tmp_path / "punchlist.db", walk.site.now)
    assert any(" gets " in each for each in found)
