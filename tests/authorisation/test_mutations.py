"""Every mutation by every person on the real app: the outcome stands in matrix.txt, and nothing is left out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from server.clock import clock_ms
from server.store import core_accounts
from server.store.core import Core
from server.store.punchlist import PunchlistStore
from sync import admin
from sync.planners import PLANNERS
from sync.rules import ACTS, Role
from sync.schema import MUTATIONS
from tests.server.conftest import PASSWORD, Phone, Place, place, prepared
from tests.server.place import Pen
from tests.sync.site import ADA, ANA, AUD, BO, EVE, GUS, NOON, NORTH, PAINTER, PROJECT, SOUTH, STO, SUE, TILER, uid

__all__ = ["place", "prepared"]

pytestmark = pytest.mark.anyio

TABLE = Path(__file__).parent / "matrix.txt"
HOUR = 3_600_000
ENDED, STRANGER, DISABLED, FOREIGN = (uid(4, number) for number in range(21, 25))
PEOPLE = {
    "worker": BO,
    "supervisor": SUE,
    "storekeeper": STO,
    "auditor": AUD,
    "admin": ADA,
    "guest": GUS,
    "foreign": FOREIGN,
    "elsewhere": EVE,
    "ended": ENDED,
    "stranger": STRANGER,
    "disabled": DISABLED,
}
UNSEEING = ("foreign", "elsewhere", "stranger")
"""Who never saw the item: it answers them as one that does not exist."""

REASON = {"reason": "because"}
NEEDED = {  # mutation → what Pat and the admin do to the item first
    "item.accept": ["item.submit"],
    "item.send_back": ["item.submit"],
    "item.resolve": ["item.dispute"],
    "item.reopen": ["item.void"],
    "item.restore": ["item.delete"],
}
PHOTO = {"kind": "before", "media_type": "image/jpeg", "sha256": "ab" * 32, "size_bytes": 300_000}


async def _add_people(place: Place) -> None:
    """The people that the small site lacks, and a second company."""
    store: PunchlistStore = place.app.state.syncing._store
    core = await Core.open(place.settings.core_path)
    digest = await place.app.state.visitors.sessions._passwords.hash(PASSWORD)
    now, changes = clock_ms(), [admin.put_company(PAINTER, PROJECT, "Painter")]
    begun = NOON - 1000 * HOUR
    for number, user_id in enumerate((ENDED, STRANGER, DISABLED, FOREIGN)):
        name = f"extra-{number}"
        row = core_accounts.CredentialRow(user_id, name, digest, now, must_change=False)
        await core.write_alone(partial(core_accounts.add_credential, row=row))
        changes.append(admin.put_actor(user_id, name, PAINTER if user_id == FOREIGN else None))
        if user_id != STRANGER:
            role = Role.GUEST if user_id == FOREIGN else Role.WORKER
            until = now - 100 * HOUR if user_id == ENDED else None
            changes.append(admin.grant_membership(uid(5, 21 + number), user_id, NORTH, role, begun, until))
    await core.close()
    await admin.administer(store, changes, admin.OfficeContext(uid(8, 50), None, now, PROJECT))


async def _sign_in(place: Place, user_id: str, client: int) -> Phone:
    if user_id not in (ENDED, STRANGER, DISABLED, FOREIGN):
        return await place.phone(user_id, client)
    name = f"extra-{(ENDED, STRANGER, DISABLED, FOREIGN).index(user_id)}"
    http = place.visitor()
    answer = await http.post("/session", json={"login": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return Phone(http, Pen(user_id, client, clock_ms()))


class Crew:
    """Everybody's phone, Pat's (a worker) and the office's."""

    def __init__(self) -> None:
        self.phones: dict[str, Phone] = {}
        self.pat: Phone
        self.lead: Phone

    async def item(self, company_id: str | None) -> str:
        creation = self.pat.pen.creation()
        creation["args"]["company_id"] = company_id
        await _outcome(self.pat, creation, "applied")
        return str(creation["args"]["id"])

    async def target(self, name: str) -> dict[str, Any]:
        """Arguments for a mutation on something of Pat's that is ready for it."""
        pen, item_id = self.pat.pen, await self.item(TILER)
        for step in NEEDED.get(name, ()):
            phone = self.lead if step in ("item.void", "item.delete") else self.pat
            args = {"id": item_id, **({} if step == "item.delete" else REASON)}
            await _outcome(phone, phone.pen.mutation(step, args, base=9), "applied")
        if name.startswith("photo."):
            return await self._photo(name, item_id)
        suggestion = {"id": item_id, "set": {"priority": "high"}, "was": {"priority": "normal"}}
        match name:
            case "noop":
                return {}
            case "item.create":
                return {"id": pen.id(), "sector_id": NORTH, "title": "Tile", "company_id": TILER}
            case "item.edit":
                return {"id": item_id, "set": {"location": "Hall"}, "was": {"location": ""}}
            case "item.move":
                return {"id": item_id, "from_sector_id": NORTH, "sector_id": SOUTH}
            case "comment.add":
                return {"id": pen.id(), "item_id": item_id, "text": "Hm."}
            case "conflict.resolve":
                receipt = await _outcome(self.pat, pen.mutation("item.edit", suggestion, base=1), "conflict")
                return {"id": receipt["conflicts"][0], "choice": "other"}
            case "refusal.dismiss":
                refused = pen.mutation("item.void", {"id": item_id, **REASON}, base=1)
                await _outcome(self.pat, refused, "refused")
                return {"id": refused["id"]}
        return {"id": item_id, **({} if name in ("item.delete", "item.restore") else REASON)}

    async def _photo(self, name: str, item_id: str) -> dict[str, Any]:
        here = {"id": self.pat.pen.id(13), "item_id": item_id}
        if name == "photo.add":
            return {**here, **PHOTO}
        await _outcome(self.pat, self.pat.pen.mutation("photo.add", {**here, **PHOTO}, base=1), "applied")
        if name == "photo.restore":
            await _outcome(self.pat, self.pat.pen.mutation("photo.remove", here, base=9), "applied")
        return {**here, "set": {"caption": "b"}, "was": {"caption": ""}} if name == "photo.edit" else here


async def _outcome(phone: Phone, mutation: dict[str, Any], wanted: str = "") -> dict[str, Any]:
    response = await phone.post(phone.pen.request(mutation, limit=1))
    assert response.status_code == 200, response.text
    receipt: dict[str, Any] = response.json()["receipts"][0]
    assert not wanted or receipt["outcome"] == wanted, (mutation, receipt)
    return receipt


@pytest.fixture
async def crew(place: Place) -> Crew:
    await _add_people(place)
    crew = Crew()
    for client, (name, user_id) in enumerate(PEOPLE.items(), 1):
        crew.phones[name] = await _sign_in(place, user_id, client)
    crew.pat, crew.lead = await place.phone(ANA, 30), await place.phone(ADA, 31)
    store: PunchlistStore = place.app.state.syncing._store
    context = admin.OfficeContext(uid(8, 51), None, clock_ms(), PROJECT)
    await admin.administer(store, [admin.disable_actor(DISABLED)], context)
    return crew


async def _cell(phone: Phone, name: str, args: dict[str, Any]) -> str:
    response = await phone.post(phone.pen.request(phone.pen.mutation(name, args, base=9), limit=1))
    if response.status_code != 200:
        return str(response.status_code)
    receipt = response.json()["receipts"][0]
    return str(receipt["reason"] if receipt["outcome"] == "refused" else receipt["outcome"])


async def test_each_mutation_ends_for_each_person_as_the_matrix_says(crew: Crew) -> None:
    lines = [f"{'':17}" + "".join(f"{name:12}" for name in PEOPLE)]
    for name in MUTATIONS:
        cells = [await _cell(phone, name, await crew.target(name)) for phone in crew.phones.values()]
        lines.append(f"{name:17}" + "".join(f"{cell:12}" for cell in cells))
    found = [line.rstrip() for line in lines]
    print("\n".join(found))
    assert found == [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]


async def test_what_is_out_of_sight_answers_as_what_does_not_exist(crew: Crew) -> None:
    own = {"id": "", "n": 0, "row": None, "conflicts": []}
    for name in (each for each in MUTATIONS if each not in ("noop", "item.create")):
        args = await crew.target(name)
        key = "item_id" if "item_id" in args else "id"
        for person in UNSEEING:
            phone = crew.phones[person]
            there = await _outcome(phone, phone.pen.mutation(name, args, base=1))
            nowhere = await _outcome(phone, phone.pen.mutation(name, {**args, key: uid(11, 999_999)}, base=1))
            assert {**there, **own} == {**nowhere, **own}, (person, name)


def test_the_matrix_names_every_mutation_and_every_role() -> None:
    rows = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    assert rows[0].split() == list(PEOPLE)
    assert {line.split()[0] for line in rows[1:]} == set(MUTATIONS) == set(PLANNERS)
    assert {role.value for role in Role} <= set(PEOPLE)
    assert set(ACTS) - {"item.decide", "photo.decide"} <= set(MUTATIONS)
