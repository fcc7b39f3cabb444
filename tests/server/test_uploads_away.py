"""The object store goes away and comes back: uploads wait with 503, edits flow, nothing is lost, nobody restarts."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from server.clock import clock_ms
from tests.server.conftest import Place
from tests.server.photographer import PART, checksum, jpeg, objects, original, photographer, rows, sha256

pytestmark = pytest.mark.anyio

BODY = jpeg(700_000, 51)


@contextmanager
def missing(root: Path, _patch: pytest.MonkeyPatch) -> Iterator[None]:
    aside = root.rename(root.with_name("aside"))
    yield
    aside.rename(root)


@contextmanager
def a_file_in_its_place(root: Path, _patch: pytest.MonkeyPatch) -> Iterator[None]:
    aside = root.rename(root.with_name("aside"))
    root.write_text("not a folder")
    yield
    root.unlink()
    aside.rename(root)


@contextmanager
def a_link_to_nowhere(root: Path, _patch: pytest.MonkeyPatch) -> Iterator[None]:
    aside = root.rename(root.with_name("aside"))
    root.symlink_to(root.with_name("nowhere"))
    yield
    root.unlink()
    aside.rename(root)


def failing(where: str, code: int) -> Callable[[Path, pytest.MonkeyPatch], Any]:
    """Every write fails as the machine would say it; the databases' own files are SQLite's and do not notice."""

    @contextmanager
    def fails(_root: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
        def broken(*_: Any, **__: Any) -> Any:
            raise OSError(code, os.strerror(code))

        with patch.context() as inner:
            inner.setattr(where, broken)
            yield

    return fails


AWAY: dict[str, Callable[[Path, pytest.MonkeyPatch], Any]] = {
    "missing": missing,
    "a file in its place": a_file_in_its_place,
    "a link to nowhere": a_link_to_nowhere,
    "full": failing("server.external.folder._Incoming.write", errno.ENOSPC),
    "full when it is made durable": failing("server.external.folder.to_disk", errno.ENOSPC),
    "broken": failing("server.external.folder.to_disk", errno.EIO),
    "read-only": failing("pathlib.Path.open", errno.EROFS),
    "unwritable": failing("pathlib.Path.open", errno.EACCES),
    "without links": failing("os.link", errno.EPERM),
}


@pytest.mark.parametrize("why", AWAY)
async def test_while_the_store_is_away_uploads_wait_and_edits_flow(
    place: Place, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """Invariant 26."""
    ana = await photographer(place)
    photos = [(await ana.add(body), body) for body in (BODY, jpeg(300_000, 52))]
    address = await ana.begin(photos[0][0], len(BODY))
    await ana.patch(address, 0, BODY[:PART])
    with AWAY[why](place.settings.objects_path, monkeypatch):
        part = BODY[PART:]
        for answer in (
            await ana.patch(address, PART, part),
            await ana.patch(address, PART, part, **checksum(part)),
        ):
            assert (answer.status_code, answer.json()["error"]) == (503, "storage_unavailable")
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["tus-resumable"] == "1.0.0"
        assert (await ana.head(address)).headers["upload-offset"] == str(PART)
        late = await ana.begin(photos[1][0], 300_000)
        receipts = (await ana.phone.sync(ana.phone.pen.creation()))["receipts"]
        assert receipts[0]["outcome"] == "applied"
        health = (await place.visitor().get("/healthz")).json()
        assert (health["state"], health["parts"]["objects"]["state"]) == ("degraded", "degraded")
        assert health["parts"]["objects"]["hint"].startswith("Photos cannot be stored: ")
        assert (await place.visitor().get("/readyz")).status_code == 200, "edits are taken: nobody takes traffic away"
    assert (await ana.patch(address, PART, BODY[PART:])).status_code == 204
    assert (await ana.patch(late, 0, photos[1][1])).status_code == 204
    for photo_id, body in photos:
        assert (await ana.doc(photo_id))["state"] == "stored"
        assert original(place.settings.objects_path, sha256(body)) == body
    assert objects(place, "parts") == {}
    assert (await place.visitor().get("/healthz")).json()["parts"]["objects"]["state"] == "ok"


async def test_a_store_that_goes_away_at_the_end_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte is durable, the final object is not: `HEAD` does not say that the photo arrived before it did."""
    ana = await photographer(place)
    photo_id = await ana.add(BODY)
    address = await ana.begin(photo_id, len(BODY))
    with monkeypatch.context() as patch:
        patch.setattr(
            "server.external.folder.Folder._new_incoming", failing_only_streams(place.app.state.uploading._objects)
        )
        answer = await ana.patch(address, 0, BODY)
        assert (answer.status_code, answer.json()["error"]) == (503, "storage_unavailable")
        assert (await ana.head(address)).status_code == 503
        assert rows(place, "SELECT offset_bytes, state FROM uploads") == [(len(BODY), "open")]
    assert (await ana.head(address)).headers["upload-offset"] == str(len(BODY))
    assert (await ana.doc(photo_id))["state"] == "stored"


def failing_only_streams(store: Any) -> Callable[[Any], Any]:
    """The folder takes parts, which come in one piece, and no more files that are written bit by bit."""
    real, whole = type(store)._new_incoming, type(store)._put_whole.__code__

    def opens(self: Any) -> Any:
        if sys._getframe(1).f_code is whole:
            return real(self)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return opens


async def test_a_start_with_the_store_away_is_a_start(place: Place) -> None:
    await place.stop()
    root = place.settings.objects_path
    aside = root.rename(root.with_name("aside")) if root.exists() else None
    root.write_text("not a folder")
    await place.start()
    ana = await photographer(place)
    photo_id = await ana.add(BODY)
    address = await ana.begin(photo_id, len(BODY))
    assert (await ana.patch(address, 0, BODY)).status_code == 503
    root.unlink()
    if aside:
        aside.rename(root)
    assert (await ana.patch(address, 0, BODY)).status_code == 204
    assert (await ana.doc(photo_id))["state"] == "stored"


async def test_the_answer_waits_for_the_disk(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is acknowledged, by PATCH or HEAD, before the fsync returned; and /sync does not wait with it."""
    ana = await photographer(place)
    address = await ana.begin(await ana.add(BODY), len(BODY))
    reached, goes_on = threading.Event(), threading.Event()

    def slow(descriptor: int) -> None:
        reached.set()
        assert goes_on.wait(20)
        os.fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr("server.external.folder.to_disk", slow)
        patching = asyncio.create_task(ana.patch(address, 0, BODY[:1000]))
        assert await asyncio.to_thread(reached.wait, 20)
        assert (await ana.head(address)).headers["upload-offset"] == "0"
        assert (await ana.phone.sync(ana.phone.pen.creation()))["receipts"][0]["outcome"] == "applied"
        assert not patching.done()
        goes_on.set()
        assert (await patching).headers["upload-offset"] == "1000"


async def test_uploads_nobody_goes_on_with_are_swept_with_their_parts(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await photographer(place)
    photo_id = await ana.add(BODY)
    address = await ana.begin(photo_id, len(BODY))
    await ana.patch(address, 0, BODY[:PART])
    uploading, root = place.app.state.uploading, place.settings.objects_path
    orphan = root / "parts" / "0192f0c1-7a4e-7cc0-8000-00000000dead" / "000000000000-x"
    orphan.parent.mkdir()
    orphan.write_bytes(b"of an upload that is no more")
    await uploading.sweep()
    assert not orphan.exists()
    assert len(objects(place, "parts")) == 1, "what goes on stays"
    monkeypatch.setattr(uploading, "_clock", lambda: clock_ms() + 86_400_001)
    answer = await ana.head(address)
    assert answer.status_code == 410
    gone = await ana.patch(address, PART, BODY[PART:])
    assert (gone.status_code, gone.json()["error"]) == (410, "upload_gone")
    await uploading.sweep()
    assert objects(place, "parts") == {}
    assert rows(place, "SELECT * FROM uploads") == rows(place, "SELECT * FROM upload_parts") == []
    assert (await ana.head(address)).status_code == 404
    assert (await ana.send(photo_id, BODY)).status_code == 204, "the phone begins anew"


async def test_the_server_sweeps_by_itself(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.app.SWEEP_S", 0.02)
    await place.restart()
    orphan = place.settings.objects_path / "parts" / "0192f0c1-7a4e-7cc0-8000-00000000dead" / "000000000000-x"
    for _ in range(2):
        orphan.parent.mkdir(parents=True, exist_ok=True)
        orphan.write_bytes(b"x")
        async with asyncio.timeout(10):
            while orphan.exists():  # noqa: ASYNC110 - the file system rings no bell
                await asyncio.sleep(0.01)


async def test_parts_that_are_lost_for_good_send_the_phone_back_to_the_beginning(place: Place) -> None:
    """Liveness (8): an upload that could never end would be tried for ever."""
    ana = await photographer(place)
    photo_id = await ana.add(BODY)
    address = await ana.begin(photo_id, len(BODY))
    await ana.patch(address, 0, BODY[:PART])
    for path in place.settings.objects_path.joinpath("parts").rglob("*-*"):
        if path.is_file():
            path.unlink()
    answer = await ana.patch(address, PART, BODY[PART:])
    assert (answer.status_code, answer.json()["error"]) == (410, "upload_gone")
    assert (await ana.send(photo_id, BODY)).status_code == 204
