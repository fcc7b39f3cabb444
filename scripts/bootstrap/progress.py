"""What a person sees while set-up works: a line per step, and one clear line when it cannot go on."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator


class Stop(Exception):
    """Set-up cannot go on; the message is the one line that says why and what to do."""


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Shows `title` with the seconds it has taken, counting while somebody watches."""
    started = time.monotonic()
    ended = threading.Event()
    counter = threading.Thread(target=_count, args=(title, started, ended), daemon=True)
    counter.start()
    outcome = "stopped"
    try:
        yield
        outcome = "done"
    finally:
        ended.set()
        counter.join()
        say(f"{_line_start()}{title}: {outcome}, {time.monotonic() - started:.1f} s")


def say(line: str) -> None:
    """Prints one line at once, also where the output is a file."""
    print(line, flush=True)


def _count(title: str, started: float, ended: threading.Event) -> None:
    if not sys.stdout.isatty():
        say(f"{title} ...")
        return
    while True:
        print(f"{_line_start()}{title} ... {time.monotonic() - started:.0f} s", end="", flush=True)
        if ended.wait(1):
            return


def _line_start() -> str:
    return "\r\033[K" if sys.stdout.isatty() else ""
