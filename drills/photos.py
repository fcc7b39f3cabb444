"""`photos`: the object store is away, full, read-only, and the server killed amid uploads, ten minutes each.

Promise (invariants 3, 5, 8, 19, 26): every photo is stored once with exactly its bytes, edits never wait for photos,
and nobody presses anything. The minutes are those of the phones' clocks, which run fast; the outages are real.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from drills import stored
from drills.database import audit
from drills.database import compare as compare_edits
from drills.kill import LOGINS, prepare
from drills.object_folder import ObjectFolder
from drills.outages import outages_of
from drills.outcome import Drill, Outcome
from drills.photographer import Photographer
from drills.server_process import HOLDFAST, ServerProcess
from server.clock import clock_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drills.outages import Outage

PHONES: Final = 10
PHOTOS: Final = 100
MINUTE_MS: Final = 60_000
OUTAGE_MS: Final = 10 * MINUTE_MS
"""How long each outage lasts, on the phones' clocks."""

DRAIN_S: Final = 60.0
"""Seconds in which everything must have arrived once all works again."""
SWEEP_S: Final = 20.0
"""Seconds in which a server that was started anew must have swept up."""
MIDDLE_S: Final = 20.0
"""Seconds in which uploads must be under way before an outage begins."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done: `outage_s` real seconds stand for each outage, `size_px` for what the cameras give."""

    photos: int
    phones: int
    outage_s: float
    size_px: tuple[int, int]

    @property
    def room_bytes(self) -> int:
        """Enough for all photos, their parts and their previews; noise takes about 5 bits a pixel."""
        return (16 << 20) + 3 * self.photos * self.size_px[0] * self.size_px[1] // 2


FULL: Final = Scale(PHOTOS, PHONES, outage_s=10.0, size_px=(1_600, 1_200))
QUICK: Final = Scale(PHOTOS, PHONES, outage_s=4.0, size_px=(800, 600))


@dataclass(slots=True)
class Tally:
    """What the outages showed."""

    outages: int = 0
    arrived: int = 0
    """Edits that were made and acknowledged while the store was in trouble."""
    broken: list[str] = field(default_factory=list)


def run(*, seed: int, is_quick: bool) -> Outcome:
    """The drill as `scripts/drill` runs it."""
    return drill(QUICK if is_quick else FULL, seed)


def drill(scale: Scale, seed: int, command: Sequence[str] = HOLDFAST) -> Outcome:
    """Let phones take photos under every outage, on a server that `command` starts."""
    began = time.monotonic()
    random = Random(seed)  # noqa: S311 - choices, not secrets
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-photos-")))
        folder = stack.enter_context(ObjectFolder(place, scale.room_bytes))
        data = place / "data"
        data.mkdir()
        server = ServerProcess(data, (*folder.command, *command), {"HOLDFAST_OBJECTS_FOLDER": str(folder.path)})
        phones = _phones(server, scale, random)
        try:
            tally = _under_outages(server, folder, phones, scale, random)
            tally.broken += _let_drain(phones)
            server.restart()
            tally.broken += _let_sweep(folder)
        finally:
            for phone in phones:
                phone.end()
            server.stop()
        for phone in phones:
            if phone.ident is not None:
                phone.join(timeout=20)
            phone.close()
        return _outcome(tally, server, folder, phones, time.monotonic() - began)


def _phones(server: ServerProcess, scale: Scale, random: Random) -> list[Photographer]:
    sector_id, passwords = asyncio.run(prepare(server.data))
    clock = _fast_clock(OUTAGE_MS / 1000 / scale.outage_s)
    logins = [LOGINS[place % len(LOGINS)] for place in range(scale.phones)]
    return [
        Photographer(server.port, login, passwords[login], sector_id, Random(random.random()), clock, scale.size_px)  # noqa: S311
        for login in logins
    ]


def _fast_clock(speed: float) -> Callable[[], int]:
    """Now as the phones see it, ms since 1970 UTC. It begins a day ago, so that it stays behind the server's."""
    began, start = time.monotonic(), clock_ms() - 24 * 60 * MINUTE_MS

    def now() -> int:
        return start + int((time.monotonic() - began) * 1000 * speed)

    return now


def _under_outages(
    server: ServerProcess, folder: ObjectFolder, phones: Sequence[Photographer], scale: Scale, random: Random
) -> Tally:
    server.start()
    server.wait()
    for phone in phones:
        phone.start()
    tally = Tally()
    console = Console(stderr=True)
    columns = TextColumn("photos"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    outages = outages_of(folder, server, phones, random)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(outages))
        for place, outage in enumerate(outages):
            progress.update(task, completed=place, description=f"{outage.name}: {outage.means}")
            before, after = (scale.photos * (2 * place + step) // (2 * len(outages)) for step in (1, 2))
            _order(phones, scale.photos * place // len(outages), before)
            _await_the_middle(phones)
            _suffer(outage, phones, scale.outage_s, tally, partial(_order, phones, before, after))
    return tally


def _order(phones: Sequence[Photographer], start: int, end: int) -> None:
    """Have the photos with these numbers taken, by one phone after the other."""
    for number in range(start, end):
        phones[number % len(phones)].take_photo()


def _await_the_middle(phones: Sequence[Photographer]) -> None:
    deadline = time.monotonic() + MIDDLE_S
    while not any(phone.uploader.is_amid_a_photo for phone in phones):
        if time.monotonic() > deadline:
            raise RuntimeError(f"No photo was under way within {MIDDLE_S:.0f} s.")
        time.sleep(0.005)


def _suffer(
    outage: Outage, phones: Sequence[Photographer], seconds: float, tally: Tally, take_more: Callable[[], None]
) -> None:
    """One outage. While the store is in trouble every phone's edits arrive, and the phones are told what is wrong."""
    told_before = _told(phones)
    with outage.begin() as hold:
        began, since = time.monotonic(), phones[0].now()
        take_more()
        while (share := (time.monotonic() - began) / seconds) < 1:
            hold(share)
            time.sleep(0.05)
        arrived = [phone.acknowledged_since(since) for phone in phones]
    tally.outages += 1
    if not outage.is_store:
        return
    tally.arrived += sum(arrived)
    silent = arrived.count(0)
    if silent:
        tally.broken.append(f"{outage.name}: no edit of {silent} phones arrived while the object store was in trouble")
    if _told(phones) == told_before:
        tally.broken.append(f"{outage.name}: no phone was told of it, so this shows nothing")


def _told(phones: Sequence[Photographer]) -> int:
    return sum(phone.uploader.refusals.count("storage_unavailable") for phone in phones)


def _let_drain(phones: Sequence[Photographer]) -> list[str]:
    """Nobody does anything: every outbox empties and every photo arrives (8)."""
    for phone in phones:
        phone.rest()
    deadline = time.monotonic() + DRAIN_S
    while any(phone.unsent or phone.owed for phone in phones) and time.monotonic() < deadline:
        time.sleep(0.05)
    unsent, owed = (sum(getattr(phone, name) for phone in phones) for name in ("unsent", "owed"))
    broken = [f"{unsent} edits never arrived"] if unsent else []
    broken += [f"{owed} photos never arrived"] if owed else []
    return broken + [line for phone in phones for line in (*phone.memory.trouble, *phone.uploader.trouble)]


def _let_sweep(folder: ObjectFolder) -> list[str]:
    """A server that starts removes the parts which outages and kills left behind."""
    deadline = time.monotonic() + SWEEP_S
    while (count := stored.leftovers(folder.here)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [f"{count} parts are left that belong to nothing"] if count else []


def _outcome(
    tally: Tally, server: ServerProcess, folder: ObjectFolder, phones: Sequence[Photographer], seconds: float
) -> Outcome:
    taken = [photo for phone in phones for photo in phone.uploader.taken.values()]
    found = stored.compare(server.data / "punchlist.db", folder.here, taken)
    edits = compare_edits(server.data / "punchlist.db", [phone.memory for phone in phones])
    parts = sum(phone.uploader.parts for phone in phones)
    figures = (
        f"{len(taken)} photos, {tally.outages} outages, {parts:,} parts, {found.lost + edits.lost:,} lost, "
        f"{found.doubled + edits.doubled:,} doubled, {tally.arrived:,} edits arrived meanwhile, {seconds:.0f} s"
    )
    return Outcome(figures, [*tally.broken, *found.broken, *edits.broken, *audit(server.data)])


DRILL: Final = Drill(
    "the object store away, full, read-only, the server killed, under 10 phones: every photo stored once, edits flow",
    run,
)
