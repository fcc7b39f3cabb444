"""The demonstration: a project somebody can walk through at once, made on the first start of an empty server.

Everything goes through the engine, like work of real phones over the last weeks, in one transaction: a demonstration
is there whole or not at all, and never over anybody's data.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson

from server.actions import demo_content as content
from server.actions.passwords import Passwords, made_up
from server.actions.together import together
from server.ids import new_id
from server.store import core_accounts as sql
from server.store import core_meta
from server.store import office as reads
from server.store.core_audit import add_pending
from sync import admin
from sync.audit import Entry
from sync.push import PushContext, push
from sync.rules import Role
from sync.schema import PRIORITIES, PROTOCOL_VERSION, SCHEMA_VERSION
from sync.wire import Mutation, Request

if TYPE_CHECKING:
    from server.actions.office import Office
    from server.store.core import Transaction
    from sync.changes import Store

ITEMS: Final = 400
DAYS: Final = 21
"""How long the site has been walked."""

DAY_MS: Final = 86_400_000

FACT: Final = "demo"
"""Name of the fact that holds {login: when its password was set}."""

# What happened to an item, by its number modulo ten: (who, command).
_STORIES: Final[tuple[tuple[tuple[str, str], ...], ...]] = (
    (),
    (),
    (),
    (),
    (("worker", "item.start"),),
    (("worker", "item.start"),),
    (("worker", "item.start"), ("worker", "item.submit")),
    (("worker", "item.submit"), ("sam", "item.accept")),
    (("worker", "item.start"), ("worker", "item.submit"), ("sam", "item.send_back")),
    (("worker", "item.dispute"),),
)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in of the demonstration, for the terminal it was made on."""

    login: str
    password: str
    role: str


@dataclass(slots=True)
class _Phone:
    """A pretended phone: its user, its client and how many mutations it made."""

    user_id: str
    client: str = field(default_factory=new_id)
    made: int = 0


async def make(office: Office, *, is_local: bool) -> bool:
    """Make the demonstration if nobody has put anything in yet; returns whether it did.

    Sign-ins come first: where the process dies before the project is there, the next start goes on with the same ones.
    """
    present = await office.core.read_alone(sql.credentials)
    is_begun = await office.core.read_alone(partial(core_meta.fact, name=FACT)) is not None
    if not await office.store.read_alone(reads.is_empty) or (present and not is_begun):
        return False
    user_ids = {row.login: row.user_id for row in present}
    if not present:
        user_ids = {person[0]: new_id() for person in content.PEOPLE}
        passwords = {person[0]: person[2] if is_local else made_up() for person in content.PEOPLE}
        await _give_passwords(office, user_ids, passwords)
    async with together(office.store) as store:
        await _fill(store, user_ids, office.clock())
    return True


async def sign_ins(office: Office, *, is_local: bool) -> list[SignIn]:
    """The sign-ins whose passwords are still the demonstration's.

    Passwords that everybody can read in this file are for this machine alone: as soon as the server listens further,
    those left are replaced by made-up ones.
    """
    fact: str | None = await office.core.read_alone(partial(core_meta.fact, name=FACT))
    given: dict[str, int] = orjson.loads(fact or "{}")
    present = {row.login: row for row in await office.core.read_alone(sql.credentials)}
    unchanged = [login for login, at in given.items() if login in present and present[login].changed_at == at]
    known = {login: (text, role) for login, _, text, _, role, _ in content.PEOPLE}
    if is_local or not unchanged:
        return [SignIn(login, *known[login]) for login in unchanged]
    fresh = {login: made_up() for login in unchanged}
    await _give_passwords(office, {login: present[login].user_id for login in unchanged}, fresh, is_known=False)
    return [SignIn(login, text, known[login][1]) for login, text in fresh.items()]


async def _give_passwords(
    office: Office, user_ids: dict[str, str], passwords: dict[str, str], *, is_known: bool = True
) -> None:
    keeper, now = Passwords(), office.clock()
    rows = [
        sql.CredentialRow(user_ids[login], login, await keeper.hash(text), now, must_change=False)
        for login, text in passwords.items()
    ]
    await office.core.write_alone(partial(_write_credentials, rows=rows, is_known=is_known))


def _write_credentials(plain: Transaction, rows: list[sql.CredentialRow], *, is_known: bool) -> None:
    for row in rows:
        if sql.credential_of_user(plain, row.user_id) is None:
            sql.add_credential(plain, row)
        else:
            sql.set_password(plain, row.user_id, row.password_hash, row.changed_at, must_change=False)
        payload = {"login": row.login, "user_id": row.user_id, "is_demo": True}
        add_pending(plain, Entry(f"credential/{new_id()}", row.changed_at, None, "credential.put", None, payload))
    known = {row.login: row.changed_at for row in rows} if is_known else {}
    core_meta.put_fact(plain, FACT, orjson.dumps(known).decode())


async def _fill(store: Store, user_ids: dict[str, str], now: int) -> None:
    """The office's rows, then three weeks of work, day by day."""
    began_at = now - DAYS * DAY_MS
    names = _Names(user_ids, datetime.fromtimestamp(now / 1000, UTC).date())
    context = admin.OfficeContext(new_id(), None, began_at, names.project_id)
    await admin.administer(store, names.rows(began_at - DAY_MS), context)
    phones = {login: _Phone(user_id) for login, user_id in user_ids.items()}
    acts = _acts(names)
    for day in range(DAYS):
        at = began_at + day * DAY_MS
        for login, group in itertools.groupby(acts[day], key=lambda act: act[0]):
            await _push(store, phones[login], [act[1:] for act in group], at)


class _Names:
    """Ids of everything the office enters; `today` is the day the demonstration is made."""

    def __init__(self, user_ids: dict[str, str], today: date) -> None:
        self.today = today
        self.project_id = new_id()
        self.user_ids = user_ids
        self.sectors = {code: new_id() for code, _ in content.SECTORS}
        self.companies = [new_id() for _ in content.COMPANIES]
        self.trades = [new_id() for _ in content.TRADES]

    def rows(self, since: int) -> list[admin.OfficeChange]:
        """All of it, the project first; roles hold from `since` on."""
        project_id = self.project_id
        return [
            admin.put_project(project_id, content.PROJECT),
            *(admin.put_sector(self.sectors[code], project_id, code, name) for code, name in content.SECTORS),
            *(map(admin.put_company, self.companies, itertools.repeat(project_id), content.COMPANIES)),
            *(map(admin.put_trade, self.trades, itertools.repeat(project_id), content.TRADES)),
            *self._people(),
            *self._roles(since),
        ]

    def _people(self) -> list[admin.OfficeChange]:
        return [
            admin.put_actor(self.user_ids[login], name, self.companies[company])
            for login, name, _, company, _, _ in content.PEOPLE
        ]

    def _roles(self, since: int) -> list[admin.OfficeChange]:
        return [
            admin.grant_membership(new_id(), self.user_ids[login], sector_id, Role(role), since)
            for login, _, _, _, role, codes in content.PEOPLE
            for sector_id in (map(self.sectors.get, codes) if codes else (None,))
        ]


_Act = tuple[str, str, dict[str, Any], "int | None"]
"""Login, mutation, arguments, base."""


def _acts(names: _Names) -> dict[int, list[_Act]]:
    """Who does what on which day; within a day people push one after another, new items first."""
    days: defaultdict[int, list[_Act]] = defaultdict(list)
    for number in range(ITEMS):
        for day, act in _story(names, number):
            days[day].append(act)
    order = ["item.create", "item.start", "item.submit", "item.dispute", "item.accept", "item.send_back", "comment.add"]
    for acts in days.values():
        acts.sort(key=lambda act: (order.index(act[1]), act[0]))
    return days


def _story(names: _Names, number: int) -> list[tuple[int, _Act]]:
    """What happens to one item, an act a day at most, so that each base is the version before."""
    code = content.SECTORS[number % 2][0]
    worker = "ana" if code == "B-4" and number % 4 < 2 else "bo"
    item_id, raised_on = new_id(), number * (DAYS - 6) // ITEMS
    acts: list[tuple[str, str, dict[str, Any]]] = [
        ("sam" if number % 3 == 0 else worker, "item.create", _item(names, number, item_id, code))
    ]
    for who, command in _STORIES[number // 2 % 10]:
        reason = content.REASONS.get(command)
        args = {"id": item_id, "reason": reason} if reason else {"id": item_id}
        acts.append((worker if who == "worker" else who, command, args))
    if number % 3 == 1:
        text = content.COMMENTS[number % len(content.COMMENTS)]
        acts.append((worker, "comment.add", {"id": new_id(), "item_id": item_id, "text": text}))
    return [(raised_on + place, (login, name, args, place or None)) for place, (login, name, args) in enumerate(acts)]


def _item(names: _Names, number: int, item_id: str, code: str) -> dict[str, Any]:
    trade, company, kind, title, description = content.DEFECTS[number * 7 % len(content.DEFECTS)]
    item: dict[str, Any] = {
        "id": item_id,
        "sector_id": names.sectors[code],
        "title": title,
        "description": description,
        "type": kind,
        "priority": PRIORITIES[(0, 1, 1, 1, 2, 1, 1, 3)[number % 8]],
        "trade_id": names.trades[trade],
        "company_id": names.companies[company],
        "location": content.ROOMS[number * 5 % len(content.ROOMS)].format(floor=code[-1]),
    }
    if number % 3 == 0:
        item["due_on"] = (names.today + timedelta(days=number % 16 - 4)).isoformat()
    if number % 5 == 0:
        item["assignee_ids"] = [names.user_ids["ana" if code == "B-4" and number % 4 < 2 else "bo"]]
    return item


async def _push(store: Store, phone: _Phone, acts: list[tuple[str, dict[str, Any], int | None]], at: int) -> None:
    mutations = tuple(
        Mutation(new_id(), phone.client, phone.made + place, name, args, base, SCHEMA_VERSION, at)
        for place, (name, args, base) in enumerate(acts, 1)
    )
    phone.made += len(acts)
    request = Request(PROTOCOL_VERSION, SCHEMA_VERSION, phone.client, phone.user_id, at, None, mutations, None, limit=1)
    await push(store, request, PushContext(phone.user_id, at))
