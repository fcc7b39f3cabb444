"""Well-formed requests that lie: about who sends, what was sent before, what was seen, and what may be done."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from server.ids import new_id
from server.keys import derived
from sync.cookie import Cookie, seal
from sync.parse import MAX_COOKIE
from tests.server.conftest import Phone, Place
from tests.server.place import Pen
from tests.sync.site import ANA, BO, EVE, NORTH, SOUTH, SUE, uid

pytestmark = pytest.mark.anyio


@dataclass
class People:
    place: Place
    ana: Phone
    bo: Phone
    eve: Phone


@pytest.fixture
async def people(place: Place) -> People:
    """Ana and Bo work in the north, Eve in the south; each knows everything already."""
    found = People(place, await place.phone(ANA), await place.phone(BO), await place.phone(EVE))
    for phone in (found.ana, found.bo, found.eve):
        await phone.sync_all()
    return found


async def refused(phone: Phone, request: dict[str, Any], status: int, error: str) -> dict[str, Any]:
    answer = await phone.post(request)
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["error"]) == (status, error), document
    assert document["reason"]
    assert document["request_id"] == answer.headers["request-id"]
    assert answer.headers["holdfast"] == "1"
    return document


async def test_a_mutation_sent_again_gets_the_stored_receipt_byte_for_byte(people: People) -> None:
    """Invariant 2, through any number of repeats and a restart of the server."""
    mutation = people.ana.pen.creation()
    request = people.ana.pen.request(mutation, cookie=people.ana.cookie)
    first = (await people.ana.post(request)).content
    before = people.place.stored()
    second = (await people.ana.post(request)).content
    await people.place.restart()
    again = await people.place.phone(ANA)
    third = (await again.post(request)).content
    receipts = {body[body.index(b'"receipts":') : body.index(b',"next_n"')] for body in (first, second, third)}
    assert len(receipts) == 1
    assert people.place.stored() == before


async def test_any_part_of_an_old_push_in_any_order_changes_nothing(people: People) -> None:
    mutations = [people.ana.pen.creation() for _ in range(4)]
    await people.ana.sync(*mutations)
    before = people.place.stored()
    for part in (mutations[:2], mutations[1:3], mutations[3:], mutations):
        answer = await people.ana.sync(*part)
        assert [receipt["id"] for receipt in answer["receipts"]] == [mutation["id"] for mutation in part]
    assert people.place.stored() == before


async def test_the_same_id_with_other_content_is_refused_and_kept(people: People) -> None:
    mutation = people.ana.pen.creation()
    await people.ana.sync(mutation)
    other = {**mutation, "args": {**mutation["args"], "title": "Something else"}}
    receipt = (await people.ana.sync(other))["receipts"][0]
    assert (receipt["outcome"], receipt["reason"]) == ("refused", "mutation_reused")
    rows = await people.bo.sync_all()
    assert [doc["title"] for entity, doc in rows if entity == "punch_items"] == ["Cracked tile"]


async def test_somebody_elses_mutation_id_tells_nothing_about_theirs(people: People) -> None:
    mutation = people.ana.pen.creation()
    await people.ana.sync(mutation)
    stolen = {**mutation, "client": people.eve.pen.client, "n": 1}
    receipt = (await people.eve.sync(stolen))["receipts"][0]
    assert (receipt["outcome"], receipt["reason"]) == ("refused", "mutation_reused")
    assert (receipt["entity"], receipt["row"], receipt["version"]) == (None, None, None)


async def test_somebody_elses_client_is_refused_whole(people: People) -> None:
    await people.ana.sync(people.ana.pen.creation())
    before = people.place.stored()
    thief = Pen(EVE, people.ana.pen.number, people.eve.pen.now)
    await refused(people.eve, thief.request(thief.creation(n=2)), 403, "actor_mismatch")
    await refused(people.eve, thief.request(), 403, "actor_mismatch")
    assert people.place.stored() == before


async def test_somebody_elses_entries_are_refused_before_anything_is_read(people: People) -> None:
    """Invariant 21: on a shared phone nobody's session sends another's entries."""
    before = people.place.stored()
    request = people.ana.pen.request(people.ana.pen.creation(), user=BO)
    document = await refused(people.ana, request, 403, "actor_mismatch")
    assert "receipts" not in document
    assert people.place.stored() == before


async def test_a_hole_in_the_numbers_is_told_with_the_number_that_is_due(people: People) -> None:
    """Invariant 16."""
    await people.ana.sync(people.ana.pen.creation())
    before = people.place.stored()
    skipped = people.ana.pen.creation(n=5)
    document = await refused(people.ana, people.ana.pen.request(skipped), 409, "gap")
    assert document["next_n"] == 2
    assert people.place.stored() == before


async def test_numbers_that_do_not_follow_each_other_are_no_request(people: People) -> None:
    mutations = (people.ana.pen.creation(n=1), people.ana.pen.creation(n=3))
    await refused(people.ana, people.ana.pen.request(*mutations), 400, "invalid_request")


async def test_a_restored_phone_is_told_to_fork_and_loses_nothing(people: People) -> None:
    """Invariant 17."""
    await people.ana.sync(people.ana.pen.creation(), people.ana.pen.creation())
    before = people.place.stored()
    restored = {**people.ana.pen.creation(n=2), "id": new_id()}
    await refused(people.ana, people.ana.pen.request(restored), 409, "fork")
    assert people.place.stored() == before
    fresh = Pen(ANA, 77, people.ana.pen.now)
    answer = await people.ana.post(fresh.request({**restored, "client": fresh.client, "n": 1}))
    assert answer.json()["receipts"][0]["outcome"] == "applied"


def _turned(cookie: str) -> str:
    content, _, mac = cookie.partition(".")
    raw = base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)).replace(NORTH.encode(), SOUTH.encode())
    return f"{base64.urlsafe_b64encode(raw).decode().rstrip('=')}.{mac}"


@pytest.mark.parametrize(
    "forge",
    [
        lambda people: "",
        lambda people: "x",
        lambda people: "AAAA.AAAA",
        lambda people: "\u00e9.\u00e9",
        lambda people: people.ana.cookie[:-2],
        lambda people: _turned(people.ana.cookie),
        lambda people: people.eve.cookie,
        lambda people: seal(Cookie(uid(14, 9), ANA, 1, {f"sector/{NORTH}": 1}), _cookie_key(people.place)),
        lambda people: seal(Cookie(uid(14, 9), ANA, 1, {f"sector/{NORTH}": 1}), b"another server's key"),
    ],
    ids=["empty", "short", "noise", "not ascii", "cut off", "turned", "foreign", "of another epoch", "of another key"],
)
async def test_a_cookie_that_is_not_ours_to_this_user_in_this_epoch_starts_afresh(people: People, forge: Any) -> None:
    before = people.place.stored()
    answer = (await people.ana.post(people.ana.pen.request(cookie=forge(people)))).json()
    assert answer["reset"] is True
    scopes = {scope["scope"] for scope in answer["scopes"]}
    assert f"sector/{NORTH}" in scopes
    assert f"sector/{SOUTH}" not in scopes
    assert people.place.stored() == before


def _cookie_key(place: Place) -> bytes:
    return derived(place.settings.secret_path.read_bytes(), "sync cookie 1")


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"limit": 5001}, 400, "invalid_request"),
        ({"limit": 0}, 400, "invalid_request"),
        ({"limit": -1}, 400, "invalid_request"),
        ({"limit": "all"}, 400, "invalid_request"),
        ({"protocol": 2}, 426, "upgrade_required"),
        ({"protocol": "1"}, 400, "invalid_request"),
        ({"client": "../../etc/passwd"}, 400, "invalid_request"),
        ({"client": uid(12, 1).upper() + "A"}, 400, "invalid_request"),
        ({"user": None}, 400, "invalid_request"),
        ({"cookie": 7}, 400, "invalid_request"),
        ({"cookie": "x" * (MAX_COOKIE + 1)}, 400, "invalid_request"),
        ({"mutations": {}}, 400, "invalid_request"),
        ({"mutations": [None]}, 400, "invalid_request"),
        ({"sent_at": -1}, 400, "invalid_request"),
        ({"device": {"app_version": "x" * 999}}, 400, "invalid_request"),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_an_envelope_that_is_wrong_is_refused(
    people: People, change: dict[str, Any], status: int, error: str
) -> None:
    before = people.place.stored()
    await refused(people.ana, people.ana.pen.request(**change), status, error)
    assert people.place.stored() == before


async def test_an_item_of_another_sector_answers_as_one_that_does_not_exist(people: People) -> None:
    """No oracle: whoever guesses ids learns nothing."""
    creation = people.ana.pen.creation()
    await people.ana.sync(creation)
    item_id = creation["args"]["id"]

    async def bodies(target: str) -> list[dict[str, Any]]:
        pen = people.eve.pen
        tries = [
            pen.mutation("item.edit", {"id": target, "set": {"title": "x"}, "was": {"title": "Cracked tile"}}, base=1),
            pen.mutation("comment.add", {"id": pen.id(9), "item_id": target, "text": "x"}, base=1),
            pen.mutation("item.start", {"id": target}, base=1),
            pen.mutation("item.delete", {"id": target}, base=1),
        ]
        return [
            {name: value for name, value in receipt.items() if name != "id"}
            for receipt in (await people.eve.sync(*tries))["receipts"]
        ]

    assert await bodies(item_id) == await bodies(uid(11, 999_999))
    assert [doc["version"] for entity, doc in await people.bo.sync_all() if entity == "punch_items"] == [1]


async def test_a_creation_in_a_foreign_sector_is_refused_and_nobody_there_sees_it(people: People) -> None:
    receipt = (await people.ana.sync(people.ana.pen.creation(sector_id=SOUTH)))["receipts"][0]
    assert receipt["outcome"] == "refused"
    assert await people.eve.sync_all() == []


async def test_a_move_needs_the_right_in_both_sectors(people: People) -> None:
    sue = await people.place.phone(SUE)
    await sue.sync_all()
    creation = sue.pen.creation()
    await sue.sync(creation)
    args = {"id": creation["args"]["id"], "from_sector_id": NORTH, "sector_id": SOUTH}
    receipt = (await sue.sync(sue.pen.mutation("item.move", args, base=1)))["receipts"][0]
    assert receipt["outcome"] == "refused"
    assert await people.eve.sync_all() == []


@pytest.mark.parametrize(
    "fields", [{"is_admin": True}, {"status": "closed"}, {"number": 1}, {"version": 9}, {"raised_by": BO}], ids=repr
)
async def test_fields_outside_the_list_are_refused(people: People, fields: dict[str, Any]) -> None:
    creation = people.ana.pen.creation()
    creation["args"].update(fields)
    receipt = (await people.ana.sync(creation))["receipts"][0]
    assert (receipt["outcome"], receipt["reason"]) == ("refused", "invalid")
    assert [entity for entity, _ in await people.bo.sync_all() if entity == "punch_items"] == []


async def test_an_unknown_word_of_a_newer_app_is_kept_parked(people: People) -> None:
    """Invariant 22."""
    receipt = await people.ana.sync(people.ana.pen.mutation("item.photograph", {"id": uid(11, 5)}, schema=2))
    assert [(each["outcome"], each["reason"]) for each in receipt["receipts"]] == [("parked", "unknown_mutation")]


async def test_a_session_that_ends_in_mid_replay_sends_the_rest_after_signing_in_again(people: People) -> None:
    mutations = [people.ana.pen.creation() for _ in range(4)]
    await people.ana.sync(*mutations[:2])
    assert (await people.ana.http.delete("/session")).status_code == 204
    await refused(people.ana, people.ana.pen.request(*mutations[2:]), 401, "sign_in_required")
    again = await people.place.phone(ANA)
    again.pen = people.ana.pen
    answer = await again.sync(*mutations)
    assert [receipt["outcome"] for receipt in answer["receipts"]] == ["applied"] * 4
    assert answer["next_n"] == 5


async def test_a_revoked_client_is_refused(people: People) -> None:
    await people.ana.sync(people.ana.pen.creation())
    with closing(sqlite3.connect(people.place.settings.punchlist_path)) as plain, plain:
        plain.execute("UPDATE clients SET is_revoked = 1")
    before = people.place.stored()
    await refused(people.ana, people.ana.pen.request(people.ana.pen.creation()), 403, "client_revoked")
    await refused(people.ana, people.ana.pen.request(), 403, "client_revoked")
    assert people.place.stored() == before


async def test_whatever_a_text_holds_comes_back_as_it_was_and_runs_nowhere(people: People) -> None:
    title = "'; DROP TABLE punch_items; -- <script>alert(1)</script> \u202e \uffff =1+1 {{7*7}}"
    await people.ana.sync(people.ana.pen.creation(title))
    assert [doc["title"] for entity, doc in await people.bo.sync_all() if entity == "punch_items"] == [title]


async def test_a_push_begun_ends_also_when_its_asker_went_away(people: People) -> None:
    store, syncing = people.place.app.state.syncing._store, people.place.app.state.syncing
    other = await store.begin(())
    asking = asyncio.ensure_future(people.ana.post(people.ana.pen.request(people.ana.pen.creation())))
    for _ in range(50):
        await asyncio.sleep(0.001 if not syncing._running else 0)
    asking.cancel()
    await asyncio.wait([asking])
    await other.rollback()
    await syncing.finish()
    assert [doc["number"] for entity, doc in await people.bo.sync_all() if entity == "punch_items"] == [1]


async def test_an_asker_that_goes_away_in_mid_push_finds_its_receipt_later(people: People) -> None:
    """Invariants 1, 2: cancelled at any await, the push is whole; sent again, it changes nothing."""
    for steps in (0, 1, 2, 3, 5, 8, 13, 21):
        creation = people.ana.pen.creation()
        request = people.ana.pen.request(creation)
        asking = asyncio.ensure_future(people.ana.post(request))
        for _ in range(steps):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        answer = await people.ana.sync(creation)
        assert [receipt["outcome"] for receipt in answer["receipts"]] == ["applied"]
    rows = [doc for entity, doc in await people.bo.sync_all() if entity == "punch_items"]
    assert len(rows) == 8
