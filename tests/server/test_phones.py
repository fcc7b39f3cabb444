"""What phones last said of themselves: told to their owner and to who leads where they work (S8), to nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from server.clock import clock_ms
from sync import admin
from tests.server.conftest import Phone, Place
from tests.server.photographer import jpeg, photographer
from tests.sync.site import ADA, ANA, AUD, BO, EVE, GUS, NOON, PEOPLE, PROJECT, STO, SUE, membership, uid

pytestmark = pytest.mark.anyio

BODY = jpeg(9_000)


def report(pending: int) -> dict[str, Any]:
    return {"app_version": "v1", "pending": pending, "oldest_unsent_at": NOON if pending else None}


@pytest.fixture(autouse=True)
def _built(place: Place) -> None:
    folder = place.settings.build_folder
    folder.mkdir()
    (folder / "manifest.json").write_text('{"version": "1", "files": {}, "precache": []}')


async def clients(phone: Phone) -> list[dict[str, Any]]:
    answer = await phone.http.get("/clients")
    assert answer.status_code == 200
    told: list[dict[str, Any]] = answer.json()["clients"]
    return told


async def told(phone: Phone) -> tuple[int, int]:
    """Changes and photos of the only phone there is, once its report is written."""
    await phone.http.get("/healthz")
    (one,) = await clients(phone)
    return one["pending"], one["photos"]


async def test_a_phone_that_sends_its_last_change_has_nothing_left_to_send(place: Place) -> None:
    ana = await place.phone(ANA)
    assert await clients(ana) == []
    await ana.sync(ana.pen.creation(), device=report(1))
    await place.app.state.syncing.finish()
    assert await told(ana) == (0, 0)


async def test_what_a_phone_has_still_to_send_is_told_to_its_owner_with_its_photos(place: Place) -> None:
    ana = await photographer(place)
    photo_id = await ana.add(BODY)
    began = clock_ms()
    await ana.phone.sync(ana.phone.pen.creation(), device=report(7))
    await place.app.state.syncing.finish()
    (one,) = await clients(ana.phone)
    assert (one["id"], one["pending"], one["photos"]) == (ana.phone.pen.client, 6, 1)
    assert began <= one["seen_at"] <= clock_ms()
    await ana.send(photo_id, BODY)
    assert await told(ana.phone) == (6, 0)


async def test_a_phone_that_says_nothing_of_itself_is_known_to_hold_nothing(place: Place) -> None:
    ana = await place.phone(ANA)
    await ana.sync(ana.pen.creation(), device=None)
    assert [(one["pending"], one["photos"]) for one in await clients(ana)] == [(0, 0)]


async def test_a_removed_photo_is_not_missed(place: Place) -> None:
    ana = await photographer(place)
    photo_id = await ana.add(BODY)
    await ana.phone.sync(device=report(0))
    await place.app.state.syncing.finish()
    assert await told(ana.phone) == (0, 1)
    await ana.remove(photo_id)
    assert await told(ana.phone) == (0, 0)


LOOKERS = [
    (SUE, 200, ["Ana", "Bo"], "she leads the sector they work in"),
    (ADA, 200, ["Ana", "Bo", "Eve"], "she leads the whole project"),
    (ANA, 403, [], "a worker leads nowhere"),
    (GUS, 403, [], "a guest leads nowhere"),
    (STO, 403, [], "a storekeeper leads nobody"),
    (AUD, 403, [], "an auditor reads rows, not phones"),
]


@pytest.mark.parametrize(("looker", "status", "names", "why"), LOOKERS, ids=[PEOPLE[row[0]][0] for row in LOOKERS])
async def test_the_office_sees_the_phones_of_those_it_leads(
    place: Place, looker: str, status: int, names: list[str], why: str
) -> None:
    for number, user_id in enumerate((ANA, BO, EVE), start=1):
        phone = await place.phone(user_id, client=number)
        await phone.sync(phone.pen.mutation("noop", {}), device=report(number))
    await place.app.state.syncing.finish()
    answer = await (await place.phone(looker)).http.get("/office/phones", headers={"accept": "text/html"})
    assert answer.status_code == status, why
    assert [PEOPLE[one][0] for one in (ANA, BO, EVE) if f">{PEOPLE[one][0]}<" in answer.text] == names, why


async def test_nobody_else_hears_of_ones_phone(place: Place) -> None:
    ana, bo = await place.phone(ANA), await place.phone(BO)
    await ana.sync(ana.pen.creation(), device=report(3))
    await place.app.state.syncing.finish()
    assert await clients(bo) == []
    assert (await place.visitor().get("/clients")).status_code == 401
    away = await place.visitor().get("/office/phones")
    assert (away.status_code, away.headers["location"]) == (303, "/signin")


async def test_who_leads_no_more_sees_no_phones(place: Place) -> None:
    sue = await place.phone(SUE)
    ended = admin.end_membership(membership(SUE), clock_ms() - 1)
    await admin.administer(place.app.state.store, (ended,), admin.OfficeContext(uid(8, 70), None, NOON, PROJECT))
    assert (await sue.http.get("/office/phones")).status_code == 403


async def test_the_page_says_how_much_is_not_sent_and_lists_it_first(place: Place) -> None:
    ana, bo = await place.phone(ANA), await place.phone(BO)
    await bo.sync(bo.pen.creation(), device=report(1))
    await ana.sync(ana.pen.creation(), device=report(3))
    await place.app.state.syncing.finish()
    page = (await (await place.phone(SUE)).http.get("/office/phones")).text
    assert "2 changes and 0 photos not sent" in page
    assert page.index("Ana") < page.index("Bo")
    assert "No phone is known to hold unsent work" not in page
