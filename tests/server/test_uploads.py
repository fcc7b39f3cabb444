"""tus 1.0 for photos: what is acknowledged is durable, what is whole is what was announced, and nobody else's."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from server.clock import clock_ms
from tests.server.conftest import Place
from tests.server.photographer import (
    OFFSETS,
    PART,
    TUS,
    checksum,
    jpeg,
    metadata,
    objects,
    original,
    photographer,
    rows,
    sha256,
)
from tests.sync.site import ANA, BO, EVE

pytestmark = pytest.mark.anyio


async def test_a_photo_arrives_whole_and_is_stored_under_its_hash(place: Place) -> None:
    ana, body = await photographer(place), jpeg(700_001)
    photo_id = await ana.add(body)
    begun = await ana.create(photo_id, len(body))
    assert (begun.status_code, begun.headers["upload-offset"], begun.headers["tus-resumable"]) == (201, "0", "1.0.0")
    assert begun.headers["upload-expires"].endswith("GMT")
    address = begun.headers["location"]
    first = await ana.patch(address, 0, body[:PART])
    assert (first.status_code, first.headers["upload-offset"]) == (204, str(PART))
    assert (await ana.doc(photo_id))["state"] == "waiting"
    half = await ana.head(address)
    assert (half.status_code, half.headers["upload-offset"], half.headers["upload-length"]) == (200, "262144", "700001")
    assert half.headers["upload-metadata"] == metadata(photo_id)
    assert half.headers["cache-control"] == "no-store"
    last = await ana.patch(address, PART, body[PART:])
    assert (last.status_code, last.headers["upload-offset"]) == (204, "700001")
    doc = await ana.doc(photo_id)
    assert (doc["state"], doc["stored_at"] > 0) == ("stored", True)
    assert original(place.settings.objects_path, sha256(body)) == body
    assert objects(place, "parts") == {}
    assert (await ana.head(address)).headers["upload-offset"] == "700001"
    assert rows(place, "SELECT state FROM uploads") == [("done",)]
    assert rows(place, "SELECT * FROM upload_parts") == []


async def test_a_thumbnail_arrives_before_its_photo_and_changes_nothing_of_it(place: Place) -> None:
    ana, body, thumb = await photographer(place), jpeg(9_000), jpeg(2_000, 2)
    photo_id = await ana.add(body, thumb)
    assert (await ana.send(photo_id, thumb, "thumb")).status_code == 204
    assert (await ana.doc(photo_id))["state"] == "waiting"
    assert objects(place, "thumbs") == {f"thumbs/{sha256(thumb)[:2]}/{sha256(thumb)}": thumb}
    assert objects(place, "originals") == {}
    job = "SELECT key FROM outbox WHERE kind = 'job'"
    assert rows(place, job) == [(f"previews/{photo_id}/thumb",)]
    again = await ana.create(photo_id, len(thumb), "thumb")
    assert (again.status_code, again.json()["error"]) == (409, "already_stored")


async def test_what_this_server_can_do_is_told_to_anybody(place: Place) -> None:
    answer = await place.visitor().options("/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == answer.headers["tus-resumable"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {"creation", "checksum", "termination", "expiration"}
    assert answer.headers["tus-max-size"] == "67108864"
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256"


CREATIONS = [
    ("another version", {"tus_resumable": "0.2.2"}, 412, "unsupported_version"),
    ("no version", {"tus_resumable": ""}, 412, "unsupported_version"),
    ("no length", {"upload_length": ""}, 400, "invalid_request"),
    ("a length told later", {"upload_length": "", "upload_defer_length": "1"}, 400, "invalid_request"),
    ("a negative length", {"upload_length": "-1"}, 400, "invalid_request"),
    ("a length of 5,000 digits", {"upload_length": "9" * 5000}, 400, "invalid_request"),
    ("a length in Arabic digits, as bytes", {"upload_length": "1e3"}, 400, "invalid_request"),
    ("zero bytes", {"upload_length": "0"}, 400, "size_mismatch"),
    ("another length than announced", {"upload_length": "2999"}, 400, "size_mismatch"),
    ("more than the server takes", {"upload_length": "67108865"}, 413, "body_too_large"),
    ("no metadata", {"upload_metadata": ""}, 400, "invalid_request"),
    ("metadata that is not base64", {"upload_metadata": "photo_id !!!"}, 400, "invalid_request"),
    ("metadata that is not UTF-8", {"upload_metadata": "photo_id /w=="}, 400, "invalid_request"),
    ("a name twice", {"upload_metadata": "file dGh1bWI=,file dGh1bWI="}, 400, "invalid_request"),
    ("an empty name", {"upload_metadata": ", ,"}, 400, "invalid_request"),
    ("megabytes of metadata", {"upload_metadata": "x " + "A" * 60_000}, 400, "invalid_request"),
    ("a file photos do not have", {"upload_metadata": "photo_id eA==,file cmF3"}, 400, "invalid_request"),
    ("a path for an id", {"upload_metadata": "photo_id Li4vLi4vZXRj"}, 404, "not_found"),
    ("an id with a NUL", {"upload_metadata": "photo_id YQBi"}, 404, "not_found"),
    ("a page of another site", {"sec_fetch_site": "cross-site"}, 403, "cross_site"),
]


@pytest.mark.parametrize(("why", "headers", "status", "error"), CREATIONS, ids=[case[0] for case in CREATIONS])
async def test_a_wrong_beginning_is_refused(
    place: Place, why: str, headers: dict[str, str], status: int, error: str
) -> None:
    ana, body = await photographer(place), jpeg(3_000)
    photo_id = await ana.add(body)
    before = place.stored()
    answer = await ana.create(photo_id, len(body), **headers)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert "tus-version" in answer.headers or status != 412
    assert place.stored() == before
    assert objects(place) == {}


CHUNKS = [
    ("another version", {"tus_resumable": "0.2.2"}, 412, "unsupported_version"),
    ("JSON", {"content_type": "application/json"}, 415, "unsupported_media_type"),
    ("no type", {"content_type": ""}, 415, "unsupported_media_type"),
    ("a packed body", {"content_encoding": "gzip"}, 415, "unsupported_media_type"),
    ("no offset", {"upload_offset": ""}, 400, "invalid_request"),
    ("a negative offset", {"upload_offset": "-1"}, 400, "invalid_request"),
    ("an offset ahead", {"upload_offset": "1001"}, 409, "offset_mismatch"),
    ("an offset behind: overlapping chunks", {"upload_offset": "999"}, 409, "offset_mismatch"),
    ("an unknown checksum", {"upload_checksum": "md5 rL0Y20zC+Fzt72VPzMSk2A=="}, 400, "invalid_request"),
    ("a checksum that is no base64", {"upload_checksum": "sha1 ?"}, 400, "invalid_request"),
    ("a checksum of another length", {"upload_checksum": "sha1 AAAA"}, 400, "invalid_request"),
    ("a wrong checksum", checksum(b"other bytes"), 460, "checksum_mismatch"),
    ("a page of another site", {"sec_fetch_site": "cross-site"}, 403, "cross_site"),
]


@pytest.mark.parametrize(("why", "headers", "status", "error"), CHUNKS, ids=[case[0] for case in CHUNKS])
async def test_wrong_bytes_are_refused_and_do_not_count(
    place: Place, why: str, headers: dict[str, str], status: int, error: str
) -> None:
    ana, body = await photographer(place), jpeg(3_000)
    address = await ana.begin(await ana.add(body), len(body))
    await ana.patch(address, 0, body[:1000])
    stored, kept = place.stored(), objects(place)
    answer = await ana.patch(address, 1000, body[1000:2000], **headers)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers.get("upload-offset", "1000") == "1000"
    assert place.stored() == stored
    assert objects(place) == kept
    assert (await ana.patch(address, 1000, body[1000:])).status_code == 204, "it goes on as if nothing had been"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_bytes_with_their_checksum_are_taken(place: Place, algorithm: str) -> None:
    ana, body = await photographer(place), jpeg(600_000)
    address = await ana.begin(await ana.add(body), len(body))
    answer = await ana.patch(address, 0, body, **checksum(body, algorithm))
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "600000")
    assert original(place.settings.objects_path, sha256(body)) == body


async def test_more_bytes_than_announced_are_refused_with_and_without_a_length(place: Place) -> None:
    ana, body = await photographer(place), jpeg(3_000)
    address = await ana.begin(await ana.add(body), len(body))

    async def dripping() -> object:
        yield body
        yield b"!"

    for content in (body + b"!", dripping()):
        answer = await ana.patch(address, 0, content)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")
        assert (await ana.head(address)).headers["upload-offset"] == "0"
    assert (await ana.patch(address, 0, body)).status_code == 204


async def test_a_body_above_the_limit_is_refused_before_it_is_read(place: Place) -> None:
    ana, body = await photographer(place), jpeg(3_000)
    address = await ana.begin(await ana.add(body), len(body))
    answer = await ana.patch(address, 0, body, content_length=str(10**12))
    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")


async def test_of_two_that_send_the_same_bytes_at_once_one_wins(place: Place) -> None:
    ana, body = await photographer(place), jpeg(900_000)
    address = await ana.begin(await ana.add(body), len(body))
    answers = await asyncio.gather(*(ana.patch(address, 0, body) for _ in range(5)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] in (204, 409)
    assert set(statuses) <= {204, 409}
    for answer in answers:
        assert int(answer.headers["upload-offset"]) > 0
    while (offset := int((await ana.head(address)).headers["upload-offset"])) < len(body):
        await ana.patch(address, offset, body[offset:])
    assert original(place.settings.objects_path, sha256(body)) == body
    assert objects(place, "parts") == {}


async def test_anothers_upload_and_anothers_photo_answer_as_what_does_not_exist(place: Place) -> None:
    ana, body = await photographer(place), jpeg(3_000)
    photo_id = await ana.add(body)
    address = await ana.begin(photo_id, len(body))
    unknown = "0192f0c1-7a4e-7cc0-8000-00000000dead"
    for other in (await photographer(place, BO, ana.item_id), await photographer(place, EVE, ana.item_id)):
        for path in (address, f"/uploads/{unknown}"):
            answers = [await other.head(path), await other.patch(path, 0, body), await other.end(path)]
            assert [answer.status_code for answer in answers] == [404, 404, 404]
            assert shape(answers[1]) == shape(await other.patch("/uploads/nothing", 0, body))
        mine, nobodys = await other.create(photo_id, len(body)), await other.create(unknown, len(body))
        assert (mine.status_code, shape(mine)) == (404, shape(nobodys))
    assert (await ana.head(address)).headers["upload-offset"] == "0"
    for answer in (
        await place.visitor().post("/uploads", headers={**TUS, "upload-length": "1"}),
        await place.visitor().patch(address, content=body, headers={**OFFSETS, "upload-offset": "0"}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (401, "sign_in_required")


def shape(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.json().items() if name != "request_id"}


async def test_bytes_that_are_not_those_announced_are_thrown_away(place: Place) -> None:
    ana, body = await photographer(place), jpeg(400_000)
    photo_id = await ana.add(body)
    address = await ana.begin(photo_id, len(body))
    forged = jpeg(len(body), 7)
    answer = await ana.patch(address, 0, forged)
    assert (answer.status_code, answer.json()["error"]) == (422, "hash_mismatch")
    assert objects(place) == {}
    assert (await ana.head(address)).status_code == 404
    assert (await ana.doc(photo_id))["state"] == "waiting"
    assert (await ana.send(photo_id, body)).status_code == 204


async def test_a_hash_that_is_stored_already_spares_nobody_from_sending_the_bytes(place: Place) -> None:
    ana, body = await photographer(place), jpeg(300_000)
    await ana.send(await ana.add(body), body)
    bo = await photographer(place, BO, ana.item_id)
    claimed = await bo.add(body)
    assert (await bo.doc(claimed))["state"] == "waiting"
    for name in ("original", "view", "thumb"):
        assert (await bo.http.get(f"/photos/{claimed}/{name}")).status_code == 404
    begun = await bo.create(claimed, len(body))
    assert begun.headers["upload-offset"] == "0"
    forged = await bo.patch(begun.headers["location"], 0, jpeg(len(body), 9))
    assert (forged.status_code, forged.json()["error"]) == (422, "hash_mismatch")
    assert original(place.settings.objects_path, sha256(body)) == body, "what was there is as it was"
    assert (await bo.doc(claimed))["state"] == "waiting"
    assert (await bo.send(claimed, body)).status_code == 204
    assert (await bo.doc(claimed))["state"] == "stored"


async def test_racing_uploads_of_the_same_bytes_both_arrive(place: Place) -> None:
    ana, body = await photographer(place), jpeg(500_000)
    bo = await photographer(place, BO, ana.item_id)
    photos = [(each, await each.add(body)) for each in (ana, bo, ana, bo)]
    answers = await asyncio.gather(*(each.send(photo_id, body) for each, photo_id in photos))
    assert [answer.status_code for answer in answers] == [204] * 4
    assert list(objects(place)) == [f"originals/{sha256(body)[:2]}/{sha256(body)}"]
    for _, photo_id in photos:
        assert (await ana.doc(photo_id))["state"] == "stored"


async def test_a_damaged_object_is_not_taken_for_the_bytes(place: Place) -> None:
    """Invariant 5: what stands under the hash is read before a second photo counts as stored."""
    ana, body = await photographer(place), jpeg(300_000)
    await ana.send(await ana.add(body), body)
    (path,) = (path for path in place.settings.objects_path.joinpath("originals").rglob("*") if path.is_file())
    path.chmod(0o600)
    path.write_bytes(body[:-1] + b"!")
    photo_id = await ana.add(body)
    answer = await ana.send(photo_id, body)
    assert (answer.status_code, answer.json()["error"]) == (503, "storage_unavailable")
    assert (await ana.doc(photo_id))["state"] == "waiting"
    path.unlink()
    await place.app.state.uploading.sweep()
    assert (await ana.doc(photo_id))["state"] == "stored"


async def test_what_is_stored_is_not_begun_again(place: Place) -> None:
    ana, body = await photographer(place), jpeg(3_000)
    photo_id = await ana.add(body)
    await ana.send(photo_id, body)
    answer = await ana.create(photo_id, len(body))
    assert (answer.status_code, answer.json()["error"]) == (409, "already_stored")


async def test_a_removed_photo_takes_no_new_upload(place: Place) -> None:
    ana, body = await photographer(place), jpeg(3_000)
    photo_id = await ana.add(body)
    await ana.remove(photo_id)
    assert (await ana.create(photo_id, len(body))).status_code == 404


async def test_ending_an_upload_removes_its_parts(place: Place) -> None:
    ana, body = await photographer(place), jpeg(3_000)
    address = await ana.begin(await ana.add(body), len(body))
    await ana.patch(address, 0, body[:2000])
    answer = await ana.end(address)
    assert (answer.status_code, answer.headers["tus-resumable"]) == (204, "1.0.0")
    assert objects(place) == {}
    assert rows(place, "SELECT * FROM upload_parts") == []
    assert [(await ana.head(address)).status_code, (await ana.end(address)).status_code] == [404, 404]


async def test_ending_what_has_arrived_leaves_it_arrived(place: Place) -> None:
    ana, body = await photographer(place), jpeg(3_000)
    photo_id = await ana.add(body)
    address = await ana.begin(photo_id, len(body))
    await ana.patch(address, 0, body)
    assert (await ana.end(address)).status_code == 204
    assert original(place.settings.objects_path, sha256(body)) == body
    assert (await ana.doc(photo_id))["state"] == "stored"


async def test_the_newest_upload_of_a_file_replaces_the_older(place: Place) -> None:
    ana, body = await photographer(place), jpeg(3_000)
    photo_id = await ana.add(body)
    older = await ana.begin(photo_id, len(body))
    await ana.patch(older, 0, body[:1000])
    newer = await ana.begin(photo_id, len(body))
    assert objects(place) == {}
    assert (await ana.patch(older, 1000, body[1000:])).status_code == 404
    assert (await ana.patch(newer, 0, body)).status_code == 204


async def test_a_user_has_at_most_twenty_uploads_open(place: Place) -> None:
    ana = await photographer(place)
    bodies = [jpeg(3_000, seed) for seed in range(21)]
    photos = [await ana.add(body) for body in bodies]
    addresses = [await ana.begin(photo_id, 3_000) for photo_id in photos[:20]]
    answer = await ana.create(photos[20], 3_000)
    assert (answer.status_code, answer.json()["error"]) == (429, "slow_down")
    assert int(answer.headers["retry-after"]) > 0
    assert (await ana.create(photos[0], 3_000)).status_code == 201, "one that replaces an older is none more"
    assert (await ana.patch(addresses[1], 0, bodies[1])).status_code == 204
    assert (await ana.create(photos[20], 3_000)).status_code == 201


async def test_uploads_that_a_phone_forgot_make_room_for_new_ones(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploading = place.app.state.uploading
    now = clock_ms()
    monkeypatch.setattr(uploading, "_clock", lambda: now)
    ana = await photographer(place)
    bodies = [jpeg(3_000, seed) for seed in range(22)]
    photos = [await ana.add(body) for body in bodies]
    begun = [await ana.begin(photo_id, 3_000) for photo_id in photos[:20]]
    for at, address in enumerate(begun):
        now += 1
        await ana.patch(address, 0, bodies[at][: 0 if at == 5 else 1_000])
    assert (await ana.create(photos[20], 3_000)).status_code == 429, "any of them may be under way"
    now += 60_000
    await ana.patch(begun[0], 1_000, bodies[0][1_000:2_000])
    newer = [await ana.begin(photo_id, 3_000) for photo_id in photos[20:]]
    heard = [(await ana.head(address)).status_code for address in begun]
    assert [at for at, status in enumerate(heard) if status == 404] == [1, 5], "the one without bytes, the idlest"
    for address, body in zip(newer, bodies[20:], strict=True):
        assert (await ana.patch(address, 0, body)).status_code == 204
    again = await ana.begin(photos[1], 3_000)
    assert (await ana.patch(again, 0, bodies[1])).status_code == 204, "and it begins anew"


async def test_a_refusal_without_a_body_says_its_word_in_a_header(place: Place) -> None:
    ana = await photographer(place)
    answer = await ana.head(f"/uploads/{'0' * 36}")
    assert (answer.status_code, answer.content, answer.headers["holdfast-error"]) == (404, b"", "not_found")
    refused = await ana.http.head(f"/uploads/{'0' * 36}")
    assert (refused.status_code, refused.headers["holdfast-error"]) == (412, "unsupported_version")
    await ana.http.delete("/session")
    answer = await ana.head(f"/uploads/{'0' * 36}")
    assert (answer.status_code, answer.headers["holdfast-error"]) == (401, "sign_in_required")


async def test_a_session_that_ends_in_the_middle_stops_the_upload_and_loses_nothing(place: Place) -> None:
    ana, body = await photographer(place), jpeg(3_000)
    address = await ana.begin(await ana.add(body), len(body))
    await ana.patch(address, 0, body[:1000])
    await ana.http.delete("/session")
    answer = await ana.patch(address, 1000, body[1000:])
    assert (answer.status_code, answer.headers["tus-resumable"]) == (401, "1.0.0")
    again = await photographer(place, ANA, ana.item_id)
    assert (await again.head(address)).headers["upload-offset"] == "1000"
    assert (await again.patch(address, 1000, body[1000:])).status_code == 204


async def test_an_upload_in_endless_crumbs_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.actions.uploading.MOST_PARTS", 10)
    ana, body = await photographer(place), jpeg(3_000)
    address = await ana.begin(await ana.add(body), len(body))
    for at in range(10):
        assert (await ana.patch(address, at, body[at : at + 1])).status_code == 204
    answer = await ana.patch(address, 10, body[10:])
    assert (answer.status_code, answer.json()["error"]) == (410, "upload_gone")
    assert objects(place) == {}
