"""Random histories keep every promise: seeds that once failed first, then pinned ones and, in full runs, fresh ones."""

import os
import time
from collections import Counter

import pytest

from tests.simulation.history import History, run
from tests.simulation.hunt import failing_seeds, hunt, keep

PINNED = range(400)


@pytest.mark.parametrize("seed", failing_seeds() or [0])
def test_a_seed_that_once_failed_holds(seed: int) -> None:
    run(seed)


@pytest.mark.parametrize("start", range(PINNED.start, PINNED.stop, 25))
def test_pinned_histories_hold(start: int) -> None:
    for seed in range(start, start + 25):
        run(seed)


def test_one_seed_is_one_history() -> None:
    told: list[list[str]] = [[], []]
    for trace in told:
        history = History(3)
        history.trace = trace.append
        history.run()
        trace.append(repr(history.server.store.state))
    assert told[0] == told[1]


def test_histories_are_long_and_full() -> None:
    histories = [History(seed) for seed in range(20)]
    steps = sorted(history.run() for history in histories)
    outcomes = {
        word
        for history in histories
        for receipt in history.server.store.state.receipts.values()
        for word in ("applied", "merged", "conflict", "parked", "refused")
        if f'"outcome":"{word}"' in receipt.body
    }
    assert steps[len(steps) // 2] >= 300
    assert outcomes == {"applied", "merged", "conflict", "parked", "refused"}


def test_all_weathers_come_up() -> None:
    seen: Counter[str] = Counter()
    for seed in range(60):
        history = History(seed)
        history.run()
        seen += history.ledger.seen
    weathers = """200 502 fork sign_in_required actor_mismatch unstorable_value unavailable request_lost answer_lost
        request_doubled answer_doubled answer_cut captive_portal proxy_error device_died storage_full server_died"""
    assert [weather for weather in weathers.split() if not seen[weather]] == []


@pytest.mark.full
def test_fresh_histories_hold() -> None:
    total = hunt(120, os.cpu_count() or 1, time.time_ns() // 1_000, lambda _tally: None)
    for seed, words in total.failures.items():
        keep(seed, words)
    assert not total.failures, "; ".join(f"scripts/simulate {seed}: {words}" for seed, words in total.failures.items())
