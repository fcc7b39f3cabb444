"""The folder store keeps what it acknowledged, whole, under keys that are never written twice, or says it is away."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from server.external import folder as folder_module
from server.external.folder import Folder
from server.external.objects import ObjectExists, ObjectMissing, StorageUnavailable, final_key

pytestmark = pytest.mark.anyio

KEY = "originals/ab/abcdef"


async def chunks(*parts: bytes, end: Exception | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if end is not None:
        raise end


async def whole(store: Folder, key: str, *span: int) -> bytes:
    return b"".join([chunk async for chunk in store.read(key, *span)])


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Folder]:
    opened = Folder(tmp_path / "deep" / "objects")
    yield opened
    opened.close()


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


async def test_what_was_put_is_read_whole_and_in_parts(store: Folder) -> None:
    body = bytes(range(256)) * 4000
    assert await store.put(KEY, body) == len(body)
    assert await store.put("parts/x/000000000000-a", chunks(body[:5], b"", body[5:])) == len(body)
    for key in (KEY, "parts/x/000000000000-a"):
        assert await whole(store, key) == body
        assert await whole(store, key, 262_140, 262_150) == body[262_140:262_150]
        assert await whole(store, key, len(body) - 3) == body[-3:]
        info = await store.stat(key)
        assert info is not None
        assert info.size_bytes == len(body)
    assert [key async for key, _ in store.list("parts/")] == ["parts/x/000000000000-a"]
    assert files(store._root / ".incoming") == []


async def test_what_is_not_there_is_not_there(store: Folder) -> None:
    assert await store.stat(KEY) is None
    assert [key async for key, _ in store.list("parts/")] == []
    await store.delete(KEY)
    with pytest.raises(ObjectMissing):
        await whole(store, KEY)


async def test_a_key_that_is_taken_keeps_its_bytes(store: Folder) -> None:
    await store.put(KEY, b"first")
    with pytest.raises(ObjectExists):
        await store.put(KEY, b"second")
    with pytest.raises(ObjectExists):
        await store.put(KEY, chunks(b"sec", b"ond"))
    assert await store.put(KEY, b"the third", if_absent=True) == 5
    assert await whole(store, KEY) == b"first"
    assert files(store._root) == [KEY]


async def test_of_many_that_race_for_a_key_one_wins_whole(store: Folder) -> None:
    bodies = [bytes([n]) * 100_000 for n in range(20)]
    results = await asyncio.gather(*(store.put(KEY, body) for body in bodies), return_exceptions=True)
    assert sum(result == 100_000 for result in results) == 1
    assert sum(isinstance(result, ObjectExists) for result in results) == 19
    assert await whole(store, KEY) in bodies


async def test_nothing_is_stored_of_bytes_that_break_off(store: Folder) -> None:
    with pytest.raises(LookupError):
        await store.put(KEY, chunks(b"half", end=LookupError()))
    assert await store.stat(KEY) is None
    await settle(store)
    assert files(store._root) == []


async def test_nothing_is_stored_for_somebody_who_goes_away(store: Folder) -> None:
    waits = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield b"half"
        waits.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(store.put(KEY, hanging()))
    await waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settle(store)
    assert files(store._root) == []


async def settle(store: Folder) -> None:
    """Wait for what was handed to the store's threads and not awaited."""
    await asyncio.gather(*(store._run(lambda: None) for _ in range(folder_module.THREADS * 2)))


async def test_the_last_file_takes_its_folder_along_and_a_new_one_brings_it_back(store: Folder) -> None:
    await store.put("parts/u/1", b"a")
    await store.put("parts/u/2", b"b")
    await store.delete("parts/u/1")
    assert store._root.joinpath("parts/u").is_dir()
    await store.delete("parts/u/2")
    assert not store._root.joinpath("parts/u").exists()
    await store.put("parts/u/3", b"c")
    assert await whole(store, "parts/u/3") == b"c"
    store._root.joinpath("parts/u/3").unlink()
    store._root.joinpath("parts/u").rmdir()  # By another process.
    await store.put("parts/u/4", b"d")
    assert await whole(store, "parts/u/4") == b"d"


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/x", "a//b", ".incoming/x", "a/.b", "a\0b", ""])
async def test_a_key_never_leaves_the_folder(store: Folder, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        await store.put(key, b"x")


async def test_bytes_and_names_are_on_the_disk_before_the_answer(
    store: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file first, then the entries of new folders, then its own: a power cut leaves no torn object anywhere."""
    acts: list[str] = []
    real_fsync, real_link = os.fsync, os.link

    def fsync(descriptor: int) -> None:
        acts.append(f"sync {name_of(Path(f'/proc/self/fd/{descriptor}').readlink())}")
        real_fsync(descriptor)

    def name_of(path: Path) -> str:
        return "the file" if path.parent.name == ".incoming" else path.relative_to(store._root).as_posix()

    def link(source: Any, target: Any) -> None:
        acts.append("link")
        real_link(source, target)

    await store.put("originals/cd/other", b"x")
    monkeypatch.setattr("os.fsync", fsync)
    monkeypatch.setattr("os.link", link)
    await store.put(KEY, b"x")
    assert acts == ["sync the file", "sync originals", "link", "sync originals/ab"]
    acts.clear()
    await store.put("parts/u/000", b"x")
    assert acts == ["sync the file", "sync .", "sync parts", "link", "sync parts/u"]
    acts.clear()
    await store.put("parts/u/001", b"x")
    assert acts == ["sync the file", "link", "sync parts/u"]


FAULTS = [
    ("os.fsync", errno.EIO),
    ("os.fsync", errno.ENOSPC),
    ("os.fsync", errno.EDQUOT),
    ("os.link", errno.EROFS),
    ("os.link", errno.ENOSPC),
    ("os.link", errno.EACCES),
    ("os.link", errno.EPERM),
    ("server.external.folder.Path.open", errno.EROFS),
    ("server.external.folder.Path.open", errno.EMFILE),
    ("server.external.folder.Path.mkdir", errno.ENOSPC),
]


def failing(code: int) -> Callable[..., Any]:
    def fails(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return fails


@pytest.mark.parametrize(("where", "code"), FAULTS)
async def test_whatever_the_machine_says_the_store_is_away_and_comes_back(
    store: Folder, monkeypatch: pytest.MonkeyPatch, where: str, code: int
) -> None:
    target = where.replace("server.external.folder.Path", "pathlib.Path")
    await store.put("parts/u/000", b"x")
    with monkeypatch.context() as patch:
        patch.setattr(target, failing(code))
        with pytest.raises(StorageUnavailable, match=os.strerror(code)):
            await store.put(KEY, b"bytes")
        with pytest.raises(StorageUnavailable):
            await store.put(KEY, chunks(b"by", b"tes"))
    assert await store.stat(KEY) is None
    assert await store.put(KEY, b"bytes") == 5
    await settle(store)
    assert files(store._root) == [KEY, "parts/u/000"]


async def test_a_folder_that_goes_is_missed_and_not_made_again(store: Folder) -> None:
    """Its disk may be unmounted: what is written to the place below it is lost when it comes back."""
    await store.put(KEY, b"x")
    aside = store._root.rename(store._root.with_name("aside"))
    for state in ("missing", "an empty one in its place"):
        if state != "missing":
            store._root.mkdir()
        for act in (store.put("parts/u/0", b"y"), store.stat("parts/u/0"), store.delete(KEY), store.check()):
            with pytest.raises(StorageUnavailable):
                await act
        with pytest.raises(StorageUnavailable):
            await whole(store, KEY)
    assert files(store._root) == []
    store._root.rmdir()
    aside.rename(store._root)
    await store.check()
    assert await whole(store, KEY) == b"x"


async def test_a_file_in_its_place_is_away(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    root.write_text("not a folder")
    store = Folder(root)
    for act in (store.check(), store.put(KEY, b"x"), store.stat(KEY)):
        with pytest.raises(StorageUnavailable):
            await act
    root.unlink()
    await store.check()
    assert await store.put(KEY, b"x") == 1
    store.close()


async def test_a_disk_that_hangs_counts_as_away_and_holds_up_nobody_else(
    store: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(folder_module, "LIMIT_S", 0.2)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: goes_on.wait())
        with pytest.raises(StorageUnavailable, match="no answer"):
            await store.put(KEY, b"x")
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 5) == "free"
        goes_on.set()
    await settle(store)


async def test_what_a_crash_left_half_written_is_forgotten_after_a_day(tmp_path: Path) -> None:
    incoming = tmp_path / ".incoming"
    incoming.mkdir()
    for name, age_s in (("old", 90_000), ("young", 60)):
        path = incoming / name
        path.write_bytes(b"half")
        os.utime(path, (path.stat().st_mtime - age_s,) * 2)
    store = Folder(tmp_path)
    await store.check()
    assert files(tmp_path) == [".incoming/young"]
    store.close()


async def test_what_others_finish_while_a_store_begins_keeps_it_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = Path.iterdir
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", lambda path: [*listing(path), path / "gone"])
        store = Folder(tmp_path)
        await store.put(KEY, b"x")
    assert await whole(store, KEY) == b"x"
    store.close()


async def test_a_folder_that_goes_again_and_again_is_made_anew(store: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    link, goes = os.link, 3

    def late(source: Path, path: Path) -> None:
        nonlocal goes
        if goes > 0:
            goes -= 1
            path.parent.rmdir()
        link(source, path)

    monkeypatch.setattr("os.link", late)
    await store.put(KEY, b"x")
    assert (goes, await whole(store, KEY)) == (0, b"x")


def test_the_keys_of_both_files_are_apart() -> None:
    assert final_key("picture", "ab" * 32) == f"originals/ab/{'ab' * 32}"
    assert final_key("thumb", "ab" * 32) == f"thumbs/ab/{'ab' * 32}"
