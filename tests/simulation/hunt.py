"""Runs histories: one seed with all its steps told, or fresh seeds for some seconds; `scripts/simulate` starts it.

A seed that breaks a promise is kept in `failing_seeds.txt` and is the first to run from then on, here and in the tests.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.history import History, run

FAILING = Path(__file__).parent / "failing_seeds.txt"
SHARE = 50
"""Seeds that a process takes at once."""


@dataclass
class Tally:
    """What some seeds came to. `failures` maps a seed to what went wrong."""

    histories: int = 0
    steps: list[int] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        self.histories += other.histories
        self.steps += other.steps
        self.failures |= other.failures


def failing_seeds() -> list[int]:
    """Seeds that once failed, oldest first."""
    lines = FAILING.read_text(encoding="utf-8").splitlines() if FAILING.exists() else []
    return [int(line.split("#")[0]) for line in lines if line.split("#")[0].strip()]


def keep(seed: int, words: str) -> None:
    """Write down a failing seed, once."""
    if seed not in failing_seeds():
        with FAILING.open("a", encoding="utf-8") as file:
            file.write(f"{seed}  # {words.splitlines()[0][:100]}\n")


def try_seeds(seeds: list[int]) -> Tally:
    """Run these seeds, the failing ones too."""
    tally = Tally()
    for seed in seeds:
        tally.histories += 1
        try:
            tally.steps.append(run(seed))
        except Exception as error:  # noqa: BLE001 - whatever breaks a history is a finding
            tally.failures[seed] = f"{error}" or traceback.format_exc()
    return tally


def hunt(seconds: int, jobs: int, first: int, told: Callable[[Tally], None]) -> Tally:
    """Fresh seeds from `first` on for `seconds`, in `jobs` processes; stops early once something failed."""
    total = Tally()
    stop_at = time.monotonic() + seconds
    with ProcessPoolExecutor(jobs) as pool:
        shares = _shares(first)
        running = [pool.submit(try_seeds, next(shares)) for _ in range(jobs)]
        while running:
            total.add(running.pop(0).result())
            told(total)
            if time.monotonic() < stop_at and not total.failures:
                running.append(pool.submit(try_seeds, next(shares)))
    return total


def _shares(first: int) -> Iterator[list[int]]:
    while True:
        yield list(range(first, first + SHARE))
        first += SHARE


def tell(seed: int) -> int:
    """Run one seed and print each step; the exit status."""
    history = History(seed)
    print(f"seed {seed}: {len(history.phones)} phones, {len(history.site.users)} people, {history.faults}")
    history.trace = print
    try:
        steps = history.run()
    except Exception:  # noqa: BLE001 - told in full
        traceback.print_exc()
        return 1
    receipts = history.server.store.state.receipts
    print(f"{steps} steps, {len(history.ledger.saved)} mutations saved, {len(receipts)} receipts, nothing broken")
    return 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/simulate", description="Simulate phones, networks and crashes.")
    parser.add_argument("seed", nargs="?", type=int, help="replay this history and tell it step by step")
    parser.add_argument("--seconds", type=int, default=30, help="hunt with fresh seeds for so long (default 30)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    chosen = parser.parse_args(arguments)
    if chosen.seed is not None:
        return tell(chosen.seed)
    started = time.monotonic()
    total = try_seeds(failing_seeds())
    if not total.failures:
        total.add(hunt(chosen.seconds, chosen.jobs, time.time_ns() // 1_000, _progress))
    return _close(total, time.monotonic() - started)


def _progress(total: Tally) -> None:
    if sys.stderr.isatty():
        print(f"\r{total.histories} histories", end="", file=sys.stderr, flush=True)


def _close(total: Tally, took: float) -> int:
    for seed, words in total.failures.items():
        keep(seed, words)
        print(f"{words}\nReplay: scripts/simulate {seed}")
    steps = sum(total.steps)
    middle = sorted(total.steps)[len(total.steps) // 2] if total.steps else 0
    print(
        f"simulate: {total.histories:,} histories, {len(total.failures)} broken, {steps:,} steps (median {middle}), "
        f"{round(total.histories * 60 / took):,} histories/min, {round(steps / took):,} steps/s, {round(took)} s"
    )
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
