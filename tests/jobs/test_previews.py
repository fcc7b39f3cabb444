"""Previews are made in the background of the real server, whatever is away meanwhile, and once."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from PIL import Image

from server import cli
from server.actions.jobs import retry
from server.external.objects import preview_key
from server.imaging import previews as decoding
from server.jobs.outcomes import Hopeless
from server.jobs.previews import Previewing
from tests.jobs.crew import until
from tests.photographs import CORNERS, camera_jpeg, corners_of
from tests.server.conftest import Place, place, prepared
from tests.server.photographer import Photographer, objects, photographer, sha256

__all__ = ["place", "prepared"]

SMALL = (800, 600)
HERE = {"lat_e7": 525_165_000, "lon_e7": 133_797_000, "accuracy_m": 5}
"""What a camera writes into its files, too; without it they would not be taken."""


def jobs(place: Place) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(place.settings.core_path)) as plain:
        plain.row_factory = sqlite3.Row
        return [dict(row) for row in plain.execute("SELECT * FROM jobs ORDER BY rowid")]


async def until_preview(ana: Photographer, photo_id: str, preview: str) -> None:
    async def is_there() -> bool:
        return bool((await ana.doc(photo_id))["preview"] == preview)

    await until(is_there, f"preview {preview} of {photo_id}", 30)


async def until_jobs(place: Place, *wanted: str) -> None:
    async def are_there() -> bool:
        return [job["state"] for job in jobs(place)] == list(wanted)

    await until(are_there, f"jobs {wanted}", 30)


def picture(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body)).convert("RGB")


async def test_a_stored_photo_gets_its_previews_without_anybody_doing_anything(place: Place) -> None:
    ana, body = await photographer(place), camera_jpeg(6, SMALL)
    photo_id = await ana.add(body, position=HERE)
    assert (await ana.send(photo_id, body)).status_code == 204
    await until_preview(ana, photo_id, "view")
    made = objects(place, "previews")
    assert set(made) == {preview_key(sha256(body), name) for name in ("thumb", "view")}
    for preview in made.values():
        assert corners_of(picture(preview)) == CORNERS, "upright"
    await until_jobs(place, "done")
    assert jobs(place)[0]["result"] == '"view"'


async def test_the_phones_thumb_gives_a_first_preview_of_our_own_making(place: Place) -> None:
    ana, body, thumb = await photographer(place), camera_jpeg(1, SMALL), camera_jpeg(1, (320, 240))
    photo_id = await ana.add(body, thumb, position=HERE)
    await ana.send(photo_id, thumb, "thumb")
    await until_preview(ana, photo_id, "thumb")
    (key,) = objects(place, "previews")
    assert key == preview_key(sha256(thumb), "thumb")
    assert objects(place, "previews")[key] != thumb
    await ana.send(photo_id, body)
    await until_preview(ana, photo_id, "view")


async def test_a_photo_nobody_can_decode_is_kept_and_called_unreadable(place: Place) -> None:
    ana, body = await photographer(place), camera_jpeg(1, SMALL)[:60_000]
    photo_id = await ana.add(body, position=HERE)
    assert (await ana.send(photo_id, body)).status_code == 204
    await until_preview(ana, photo_id, "unreadable")
    await until_jobs(place, "done")
    assert objects(place, "previews") == {}
    assert list(objects(place, "originals").values()) == [body]


async def test_a_decoder_that_is_killed_says_nothing_about_the_photo(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, body = await photographer(place), camera_jpeg(1, SMALL)
    photo_id = await ana.add(body, position=HERE)
    with monkeypatch.context() as killed:
        killed.setattr(decoding, "_DECODER", ("-c", "import os; os.write(1, b'+'); os.kill(os.getpid(), 9)"))
        await ana.send(photo_id, body)

        async def was_tried() -> bool:
            return [(job["state"], job["attempts"]) for job in jobs(place) if "signal 9" in (job["error"] or "")] == [
                ("queued", 1)
            ]

        await until(was_tried, "a job that is tried again", 30)
        _now(place, attempts=4)
        await until_jobs(place, "failed")
    assert (await ana.doc(photo_id))["preview"] == "none"
    assert await retry(place.app.state.health._core, None) == 1
    await until_preview(ana, photo_id, "view")


async def test_an_unreadable_photo_is_judged_anew_when_somebody_asks(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ana, body = await photographer(place), camera_jpeg(1, SMALL)
    photo_id = await ana.add(body, position=HERE)
    with monkeypatch.context() as old:
        old.setattr(decoding, "_DECODER", ("-c", "import os; os.write(1, b'+RB')"))
        await ana.send(photo_id, body)
        await until_preview(ana, photo_id, "unreadable")
    await until_jobs(place, "done")
    command = ("jobs", "retry", "--unreadable", "--data", str(place.settings.data_folder))
    assert await asyncio.to_thread(cli.main, command) == 0
    assert capsys.readouterr().out == "1 job(s) queued again.\n"
    await until_preview(ana, photo_id, "view")
    await until_jobs(place, "done", "done")
    assert await asyncio.to_thread(cli.main, command) == 0
    assert capsys.readouterr().out == "0 job(s) queued again.\n"


async def test_while_the_store_is_away_the_job_waits_and_uses_up_no_attempt(place: Place) -> None:
    ana, body = await photographer(place), camera_jpeg(1, SMALL)
    photo_id = await ana.add(body, position=HERE)
    previews = place.settings.objects_path / "previews"
    previews.parent.mkdir(parents=True, exist_ok=True)
    previews.write_bytes(b"in the way")
    await ana.send(photo_id, body)

    async def has_waited() -> bool:
        return [(job["state"], job["attempts"]) for job in jobs(place) if job["error"]] == [("queued", 0)]

    await until(has_waited, "a job that waits", 30)
    previews.unlink()
    _now(place)
    await until_preview(ana, photo_id, "view")
    await until_jobs(place, "done")
    assert jobs(place)[0]["attempts"] == 1


async def test_made_once_more_it_changes_nothing(place: Place) -> None:
    ana, body = await photographer(place), camera_jpeg(1, SMALL)
    photo_id = await ana.add(body, position=HERE)
    await ana.send(photo_id, body)
    await until_preview(ana, photo_id, "view")
    before, doc = _stamps(place), await ana.doc(photo_id)
    await _again(place)
    await until_jobs(place, "done")
    assert (_stamps(place), await ana.doc(photo_id)) == (before, doc)


async def test_one_of_two_previews_left_by_a_crash_is_completed(place: Place) -> None:
    ana, body = await photographer(place), camera_jpeg(1, SMALL)
    photo_id = await ana.add(body, position=HERE)
    await ana.send(photo_id, body)
    await until_preview(ana, photo_id, "view")
    before = objects(place, "previews")
    (place.settings.objects_path / preview_key(sha256(body), "view")).unlink()
    await _again(place)
    await until_jobs(place, "done")
    assert objects(place, "previews") == before


async def test_a_server_stopped_between_arrival_and_preview_makes_it_after_its_start(place: Place) -> None:
    ana, body = await photographer(place), camera_jpeg(1, SMALL)
    photo_id = await ana.add(body, position=HERE)
    await place.stop()
    place.settings = place.settings.model_copy(update={"job_threads": 0})
    await place.start()
    ana = await photographer(place, item_id=ana.item_id)
    await ana.send(photo_id, body)
    await until_jobs(place, "queued")
    await place.stop()
    place.settings = place.settings.model_copy(update={"job_threads": 1})
    await place.start()
    await until_preview(await photographer(place, item_id=ana.item_id), photo_id, "view")


async def test_a_photo_whose_bytes_are_lost_fails_and_health_says_so(place: Place) -> None:
    ana, body = await photographer(place), camera_jpeg(1, SMALL)
    photo_id = await ana.add(body, position=HERE)
    await ana.send(photo_id, body)
    await until_preview(ana, photo_id, "view")
    shutil.rmtree(place.settings.objects_path / "previews")
    shutil.rmtree(place.settings.objects_path / "originals")
    await _again(place, attempts=4)
    await until_jobs(place, "failed")
    answer = (await place.visitor().get("/healthz")).json()
    assert (answer["state"], answer["parts"]["jobs"]["state"]) == ("degraded", "degraded")
    assert answer["parts"]["jobs"]["facts"]["failed"] == 1
    assert "holdfast jobs" in answer["parts"]["jobs"]["hint"]


async def test_what_there_is_no_photo_for_is_hopeless(place: Place) -> None:
    previewing = Previewing(place.app.state.uploading._store, place.app.state.uploading._objects)
    with pytest.raises(Hopeless, match="no picture"):
        await previewing.make("nobody", "picture")
    with pytest.raises(Hopeless, match="no other"):
        await previewing.make("nobody", "other")


def _stamps(place: Place) -> dict[str, int]:
    root = place.settings.objects_path
    return {key: os.stat(root / key).st_mtime_ns for key in objects(place)}  # noqa: PTH116


async def _again(place: Place, attempts: int = 0) -> None:
    """Have the job run once more, as after a lease that ran out too soon."""
    await until_jobs(place, "done")
    _now(place, attempts)


def _now(place: Place, attempts: int = 0) -> None:
    """Have every job run now, instead of waiting out its pause."""
    with closing(sqlite3.connect(place.settings.core_path)) as plain, plain:
        plain.execute("UPDATE jobs SET state = 'queued', run_at = 0, attempts = ?", (attempts,))
