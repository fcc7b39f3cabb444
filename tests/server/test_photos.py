"""Stored photos go to whoever may see them now, as bytes that no browser runs; everybody else hears of nothing."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from server.actions.photo_files import title_of
from server.external.objects import preview_key
from server.store.punchlist import PunchlistStore
from sync import admin
from sync.rules import Role
from sync.uploads import note_preview, store_photo
from tests.server.conftest import Place
from tests.server.photographer import Photographer, jpeg, photographer, sha256
from tests.sync.site import ANA, AUD, BO, EVE, GUS, NOON, NORTH, PROJECT, TILER, membership, uid

pytestmark = pytest.mark.anyio

BODY = jpeg(300_000, 5)
ACTS = count(70)
PAST = NOON - 3_600_000


async def stored(place: Place, body: bytes = BODY, **more: Any) -> tuple[Photographer, str]:
    """A photo by Ana whose bytes have arrived."""
    ana = await photographer(place)
    photo_id = await ana.add(body, **more)
    assert (await ana.send(photo_id, body)).status_code == 204
    return ana, photo_id


def store_of(place: Place) -> PunchlistStore:
    store: PunchlistStore = place.app.state.syncing._store
    return store


async def preview(place: Place, photo_id: str, source: bytes, *names: str) -> None:
    """What the job does when it has made these previews."""
    for name in names:
        await place.app.state.uploading._objects.put(preview_key(sha256(source), name), jpeg(5_000, len(name)))
    await note_preview(store_of(place), photo_id, names[-1])


async def office(place: Place, *changes: admin.OfficeChange) -> None:
    await admin.administer(store_of(place), changes, admin.OfficeContext(uid(8, next(ACTS)), None, NOON, PROJECT))


async def test_the_original_is_given_as_it_was_sent_in_a_sandbox(place: Place) -> None:
    ana, photo_id = await stored(place)
    answer = await ana.http.get(f"/photos/{photo_id}/original")
    assert (answer.status_code, answer.content) == (200, BODY)
    wanted = {
        "content-type": "image/jpeg",
        "content-length": "300000",
        "etag": f'"{sha256(BODY)}"',
        "cache-control": "private, no-cache",
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
        "cross-origin-resource-policy": "same-origin",
        "content-disposition": "attachment; filename*=UTF-8''1-before-1.jpg",
        "vary": "cookie",
        "holdfast": "1",
    }
    assert {name: answer.headers.get(name) for name in wanted} == wanted
    head = await ana.http.head(f"/photos/{photo_id}/original")
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers.get(name) for name in wanted} == wanted


async def test_bytes_go_out_only_once_the_row_says_so(place: Place) -> None:
    ana = await photographer(place)
    thumb = jpeg(4_000, 8)
    photo_id = await ana.add(BODY, thumb)

    async def found() -> list[int]:
        names = ("thumb", "view", "original", "original.jpg", "parts", "..")
        return [(await ana.http.get(f"/photos/{photo_id}/{name}")).status_code for name in names]

    assert await found() == [404] * 6
    await ana.send(photo_id, thumb, "thumb")
    assert await found() == [404] * 6, "the phone's own thumbnail is never given out as it is"
    await preview(place, photo_id, thumb, "thumb")
    assert await found() == [200, 404, 404, 404, 404, 404]
    await ana.send(photo_id, BODY)
    assert await found() == [200, 404, 200, 404, 404, 404]
    await preview(place, photo_id, BODY, "thumb", "view")
    assert await found() == [200, 200, 200, 404, 404, 404]
    view = await ana.http.get(f"/photos/{photo_id}/view")
    assert (view.headers["content-type"], view.headers["etag"]) == ("image/jpeg", f'"{sha256(BODY)}-view"')


async def test_a_photo_of_which_no_picture_could_be_made_is_given_as_original_alone(place: Place) -> None:
    ana, photo_id = await stored(place)
    await note_preview(store_of(place), photo_id, "unreadable")
    names = ("thumb", "view", "original")
    assert [(await ana.http.get(f"/photos/{photo_id}/{name}")).status_code for name in names] == [404, 404, 200]


async def test_whoever_sees_the_item_sees_its_photos_and_nobody_else_learns_of_them(place: Place) -> None:
    ana, photo_id = await stored(place)
    await preview(place, photo_id, BODY, "thumb", "view")
    sees = {ANA: 200, BO: 200, AUD: 200, EVE: 404, GUS: 404}
    for user_id, status in sees.items():
        phone = await place.phone(user_id)
        for name in ("thumb", "view", "original"):
            answer = await phone.http.get(f"/photos/{photo_id}/{name}", headers={"if-none-match": "*"})
            assert answer.status_code == (304 if status == 200 else 404), (user_id, name)
            unknown = await phone.http.get(f"/photos/{uid(13, 999)}/{name}")
            assert unknown.status_code == 404
            if status == 404:
                tell = [{**each.json(), "request_id": ""} for each in (answer, unknown)]
                assert tell[0] == tell[1]
                assert set(answer.headers) == set(unknown.headers)
    visitor = await place.visitor().get(f"/photos/{photo_id}/original")
    assert (visitor.status_code, visitor.json()["error"]) == (401, "sign_in_required")
    assert ana.phone.cookie


async def test_a_guest_sees_photos_of_the_own_companys_items_until_they_go_to_another(place: Place) -> None:
    sue = await place.phone(uid(4, 3))
    creation = sue.pen.creation()
    creation["args"]["company_id"] = TILER
    await sue.sync(creation)
    item_id = creation["args"]["id"]
    ana = await photographer(place, ANA, item_id)
    photo_id = await ana.add(BODY)
    await ana.send(photo_id, BODY)
    gus = await place.phone(GUS)
    address = f"/photos/{photo_id}/original"
    first = await gus.http.get(address)
    assert first.status_code == 200
    mine = await photographer(place, GUS, item_id)
    own = jpeg(20_000, 11)
    own_id = await mine.add(own)
    assert (await mine.send(own_id, own)).status_code == 204
    edit = {"id": item_id, "set": {"company_id": None}, "was": {"company_id": TILER}}
    receipt = (await sue.sync(sue.pen.mutation("item.edit", edit, base=100)))["receipts"][0]
    assert receipt["outcome"] in ("applied", "merged"), receipt
    for each in (address, f"/photos/{own_id}/original"):
        assert (await gus.http.get(each, headers={"if-none-match": first.headers["etag"]})).status_code == 404


async def test_a_membership_that_ended_ends_at_once_whatever_is_cached(place: Place) -> None:
    _, photo_id = await stored(place)
    bo = await place.phone(BO)
    address = f"/photos/{photo_id}/original"
    etag = (await bo.http.get(address)).headers["etag"]
    assert (await bo.http.get(address, headers={"if-none-match": etag})).status_code == 304
    await office(place, admin.end_membership(membership(BO), PAST))
    assert (await bo.http.get(address, headers={"if-none-match": etag})).status_code == 404
    assert (await bo.http.get(address, headers={"range": "bytes=0-9"})).status_code == 404
    assert (await bo.http.head(address)).status_code == 404
    await office(place, admin.grant_membership(uid(5, 70), BO, NORTH, Role.WORKER, PAST))
    assert (await bo.http.get(address)).status_code == 200


async def test_removed_photos_and_photos_of_removed_items_are_gone(place: Place) -> None:
    ana, photo_id = await stored(place)
    address = f"/photos/{photo_id}/original"
    other = await ana.add(jpeg(9_000, 12))
    await ana.send(other, jpeg(9_000, 12))
    await ana.remove(photo_id)
    assert (await ana.http.get(address, headers={"if-none-match": "*"})).status_code == 404
    assert (await ana.http.get(f"/photos/{other}/original")).status_code == 200
    sue = await place.phone(uid(4, 3))
    await sue.sync(sue.pen.mutation("item.delete", {"id": ana.item_id}, base=100))
    assert (await ana.http.get(f"/photos/{other}/original")).status_code == 404


async def test_a_row_that_claims_anothers_bytes_shows_nothing_of_them(place: Place) -> None:
    """Bo names the hashes of a photo he may not see; its bytes and previews are in the store, but not for him."""
    secret, secret_thumb = jpeg(50_000, 21), jpeg(4_000, 22)
    eve = await place.phone(EVE)
    creation = eve.pen.creation(sector_id=uid(1, 2))
    await eve.sync(creation)
    theirs = await photographer(place, EVE, creation["args"]["id"])
    their_id = await theirs.add(secret, secret_thumb)
    await theirs.send(their_id, secret_thumb, "thumb")
    await theirs.send(their_id, secret)
    await preview(place, their_id, secret_thumb, "thumb")
    await preview(place, their_id, secret, "thumb", "view")
    ana = await photographer(place)
    bo = await photographer(place, BO, ana.item_id)
    claimed = await bo.add(secret, secret_thumb)
    own = jpeg(20_000, 23)
    mixed = await bo.add(own, secret_thumb)
    await bo.send(mixed, own)
    for photo_id, name in ((claimed, "original"), (claimed, "view"), (claimed, "thumb"), (mixed, "thumb")):
        assert (await bo.http.get(f"/photos/{photo_id}/{name}")).status_code == 404


SIZE = len(BODY)
TAG = f'"{sha256(BODY)}"'
RANGES: list[tuple[str, dict[str, str], int, slice]] = [
    ("the first bytes", {"range": "bytes=0-9"}, 206, slice(0, 10)),
    ("from the middle on", {"range": "bytes=299990-"}, 206, slice(299_990, None)),
    ("the last bytes", {"range": "bytes=-5"}, 206, slice(-5, None)),
    ("across the store's own chunks", {"range": "bytes=262000-262300"}, 206, slice(262_000, 262_301)),
    ("an end behind the file", {"range": "bytes=299999-900000"}, 206, slice(299_999, None)),
    ("more last bytes than there are", {"range": "bytes=-900000"}, 206, slice(None)),
    ("another case", {"range": "Bytes=0-0"}, 206, slice(0, 1)),
    ("of the same bytes", {"range": "bytes=0-9", "if-range": TAG}, 206, slice(0, 10)),
    ("of other bytes", {"range": "bytes=0-9", "if-range": '"other"'}, 200, slice(None)),
    ("of a date", {"range": "bytes=0-9", "if-range": "Mon, 23 Nov 2026 21:00:00 GMT"}, 200, slice(None)),
    ("two", {"range": "bytes=0-9,20-29"}, 200, slice(None)),
    ("thousands", {"range": "bytes=" + ",".join(f"{n}-{n}" for n in range(5000))}, 200, slice(None)),
    ("backwards", {"range": "bytes=9-0"}, 200, slice(None)),
    ("no bytes", {"range": "bytes=-"}, 200, slice(None)),
    ("another unit", {"range": "pages=1-2"}, 200, slice(None)),
    ("words", {"range": "bytes=a-b"}, 200, slice(None)),
    ("digits that are not ASCII", {"range": "bytes=0-1e3"}, 200, slice(None)),
    ("5,000 digits", {"range": "bytes=0-" + "9" * 5000}, 200, slice(None)),
    ("negative", {"range": "bytes=--5"}, 200, slice(None)),
]


@pytest.mark.parametrize(("why", "headers", "status", "part"), RANGES, ids=[case[0] for case in RANGES])
async def test_a_range_is_heeded_or_answered_with_the_whole(
    place: Place, why: str, headers: dict[str, str], status: int, part: slice
) -> None:
    ana, photo_id = await stored(place)
    answer = await ana.http.get(f"/photos/{photo_id}/original", headers=headers)
    assert (answer.status_code, answer.content == BODY[part]) == (status, True)
    assert answer.headers["content-length"] == str(len(BODY[part]))
    if status == 206:
        start, end, _ = part.indices(SIZE)
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    else:
        assert "content-range" not in answer.headers


@pytest.mark.parametrize("wanted", ["bytes=300000-", "bytes=900000-900001", "bytes=-0"])
async def test_a_range_behind_the_end_is_416(place: Place, wanted: str) -> None:
    ana, photo_id = await stored(place)
    answer = await ana.http.get(f"/photos/{photo_id}/original", headers={"range": wanted})
    assert (answer.status_code, answer.json()["error"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (TAG, 304),
        (f"W/{TAG}", 304),
        (f'"a", {TAG}', 304),
        ("*", 304),
        ('"a"', 200),
        (TAG[:-2] + '"', 200),
        (f"{TAG[1:-1]}", 200),
        ('"' * 9000, 200),
    ],
)
async def test_whoever_has_the_bytes_is_told_so(place: Place, known: str, status: int) -> None:
    ana, photo_id = await stored(place)
    answer = await ana.http.get(f"/photos/{photo_id}/original", headers={"if-none-match": known})
    assert answer.status_code == status
    assert answer.headers["etag"] == TAG
    assert answer.headers["cache-control"] == "private, no-cache"
    assert bool(answer.content) == (status == 200)


async def test_words_of_people_do_not_reach_the_headers(place: Place) -> None:
    ana = await place.phone(ANA)
    hostile = '"\r\nset-cookie: x=1; ../../\u202e%0d%0a'
    creation = ana.pen.creation(hostile)
    creation["args"]["provisional_number"] = 'A"/../;b'
    await ana.sync(creation)
    taker = await photographer(place, ANA, creation["args"]["id"])
    photo_id = await taker.add(BODY, caption=hostile)
    await taker.send(photo_id, BODY)
    item, photo = {"number": None, "provisional_number": hostile}, {"kind": "before"}
    assert title_of(item, photo, 3) == "_set-cookie_x_1_0d_0a-before-3"
    answer = await taker.http.get(f"/photos/{photo_id}/original")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''1-before-1.jpg"
    assert "set-cookie" not in answer.headers


async def test_each_photo_of_an_item_has_a_name_of_its_own_that_stays(place: Place) -> None:
    ana = await photographer(place)
    bodies = [jpeg(3_000, seed) for seed in range(3)]
    ids = [await ana.add(body, kind=kind) for body, kind in zip(bodies, ("before", "after", "other"), strict=True)]
    for photo_id, body in zip(ids, bodies, strict=True):
        await ana.send(photo_id, body)
    await ana.remove(ids[0])

    async def name(photo_id: str) -> str:
        disposition = (await ana.http.head(f"/photos/{photo_id}/original")).headers["content-disposition"]
        return disposition.partition("''")[2]

    assert [await name(photo_id) for photo_id in ids[1:]] == ["1-after-2.jpg", "1-other-3.jpg"]


async def test_a_stored_photo_whose_bytes_are_away_is_503_and_not_404(place: Place) -> None:
    ana, photo_id = await stored(place)
    await preview(place, photo_id, BODY, "thumb", "view")
    root = place.settings.objects_path
    aside = root.rename(root.with_name("aside"))
    for name in ("thumb", "view", "original"):
        answer = await ana.http.get(f"/photos/{photo_id}/{name}")
        assert (answer.status_code, answer.json()["error"]) == (503, "storage_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    aside.rename(root)
    assert (await ana.http.get(f"/photos/{photo_id}/original")).content == BODY


async def test_a_row_that_is_not_stored_serves_nothing_although_the_object_is_there(place: Place) -> None:
    ana, _ = await stored(place)
    claimed = await ana.add(BODY)
    assert (await ana.http.get(f"/photos/{claimed}/original")).status_code == 404
    assert await store_photo(store_of(place), claimed, sha256(BODY), NOON)
    assert (await ana.http.get(f"/photos/{claimed}/original")).status_code == 200
