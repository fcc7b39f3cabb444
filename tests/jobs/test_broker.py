"""Jobs run, fail, wait and are given back as their rows say, on real workers and a real database."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import dramatiq
import pytest
from dramatiq.errors import Retry

from server.jobs.broker import RowBroker
from server.jobs.crossing import Crossing, TookTooLong
from server.jobs.desk import Rhythm
from server.jobs.outcomes import Hopeless, Later
from server.jobs.workers import Workers
from server.store import core_jobs
from server.store.core import Core
from tests.jobs.crew import QUICK, actors, add, crew, new_job, open_core, rows, states, until, until_states

NEVER_SWEEPS = Rhythm(sweep_s=60)


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[Core]:
    opened = await open_core(tmp_path)
    yield opened
    await opened.close()


async def test_a_job_runs_once_with_its_arguments_and_its_row_keeps_what_it_returned(core: Core) -> None:
    calls: list[Any] = []

    def greet(name: str, count: int) -> dict[str, int]:
        calls.append((name, count))
        return {"greeted": count}

    async with crew(core, actors(greet)):
        await add(core, new_job("greet", args={"name": "Ana", "count": 3}))
        await until_states(core, "done")
    (row,) = await rows(core)
    assert calls == [("Ana", 3)]
    assert (row["result"], row["error"], row["attempts"], row["lease_until"]) == ('{"greeted":3}', None, 1, None)
    assert row["created_at"] <= row["started_at"] <= row["finished_at"]


async def test_a_bell_makes_it_instant_and_a_lost_one_only_late(core: Core) -> None:
    async with crew(core, actors(_nothing), rhythm=NEVER_SWEEPS) as workers:
        await add(core, new_job("_nothing"))
        began = time.monotonic()
        workers.ring()
        await until_states(core, "done")
        assert time.monotonic() - began < 5
    async with crew(core, actors(_nothing), rhythm=QUICK):
        await asyncio.sleep(0.3)
        await add(core, new_job("_nothing"))  # Nobody rings.
        await until_states(core, "done", "done")


async def test_a_bell_rung_a_thousand_times_runs_nothing_twice(core: Core) -> None:
    calls: list[str] = []
    async with crew(core, actors(_note(calls)), threads=4) as workers:
        for n in range(40):
            await add(core, new_job("note", args={"name": str(n)}))
            for _ in range(25):
                workers.ring()
        await until(lambda: _all_done(core), "all done")
    assert sorted(calls) == sorted(str(n) for n in range(40))


async def test_a_job_told_twice_runs_once(core: Core) -> None:
    calls: list[str] = []
    job: dict[str, Any] = {"key": "previews/p1/picture", "args": {"name": "x"}}
    assert [await add(core, new_job("note", **job)), await add(core, new_job("note", **job))] == [1, 0]
    async with crew(core, actors(_note(calls))):
        await until_states(core, "done")
        assert await add(core, new_job("note", **job)) == 0, "delivered once more after a restore"
    assert calls == ["x"]


FAILURES: list[tuple[BaseException, str, int, str, str]] = [
    (ValueError("odd"), "failed", 3, "ValueError: odd", "tried again until no attempt is left"),
    (Retry("again", delay=5), "failed", 3, "Retry: again", "Dramatiq's own word counts attempts, too"),
    (Hopeless("no such photo"), "failed", 1, "no such photo", "no use in trying again"),
    (KeyError("a\ud800b"), "failed", 3, "KeyError: 'a\\ud800b'", "words that no database takes"),
    (SystemExit(3), "failed", 3, "SystemExit: 3", "an actor that wants to end the process"),
]


@pytest.mark.parametrize(("error", "state", "attempts", "reason", "why"), FAILURES)
async def test_a_job_that_raises_ends_as(
    core: Core, error: BaseException, state: str, attempts: int, reason: str, why: str
) -> None:
    calls: list[int] = []

    def fails() -> None:
        calls.append(1)
        raise error

    async with crew(core, actors(fails, min_backoff=5, max_backoff=10)):
        await add(core, new_job("fails", max_attempts=3))
        await until_states(core, state)
    (row,) = await rows(core)
    assert (row["attempts"], row["error"], len(calls)) == (attempts, reason, attempts), why


async def test_a_job_that_fails_twice_is_done_at_the_third_attempt(core: Core) -> None:
    calls: list[int] = []

    def fails_twice() -> None:
        calls.append(1)
        if len(calls) < 3:
            raise ValueError("not yet")

    async with crew(core, actors(fails_twice, min_backoff=5)):
        await add(core, new_job("fails_twice"))
        await until_states(core, "done")
    (row,) = await rows(core)
    assert (row["attempts"], row["error"]) == (3, None)


async def test_back_off_doubles_by_the_row(core: Core) -> None:
    at: list[float] = []

    def fails() -> None:
        at.append(time.monotonic())
        raise ValueError("no")

    async with crew(core, actors(fails, min_backoff=100)):
        await add(core, new_job("fails", max_attempts=4))
        await until_states(core, "failed")
    pauses = [after - before for before, after in pairwise(at)]
    assert len(pauses) == 3
    assert all(pause >= least for pause, least in zip(pauses, (0.1, 0.2, 0.4), strict=True)), pauses


async def test_what_is_away_uses_up_no_attempt(core: Core) -> None:
    calls: list[int] = []

    def waits() -> None:
        calls.append(1)
        if len(calls) < 12:
            raise Later("the store is away", delay_ms=5)

    async with crew(core, actors(waits)):
        await add(core, new_job("waits", max_attempts=2))
        await until_states(core, "done")
    (row,) = await rows(core)
    assert (row["attempts"], len(calls)) == (1, 12)


async def test_a_result_that_is_no_json_is_said(core: Core) -> None:
    def odd() -> object:
        return object()

    async with crew(core, actors(odd)):
        await add(core, new_job("odd"))
        await until_states(core, "failed")
    assert "not JSON" in (await rows(core))[0]["error"]


async def test_failed_jobs_stay_until_a_person_saw_them(core: Core) -> None:
    await add(core, new_job("x"), new_job("x"), new_job("x", error="it never was one"))
    await core.write_alone(lambda plain: plain.execute("UPDATE jobs SET state = 'parked' WHERE rowid = 1").rowcount)
    await core.write_alone(lambda plain: plain.execute("UPDATE jobs SET state = 'done' WHERE rowid = 2").rowcount)
    await core.write_alone(lambda plain: plain.execute("UPDATE jobs SET finished_at = 1").rowcount)
    assert await core.write_alone(lambda plain: core_jobs.forget_ended(plain, 60_000)) == 1
    assert await states(core) == ["parked", "failed"]


async def test_a_job_of_an_actor_or_queue_nobody_here_knows_waits(core: Core) -> None:
    await add(core, new_job("of_tomorrow"), new_job("_nothing", queue="exports"), new_job("_nothing"))
    async with crew(core, actors(_nothing)) as workers:
        workers.ring()
        await until_states(core, "queued", "queued", "done")
        load = await core.read_alone(core_jobs.load)
    assert (load.queued, load.running, load.failed) == (2, 0, 0)
    assert load.oldest_age_ms > 0


async def test_a_delayed_job_waits_its_time(core: Core) -> None:
    began = time.monotonic()
    async with crew(core, actors(_nothing)):
        await add(core, new_job("_nothing", delay_ms=300))
        await until_states(core, "done")
    assert 0.3 <= time.monotonic() - began < 3


async def test_arguments_that_do_not_fit_fail_and_hold_up_no_other(core: Core) -> None:
    await add(core, new_job("_nothing", args={"what": 1}, max_attempts=1), new_job("_nothing"), new_job("_nothing"))
    await core.write_alone(lambda plain: plain.execute("UPDATE jobs SET args = 'no json' WHERE rowid = 2").rowcount)
    async with crew(core, actors(_nothing)):
        await until_states(core, "failed", "failed", "done")
    first, second, _ = await rows(core)
    assert "TypeError" in first["error"]
    assert second["error"] == "Its arguments are no JSON object."


async def test_an_actor_can_send_to_another_by_name_of_its_arguments(core: Core) -> None:
    calls: list[str] = []

    def register(broker: RowBroker, _crossing: Crossing) -> None:
        note = dramatiq.actor(broker=broker, queue_name="uploads")(_note(calls))

        @dramatiq.actor(broker=broker, queue_name="uploads")
        def parent() -> None:
            note.send("child")

    async with crew(core, register, rhythm=NEVER_SWEEPS) as workers:
        await add(core, new_job("parent"))
        workers.ring()
        await until_states(core, "done", "done")
    assert (await rows(core))[1]["args"] == '{"name":"child"}'
    assert calls == ["child"]


async def test_a_job_that_waits_for_the_loop_has_a_deadline(core: Core) -> None:
    seen: list[BaseException] = []

    def register(broker: RowBroker, crossing: Crossing) -> None:
        @dramatiq.actor(broker=broker, queue_name="uploads")
        def hangs() -> None:
            try:
                crossing.run(asyncio.sleep(60), 0.05)
            except TookTooLong as error:
                seen.append(error)
                raise

    async with crew(core, register):
        await add(core, new_job("hangs", max_attempts=1))
        await until_states(core, "failed")
    assert "TookTooLong" in (await rows(core))[0]["error"]
    assert len(seen) == 1


async def test_running_jobs_end_before_the_workers_do_and_waiting_ones_are_given_back(core: Core) -> None:
    started, ended = threading.Event(), []

    def slow() -> None:
        started.set()
        time.sleep(0.3)
        ended.append(1)

    await add(core, *(new_job("slow") for _ in range(3)))
    async with crew(core, actors(slow), threads=1):
        await asyncio.to_thread(started.wait, 5)
    assert ended == [1]
    assert sorted(await states(core)) == ["done", "queued", "queued"]
    assert [row["attempts"] for row in await rows(core) if row["state"] == "queued"] == [0, 0]


async def test_a_job_that_outstays_the_stop_is_interrupted_and_given_back(core: Core) -> None:
    began = asyncio.Event()

    def register(broker: RowBroker, crossing: Crossing) -> None:
        @dramatiq.actor(broker=broker, queue_name="uploads")
        def waits() -> None:
            crossing.run(_forever(began))

    workers = Workers(core, [register], threads=1, rhythm=QUICK)
    workers.start()
    await add(core, new_job("waits"))
    await began.wait()
    stopping = time.monotonic()
    await workers.stop(0.2)
    assert time.monotonic() - stopping < 3
    (row,) = await rows(core)
    assert (row["state"], row["attempts"], row["error"]) == ("queued", 0, "the server is stopping")


async def test_a_clock_that_jumps_ahead_takes_no_job_from_the_process_that_runs_it(core: Core) -> None:
    calls: list[int] = []

    def slow() -> None:
        calls.append(1)
        time.sleep(0.5)

    # As after a machine's sleep: the lease has run out, and by the steady clock it is not yet time to renew it.
    async with crew(core, actors(slow, _nothing), rhythm=Rhythm(lease_ms=100, renew_s=60, sweep_s=0.05)):
        await add(core, new_job("slow"))
        await asyncio.sleep(0.2)
        await add(core, new_job("_nothing"))  # Whoever comes for this one sees the lease that ran out.
        await until_states(core, "done", "done")
    row = (await rows(core))[0]
    assert (row["attempts"], row["fencing"], calls) == (1, 1, [1])


async def test_nothing_is_left_running_after_a_stop(core: Core) -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        async with crew(core, actors(_nothing), threads=3):
            await add(core, new_job("_nothing"))
            await until(lambda: _all_done(core), "all done")
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert {name for name in left if not name.startswith(("asyncio_", "uvloop_"))} == set(), "but the loop's own"


async def test_a_database_that_is_away_for_a_while_loses_no_end(core: Core) -> None:
    calls: list[str] = []
    is_away = threading.Event()
    write_alone = core.write_alone

    async def sometimes(work: Any) -> Any:
        if is_away.is_set():
            is_away.clear()

            def fails(_plain: Any) -> None:
                raise OSError("disk full")

            return await write_alone(fails)
        return await write_alone(work)

    def last(name: str) -> None:
        is_away.set()  # The very next write does not get through.
        calls.append(name)

    core.write_alone = sometimes  # type: ignore[method-assign]
    async with crew(core, actors(last)):
        await write_alone(lambda plain: core_jobs.add(plain, [new_job("last", args={"name": "x"})]))
        await until_states(core, "done")
    assert calls == ["x"]


async def test_a_queue_of_thousands_is_drained_once(core: Core) -> None:
    calls: list[str] = []
    await add(core, *(new_job("note", args={"name": str(n)}) for n in range(3000)))
    async with crew(core, actors(_note(calls)), threads=4, rhythm=Rhythm()):
        await until(lambda: _all_done(core), "all done")
    assert sorted(calls) == sorted(str(n) for n in range(3000))
    assert {row["attempts"] for row in await rows(core)} == {1}


def _nothing() -> None:
    """A job that does nothing."""


def _note(calls: list[str]) -> Any:
    def note(name: str) -> None:
        calls.append(name)

    return note


async def _forever(began: asyncio.Event) -> None:
    began.set()
    await asyncio.sleep(60)


async def _all_done(core: Core) -> bool:
    return all(state == "done" for _, state, _ in await core.read_alone(core_jobs.counts))
