"""Leases between real processes: killed, stopped for a while, with a wrong clock."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from server.store import core_jobs
from server.store.core import Core
from server.store.core_jobs import Claim, End, Held
from tests.jobs.crew import actors, add, crew, new_job, open_core, rows, states, told, until, until_states

CREW = Path(__file__).with_name("crew.py")
LEASE_MS = 800

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[Core]:
    opened = await open_core(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """Where the processes write what they do."""
    return tmp_path / "said"


@pytest.fixture
def start(tmp_path: Path, said: Path) -> Iterator[Start]:
    """Starts one more process of workers on the same database."""
    started: list[subprocess.Popen[bytes]] = []

    def start(skew_s: float = 0.0, lease_ms: int = LEASE_MS) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-W", "error", str(CREW), str(tmp_path / "core.db"), str(said), str(lease_ms)]
        started.append(subprocess.Popen([*command, str(skew_s)]))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


async def until_told(said: Path, word: str, count: int = 1) -> None:
    async def is_told() -> bool:
        return told(said).count(word) >= count

    await until(is_told, f"{word} in {told(said)}", 30)


async def test_a_process_killed_in_mid_job_only_delays_it(core: Core, said: Path, start: Start) -> None:
    await add(core, new_job("slow", args={"name": "a", "wait_s": 60}))
    first = start()
    await until_told(said, "begin/a")
    first.kill()
    first.wait()
    assert await states(core) == ["running"]
    (row,) = await rows(core)
    await core.write_alone(
        lambda plain: plain.execute("""UPDATE jobs SET args = '{"name": "a", "wait_s": 0}'""").rowcount
    )
    start()
    await until_states(core, "done", within_s=30)
    (after,) = await rows(core)
    assert (after["attempts"], after["fencing"]) == (2, row["fencing"] + 1)
    assert after["started_at"] >= row["lease_until"], "nobody takes what is leased"


async def test_a_job_that_kills_its_worker_is_parked_and_its_neighbours_come_through(
    core: Core, said: Path, start: Start
) -> None:
    neighbours = [new_job("quick", args={"name": str(n)}, max_attempts=3) for n in range(8)]
    await add(core, *neighbours[:4], new_job("killer", key="killer", max_attempts=3), *neighbours[4:])
    for _ in range(20):
        process = start(lease_ms=300)
        await until(partial(_is_over, process, core), "a killed worker, or no more jobs")
        if process.poll() is None:
            break
    killer = next(row for row in await rows(core) if row["source_key"] == "killer")
    assert (killer["state"], killer["attempts"]) == ("parked", 3)
    assert "did not come back" in killer["error"]
    assert told(said).count("killer") == 3
    assert [row["state"] for row in await rows(core) if row["source_key"] != "killer"] == ["done"] * 8


async def test_whoever_slept_through_its_lease_changes_nothing_afterwards(core: Core, said: Path, start: Start) -> None:
    await add(core, new_job("slow", args={"name": "a", "wait_s": 0.2}))
    zombie = start()
    await until_told(said, "begin/a")
    zombie.send_signal(signal.SIGSTOP)
    calls: list[str] = []

    def slow(name: str, wait_s: float) -> str:
        calls.append(name)
        return "by another"

    async with crew(core, actors(slow)):
        await until_states(core, "done", within_s=30)
        before = await rows(core)
        zombie.send_signal(signal.SIGCONT)
        await until_told(said, "end/a")
        zombie.terminate()
        assert zombie.wait(20) == 0
    assert await rows(core) == before
    assert (before[0]["result"], before[0]["fencing"], calls) == ('"by another"', 2, ["a"])


async def test_whoever_slept_while_nobody_else_came_keeps_its_job(core: Core, said: Path, start: Start) -> None:
    await add(core, new_job("slow", args={"name": "a", "wait_s": 0.4}))
    sleeper = start(lease_ms=300)
    await until_told(said, "begin/a")
    sleeper.send_signal(signal.SIGSTOP)
    await asyncio.sleep(0.6)
    sleeper.send_signal(signal.SIGCONT)
    await until_states(core, "done")
    assert told(said).count("begin/a") == 1
    assert (await rows(core))[0]["attempts"] == 1


@pytest.mark.parametrize("skew_s", [3600.0, pytest.param(-3600.0, marks=pytest.mark.full)])
async def test_a_worker_whose_clock_is_wrong_takes_no_live_job(
    core: Core, said: Path, start: Start, skew_s: float
) -> None:
    await add(core, new_job("slow", args={"name": "a", "wait_s": 2.5}))
    start()
    await until_told(said, "begin/a")
    start(skew_s)
    await until_told(said, "ready", 2)
    await add(core, new_job("quick", args={"name": "b"}, delay_ms=1500))
    assert told(said).count("quick/b") == 0, "nor one that is not due"
    await until_states(core, "done", "done")
    assert told(said).count("begin/a") == 1
    assert [row["attempts"] for row in await rows(core)] == [1, 1]
    (_, delayed) = await rows(core)
    assert delayed["started_at"] >= delayed["created_at"] + 1500


async def test_two_processes_share_a_queue_and_run_nothing_twice(core: Core, said: Path, start: Start) -> None:
    start(lease_ms=30_000)
    start(lease_ms=30_000)
    await until_told(said, "ready", 2)
    await add(core, *(new_job("quick", args={"name": str(n)}) for n in range(400)))
    await until_states(core, *["done"] * 400, within_s=60)
    words = [word for word in told(said) if word.startswith("quick/")]
    assert len(words) == len(set(words)) == 400


async def test_sigterm_lets_the_running_job_end(core: Core, said: Path, start: Start) -> None:
    await add(
        core, new_job("slow", args={"name": "a", "wait_s": 0.8}), new_job("slow", args={"name": "b", "wait_s": 0.8})
    )
    await add(core, new_job("slow", args={"name": "c", "wait_s": 0.8}))
    process = start()
    await until_told(said, "begin/b")
    process.terminate()
    assert process.wait(20) == 0
    assert await states(core) == ["done", "done", "queued"]
    assert "threads/1" in told(said), "no thread but the main one keeps the process"


async def _is_over(process: subprocess.Popen[bytes], core: Core) -> bool:
    return process.poll() is not None or not {"queued", "running"} & set(await states(core))


async def test_only_the_holder_of_the_newest_claim_can_end_or_renew_it(core: Core) -> None:
    await add(core, new_job("a"))

    def claim(plain: object, lease_ms: int) -> Claim:
        found = core_jobs.claim(plain, "uploads", ["a"], lease_ms, 9)  # type: ignore[arg-type]
        return (found or core_jobs.claim_lost(plain, "uploads", ["a"], lease_ms, []))[0]  # type: ignore[arg-type]

    old = await core.write_alone(lambda plain: claim(plain, -1))
    new = await core.write_alone(lambda plain: claim(plain, 60_000))
    assert (old.fencing, new.fencing, new.was_lost) == (1, 2, True)
    before = await rows(core)
    ends = [End("done"), End("failed", error="x"), End("queued"), End("queued", is_counted=False)]
    late = [(Held(old.id, old.fencing), end) for end in ends]
    assert await core.write_alone(lambda plain: core_jobs.settle(plain, late)) == len(ends)
    assert await core.write_alone(lambda plain: core_jobs.renew(plain, [Held(old.id, old.fencing)], 1)) == set()
    assert await rows(core) == before
    assert (
        await core.write_alone(lambda plain: core_jobs.settle(plain, [(Held(new.id, new.fencing), End("done"))])) == 0
    )
    assert await states(core) == ["done"]
