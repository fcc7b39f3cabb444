"""Real workers on a real database, in this process or in one that can be killed.

As a program it is one more process of workers on a database: `python tests/jobs/crew.py CORE FILE LEASE_MS [SKEW_S]`.
Its actors write what they do to FILE, a line each.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dramatiq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from server.ids import new_id
from server.jobs.broker import RowBroker
from server.jobs.crossing import Crossing
from server.jobs.desk import Rhythm
from server.jobs.workers import Workers
from server.store import core_jobs, migrate
from server.store.core import Core
from server.store.core_jobs import NewJob

QUEUE = "uploads"
QUICK = Rhythm(lease_ms=400, renew_s=0.1, sweep_s=0.2)


async def open_core(folder: Path) -> Core:
    path = folder / "core.db"
    migrate.upgrade("core", path)
    return await Core.open(path)


def new_job(actor: str, *, key: str = "", queue: str = QUEUE, **more: Any) -> NewJob:
    args = more.pop("args", {})
    return NewJob(new_id(), key or new_id(), queue, actor, args, **more)


async def add(core: Core, *jobs: NewJob) -> int:
    return await core.write_alone(partial(core_jobs.add, jobs=jobs))


async def rows(core: Core) -> list[dict[str, Any]]:
    """Every row, the oldest first."""

    def read(plain: Any) -> list[dict[str, Any]]:
        cursor = plain.execute("SELECT * FROM jobs ORDER BY created_at, rowid")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    return await core.read_alone(read)


async def states(core: Core) -> list[str]:
    return [row["state"] for row in await rows(core)]


async def until(is_so: Callable[[], Awaitable[bool]], what: str, within_s: float = 20) -> None:
    """Wait for a condition."""
    end = time.monotonic() + within_s
    while not await is_so():
        assert time.monotonic() < end, f"waited {within_s} s for {what}"
        await asyncio.sleep(0.01)


async def until_states(core: Core, *wanted: str, within_s: float = 20) -> None:
    async def are_there() -> bool:
        return await states(core) == list(wanted)

    await until(are_there, f"{wanted}, but there is {await states(core)}", within_s)


def actors(*functions: Callable[..., Any], queue: str = QUEUE, **options: Any) -> Callable[[RowBroker, Crossing], None]:
    def register(broker: RowBroker, _crossing: Crossing) -> None:
        for function in functions:
            dramatiq.actor(broker=broker, queue_name=queue, **options)(function)

    return register


@asynccontextmanager
async def crew(
    core: Core, *register: Callable[[RowBroker, Crossing], object], threads: int = 2, rhythm: Rhythm = QUICK
) -> AsyncIterator[Workers]:
    """Workers for as long as the block takes; whatever they hold at its end may end within 5 s."""
    workers = Workers(core, register, threads=threads, rhythm=rhythm)
    workers.start()
    try:
        yield workers
    finally:
        await workers.stop(5)


def told(file: Path) -> list[str]:
    """What the actors of another process have written."""
    return file.read_text().split() if file.exists() else []


def _tell(file: Path, words: Iterable[str]) -> None:
    with file.open("a") as out:
        out.write("".join(f"{word}\n" for word in words))


async def main(path: Path, file: Path, lease_ms: int, skew_s: float) -> None:
    """Work until SIGTERM."""
    if skew_s:
        clock, clock_ns = time.time, time.time_ns
        time.time = lambda: clock() + skew_s
        time.time_ns = lambda: clock_ns() + int(skew_s * 1_000_000_000)

    def slow(name: str, wait_s: float) -> None:
        _tell(file, [f"begin/{name}"])
        end = time.monotonic() + wait_s
        while time.monotonic() < end:
            time.sleep(0.01)
        _tell(file, [f"end/{name}"])

    def quick(name: str) -> None:
        _tell(file, [f"quick/{name}"])

    def killer() -> None:
        _tell(file, ["killer"])
        os.kill(os.getpid(), signal.SIGKILL)

    core = await Core.open(path)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    rhythm = Rhythm(lease_ms=lease_ms, renew_s=lease_ms / 4000, sweep_s=0.1)
    async with crew(core, actors(slow, quick, killer, min_backoff=20), rhythm=rhythm):
        _tell(file, ["ready"])
        await stop.wait()
    await core.close()


if __name__ == "__main__":
    skew = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), skew))
    _tell(Path(sys.argv[2]), [f"threads/{len(threading.enumerate())}"])
