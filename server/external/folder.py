"""The object store as a folder: a file for each object, published whole by a hard link, which never replaces one.

    .incoming/{random}  ── write, fsync ──▶  link to {key}, fsync its folder  ──▶  acknowledged
            └── removed, whatever happened

The store has threads of its own: a disk that hangs keeps photos waiting and nobody else.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from stat import S_ISREG
from typing import TYPE_CHECKING, Final, TypeVar

from server.external.objects import CHUNK_BYTES, ObjectExists, ObjectInfo, ObjectMissing, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
    from pathlib import Path

Result = TypeVar("Result")

THREADS: Final = 4
"""Disk operations that run at the same time."""

LIMIT_S: Final = 30.0
"""Seconds one operation may take before the store counts as away."""

INCOMING: Final = ".incoming"
"""Folder of what is being written; no key begins with a dot."""

FORGOTTEN_S: Final = 86_400
"""Age in seconds from which something in `.incoming` was left by a crash."""

LINK_TRIES: Final = 5
"""Times a folder is made anew that others remove with its last file; then the root itself must be gone."""

REMEMBERED: Final = 10_000
"""Folders known to be on the disk, at most."""

if sys.platform == "darwin":
    from fcntl import F_FULLFSYNC, fcntl

    def to_disk(descriptor: int) -> None:
        """Return when the bytes would survive a power cut; a Mac's fsync leaves them in the drive's cache."""
        fcntl(descriptor, F_FULLFSYNC)

else:

    def to_disk(descriptor: int) -> None:
        """Return when the bytes would survive a power cut."""
        os.fsync(descriptor)


class Folder:
    """The port `Objects` on a folder of this machine; it is made when it is first needed, and missed if it goes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / INCOMING
        self._is_founded = False
        self._durable: set[Path] = set()
        """Folders that were made to last; looking again would cost a write to the disk."""
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="objects")

    async def put(self, key: str, chunks: AsyncIterable[bytes] | bytes, *, if_absent: bool = False) -> int:
        """See `Objects`."""
        if isinstance(chunks, bytes):
            return await self._run(partial(self._put_whole, key, chunks, if_absent=if_absent))
        incoming = await self._run(self._new_incoming)
        try:
            async for chunk in chunks:
                await self._run(partial(incoming.write, chunk))
            return await self._run(partial(self._publish, incoming, key, if_absent=if_absent))
        finally:
            # Not awaited: whoever cancels must not wait for a disk, and the writer's lock keeps the order.
            self._threads.submit(incoming.discard)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """See `Objects`. The file is opened for each chunk, so that nobody who goes away leaves it open."""
        while end is None or start < end:
            wanted = CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - start)
            chunk = await self._run(partial(self._read_at, key, start, wanted))
            if not chunk:
                return
            yield chunk
            start += len(chunk)

    async def stat(self, key: str) -> ObjectInfo | None:
        """See `Objects`."""
        return await self._run(partial(self._stat, key))

    async def delete(self, key: str) -> None:
        """See `Objects`; a folder that holds nothing any more goes with its last file."""
        await self._run(partial(self._delete, key))

    async def list(self, prefix: str) -> AsyncIterator[tuple[str, ObjectInfo]]:
        """See `Objects`."""
        for key, info in await self._run(partial(self._found_below, prefix)):
            yield key, info

    async def check(self) -> None:
        """See `Objects`."""
        await self._run(self._check)

    def close(self) -> None:
        """End the threads, once each has ended what it does."""
        self._threads.shutdown(wait=False)

    async def _run(self, work: Callable[[], Result]) -> Result:
        """Run `work` in a thread of the store; the one place where the machine's errors become the store's."""
        try:
            async with asyncio.timeout(LIMIT_S):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError:
            raise StorageUnavailable(f"{self._root}: no answer within {LIMIT_S:.0f} s") from None
        except OSError as error:
            raise StorageUnavailable(f"{self._root}: {error.strerror or error}") from error

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if not all(part and part[0] != "." and "\0" not in part for part in parts):
            raise ValueError(f"not a key: {key!r}")
        return self._root.joinpath(*parts)

    def _found(self) -> None:
        """Make the folder once. If it is missing later, its disk may be unmounted: writing there would lose photos."""
        if self._is_founded:
            self._incoming.stat()
            return
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        _entry_to_disk(self._root)
        _entry_to_disk(self._incoming)
        self._is_founded = True
        self._forget_incoming()

    def _forget_incoming(self) -> None:
        before = time.time() - FORGOTTEN_S
        for path in self._incoming.iterdir():
            found = _stat_of(path)  # None: somebody has just finished with it
            if found is not None and found.st_mtime < before:
                path.unlink(missing_ok=True)

    def _new_incoming(self) -> _Incoming:
        self._found()
        return _Incoming(self._incoming / secrets.token_hex(16))

    def _put_whole(self, key: str, body: bytes, *, if_absent: bool) -> int:
        incoming = self._new_incoming()
        try:
            incoming.write(body)
            return self._publish(incoming, key, if_absent=if_absent)
        finally:
            incoming.discard()

    def _publish(self, incoming: _Incoming, key: str, *, if_absent: bool) -> int:
        path = self._path(key)
        incoming.finish()
        try:
            self._link(incoming.path, path)
        except FileExistsError:
            if not if_absent:
                raise ObjectExists(key) from None
        # Also where another was first: its link may not be on the disk yet.
        _entry_to_disk(path)
        return path.stat().st_size

    def _link(self, source: Path, path: Path) -> None:
        for tries_left in reversed(range(LINK_TRIES)):
            try:
                self._ensure_folder(path.parent)
                os.link(source, path)
            except FileNotFoundError:  # The last file of that folder, and the folder with it, went just now.
                if not tries_left:
                    raise
                self._durable.clear()
            else:
                return

    def _ensure_folder(self, folder: Path) -> None:
        """Make the folders of a key, each durable before anything in it is; the root is not made again."""
        if folder == self._root or folder in self._durable:
            return
        self._ensure_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _entry_to_disk(folder)
        if len(self._durable) >= REMEMBERED:
            self._durable.clear()
        self._durable.add(folder)

    def _read_at(self, key: str, start: int, size: int) -> bytes:
        try:
            with self._path(key).open("rb", buffering=0) as file:
                file.seek(start)
                return file.read(size)
        except FileNotFoundError:
            raise ObjectMissing(f"{self._root}: {key} is missing") from None

    def _stat(self, key: str) -> ObjectInfo | None:
        try:
            found = self._path(key).stat()
        except FileNotFoundError:
            self._found()
            return None
        return _info(found)

    def _delete(self, key: str) -> None:
        path = self._path(key)
        self._found()
        path.unlink(missing_ok=True)
        with suppress(OSError):  # Something else is in it, or it went already.
            path.parent.rmdir()
            self._durable.discard(path.parent)

    def _found_below(self, prefix: str) -> Sequence[tuple[str, ObjectInfo]]:
        self._found()
        paths = self._path(prefix.rstrip("/")).rglob("*")
        found = ((path.relative_to(self._root).as_posix(), _stat_of(path)) for path in sorted(paths))
        return [(key, _info(each)) for key, each in found if each is not None and S_ISREG(each.st_mode)]

    def _check(self) -> None:
        incoming = self._new_incoming()
        try:
            incoming.write(b"holdfast")
            incoming.finish()
            linked = incoming.path.with_name(f"{incoming.path.name}.link")
            os.link(incoming.path, linked)  # Not every file system has links, and nothing is published without.
            linked.unlink()
        finally:
            incoming.discard()


class _Incoming:
    """One file that is being written. Its lock keeps a late write from meeting a descriptor that is not its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("xb", buffering=0)

    def write(self, chunk: bytes) -> None:
        with self._lock:
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._file.write(rest) :]

    def finish(self) -> None:
        """Return when the bytes are on the disk."""
        with self._lock:
            to_disk(self._file.fileno())
            self._file.close()

    def discard(self) -> None:
        """Remove this name of the file; what was published stays under its key."""
        with self._lock, suppress(OSError):  # What stays is removed at a later start.
            self._file.close()
            self.path.unlink(missing_ok=True)


def _info(found: os.stat_result) -> ObjectInfo:
    return ObjectInfo(found.st_size, found.st_mtime_ns // 1_000_000)


def _stat_of(path: Path) -> os.stat_result | None:
    """None: it has gone since it was listed."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _entry_to_disk(path: Path) -> None:
    """Return when the entry of `path` in its folder would survive a power cut."""
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        to_disk(descriptor)
    finally:
        os.close(descriptor)
