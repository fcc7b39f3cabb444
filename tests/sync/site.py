"""A small site, people with every role, and phones that talk to the engine without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from sync import admin
from sync.changes import Row, Store
from sync.cookie import Cookie
from sync.memory import MemoryStore
from sync.pull import PullAnswer, pull
from sync.push import PushAnswer, PushContext, push
from sync.rules import Role
from sync.schema import Status
from sync.uploads import store_photo
from sync.wire import Mutation, Request

T = TypeVar("T")
NOON = 1_795_457_696_000
HOUR = 3_600_000


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Step a coroutine of the engine to its end; it needs no event loop."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result


def uid(group: int, number: int) -> str:
    return f"0192f0c1-7a4e-7cc0-8{group:03x}-{number:012x}"


PROJECT, NORTH, SOUTH = uid(0, 1), uid(1, 1), uid(1, 2)
TILER, PAINTER = uid(2, 1), uid(2, 2)
TILES, PAINT = uid(3, 1), uid(3, 2)
ANA, BO, SUE, SAM, GUS, STO, AUD, ADA, EVE = (uid(4, number) for number in range(1, 10))
PEOPLE: dict[str, tuple[str, str | None, str | None, Role]] = {
    ANA: ("Ana", None, NORTH, Role.WORKER),
    BO: ("Bo", None, NORTH, Role.WORKER),
    SUE: ("Sue", None, NORTH, Role.SUPERVISOR),
    SAM: ("Sam", None, NORTH, Role.SUPERVISOR),
    GUS: ("Gus", TILER, NORTH, Role.GUEST),
    STO: ("Sto", None, NORTH, Role.STOREKEEPER),
    AUD: ("Aud", None, None, Role.AUDITOR),
    ADA: ("Ada", None, None, Role.ADMIN),
    EVE: ("Eve", None, SOUTH, Role.WORKER),
}


def membership(user_id: str) -> str:
    """The id of the membership that the site gives a person."""
    return uid(5, int(user_id[-12:], 16))


Pushed = tuple[Request, PushContext, PushAnswer]
Administered = tuple[tuple[admin.OfficeChange, ...], admin.OfficeContext]
Acted = tuple[Callable[..., Coroutine[Any, Any, bool]], str, tuple[Any, ...], bool]
"""One of `sync.uploads` with its photo, what else it was given, and what it returned."""


@dataclass
class Site:
    """A store with one project, and the server's clock."""

    store: Store
    now: int = NOON
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    history: list[Pushed | Administered | Acted] = field(default_factory=list)
    """What was done to the store, in order, so that it can be done to another."""

    def id(self, group: int = 9) -> str:
        return uid(group, next(self.numbers))

    def office(self, *changes: admin.OfficeChange) -> list[Row]:
        context = admin.OfficeContext(self.id(8), None, self.now, PROJECT)
        self.history.append((changes, context))
        return run(admin.administer(self.store, changes, context))

    def act(self, act: Callable[..., Coroutine[Any, Any, bool]], photo_id: str, word: str) -> bool:
        """One of the server's own acts on a photo, now."""
        more = (word, self.now) if act is store_photo else (word,)
        result = run(act(self.store, photo_id, *more))
        self.history.append((act, photo_id, more, result))
        return result

    def phone(self, user_id: str) -> Phone:
        return Phone(self, user_id, self.id(12))

    def rows(self, entity: str) -> list[Row]:
        """All rows of an entity, in the memory store."""
        assert isinstance(self.store, MemoryStore)
        return [row for (name, _), row in self.store.state.rows.items() if name == entity]

    def row(self, entity: str, row_id: str) -> Row:
        assert isinstance(self.store, MemoryStore)
        return self.store.state.rows[(entity, row_id)]

    def last_event(self) -> dict[str, Any]:
        return self.rows("item_events")[-1].doc

    def doc(self, item_id: str) -> dict[str, Any]:
        return self.row("punch_items", item_id).doc


@dataclass
class Phone:
    """One client. `sees` is what it last pulled: (entity, id) → document."""

    site: Site
    user_id: str
    client: str
    last_n: int = 0
    cookie: Cookie | None = None
    rows: dict[str, dict[tuple[str, str], dict[str, Any]]] = field(default_factory=dict)

    def mutation(self, name: str, args: dict[str, Any], base: int | None = None, **more: Any) -> Mutation:
        """A new mutation with the next number."""
        self.last_n += 1
        values: dict[str, Any] = {
            "schema": 1,
            "made_at": self.site.now,
            "id": self.site.id(10),
            "n": self.last_n,
        } | more
        return Mutation(client=self.client, name=name, args=args, base=base, **values)

    def request(self, *mutations: Mutation, user_id: str | None = None, sent_at: int | None = None) -> Request:
        at = self.site.now if sent_at is None else sent_at
        return Request(1, 1, self.client, user_id or self.user_id, at, None, mutations, None, 2000)

    def send(self, *mutations: Mutation, sent_at: int | None = None) -> list[dict[str, Any]]:
        """Push and read the receipts."""
        return [json.loads(body) for body in self.push(*mutations, sent_at=sent_at).receipts]

    def push(self, *mutations: Mutation, sent_at: int | None = None) -> PushAnswer:
        context, request = PushContext(self.user_id, self.site.now), self.request(*mutations, sent_at=sent_at)
        answer = run(push(self.site.store, request, context))
        self.site.history.append((request, context, answer))
        return answer

    def do(self, name: str, args: dict[str, Any], base: int | None = None, **more: Any) -> dict[str, Any]:
        """Make one mutation and send it."""
        return self.send(self.mutation(name, args, base, **more))[0]

    def create(self, sector_id: str = NORTH, **fields: Any) -> str:
        """A new item; returns its id."""
        item_id = self.site.id(11)
        args = {"id": item_id, "sector_id": sector_id, "title": "Cracked tile", **fields}
        receipt = self.do("item.create", args)
        assert receipt["outcome"] == "applied", receipt
        return item_id

    def shoot(self, item_id: str, base: int | None = 1, **said: Any) -> str:
        """A new photo of an item; returns its id."""
        args = photo_args(self.site, item_id, **said)
        receipt = self.do("photo.add", args, base)
        assert receipt["outcome"] == "applied", receipt
        return str(args["id"])

    def edit(self, item_id: str, was: dict[str, Any], wanted: dict[str, Any], base: int | None) -> dict[str, Any]:
        return self.do("item.edit", {"id": item_id, "set": wanted, "was": was}, base)

    def pull(self, limit: int = 5000) -> PullAnswer:
        """One pull, applied as a device does."""
        answer = run(pull(self.site.store, self.cookie, self.user_id, self.site.now, limit))
        if answer.is_reset:
            self.rows.clear()
        for scope in answer.drop:
            self.rows.pop(scope, None)
        for page in answer.scopes:
            held = self.rows.setdefault(page.scope, {})
            for entity, text in page.rows:
                doc = json.loads(text)
                held[(entity, doc["id"])] = doc
            for entity, row_id in page.gone:
                held.pop((entity, row_id), None)
        self.cookie = answer.cookie
        return answer

    def sees(self, entity: str) -> dict[str, dict[str, Any]]:
        """Documents of an entity in any scope, by id."""
        return {key[1]: doc for held in self.rows.values() for key, doc in held.items() if key[0] == entity}


def photo_args(site: Site, item_id: str, **said: Any) -> dict[str, Any]:
    """All that a phone says of a photo."""
    args: dict[str, Any] = {
        "id": site.id(13),
        "item_id": item_id,
        "kind": "before",
        "caption": "Behind the door",
        "media_type": "image/jpeg",
        "sha256": "ab" * 32,
        "size_bytes": 300_000,
        "width": 1_600,
        "height": 1_200,
        "taken_at": NOON - HOUR,
        "position": None,
        "thumb_sha256": "cd" * 32,
        "thumb_bytes": 9_000,
    }
    return args | said


def build_site(store: Store) -> Site:
    site = Site(store)
    site.office(
        admin.put_project(PROJECT, "Quay 7"),
        admin.put_sector(NORTH, PROJECT, "B-4", "North"),
        admin.put_sector(SOUTH, PROJECT, "B-5", "South"),
        admin.put_company(TILER, PROJECT, "Tiler"),
        admin.put_company(PAINTER, PROJECT, "Painter"),
        admin.put_trade(TILES, PROJECT, "Tiles"),
        admin.put_trade(PAINT, PROJECT, "Paint"),
        *(admin.put_actor(user_id, name, company) for user_id, (name, company, _, _) in PEOPLE.items()),
        *(
            admin.grant_membership(membership(user_id), user_id, sector, role, NOON - 1000 * HOUR)
            for user_id, (_, _, sector, role) in PEOPLE.items()
        ),
    )
    return site


def conflicts(site: Site) -> list[dict[str, Any]]:
    """Documents of all conflict rows."""
    return [row.doc for row in site.rows("conflicts")]


def item_in(site: Site, status: Status) -> str:
    """An item brought to a state by commands; its submitter is Bo."""
    ways: dict[Status, list[tuple[str, str]]] = {
        Status.OPEN: [],
        Status.IN_PROGRESS: [(BO, "item.start")],
        Status.READY_FOR_REVIEW: [(BO, "item.submit")],
        Status.NOT_ACCEPTED: [(BO, "item.submit"), (SUE, "item.send_back")],
        Status.DISPUTED: [(BO, "item.start"), (BO, "item.dispute")],
        Status.CLOSED: [(BO, "item.submit"), (SUE, "item.accept")],
        Status.VOID: [(SUE, "item.void")],
    }
    item_id = site.phone(SUE).create()
    for user_id, name in ways[status]:
        site.phone(user_id).do(name, {"id": item_id, "reason": "because"}, 99)
    assert site.doc(item_id)["status"] == status
    return item_id
