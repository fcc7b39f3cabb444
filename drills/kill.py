"""`kill`: the server is SIGKILLed again and again while phones push.

Promise (invariants 1 to 3): what was acknowledged is in the database exactly once, what was not arrives when it is
sent again, and nothing is there twice.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from drills.database import Found, audit, compare
from drills.outcome import Drill, Outcome
from drills.phone import Phone
from drills.server_process import HOLDFAST, ServerProcess
from server.actions import demo
from server.actions.office import open_office
from server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

PHONES: Final = 8
KILLS: Final = 50
QUICK_KILLS: Final = 8
LOGINS: Final = ("ana", "bo", "sam")
"""Who works in the sector; the phones are shared out among them."""

DRAIN_S: Final = 60.0
"""Seconds in which the outboxes must be empty once the server is left alone."""


def run(*, seed: int, is_quick: bool) -> Outcome:
    """The drill as `scripts/drill` runs it."""
    return drill(QUICK_KILLS if is_quick else KILLS, seed)


def drill(kills: int, seed: int, command: Sequence[str] = HOLDFAST, phones: int = PHONES) -> Outcome:
    """Kill `kills` times a server that `command` starts, under so many phones."""
    began = time.monotonic()
    random = Random(seed)  # noqa: S311 - choices, not secrets
    with tempfile.TemporaryDirectory(prefix="holdfast-kill-") as folder:
        server = ServerProcess(Path(folder), command)
        sector_id, passwords = asyncio.run(prepare(server.data))
        workers = [
            Phone(server.port, login, passwords[login], sector_id, Random(random.random()))  # noqa: S311
            for login in (LOGINS[place % len(LOGINS)] for place in range(phones))
        ]
        try:
            _kill_again_and_again(server, workers, kills, random)
            broken = _let_drain(server, workers)
        finally:
            for phone in workers:
                phone.end()
            server.stop()
        for phone in workers:
            if phone.ident is not None:
                phone.join(timeout=20)
            phone.close()
        found = compare(server.data / "punchlist.db", [phone.memory for phone in workers])
        broken += [*found.broken, *audit(server.data)]
    return Outcome(_figures(kills, found, time.monotonic() - began), broken)


async def prepare(data: Path) -> tuple[str, dict[str, str]]:
    """The demonstration's project: the sector's id and the passwords by login."""
    async with open_office(Settings(data_folder=data)) as office:
        await demo.make(office, is_local=True)
        sign_ins = await demo.sign_ins(office, is_local=True)
        sector = await office.sector("B-4")
    return str(sector["id"]), {sign_in.login: sign_in.password for sign_in in sign_ins}


def _kill_again_and_again(server: ServerProcess, phones: Sequence[Phone], kills: int, random: Random) -> None:
    """Kill while it starts, while it answers, while it commits: the moment is drawn, not awaited."""
    server.start()
    server.wait()
    for phone in phones:
        phone.start()
    console = Console(stderr=True)
    columns = (
        TextColumn("kill"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=kills)
        for _ in range(kills):
            if random.random() < 0.85:  # else it is killed amid its start
                server.wait()
            time.sleep(0.05 + random.random() * 0.7)
            server.kill()
            server.start()
            acknowledged = sum(len(phone.memory.receipts) for phone in phones)
            progress.update(task, advance=1, description=f"{acknowledged:,} acknowledged")


def _let_drain(server: ServerProcess, phones: Sequence[Phone]) -> list[str]:
    """Leave the server alone: every outbox empties, and what is sent once more gets the same bytes (2, 8)."""
    server.wait()
    for phone in phones:
        phone.rest()
    deadline = time.monotonic() + DRAIN_S
    while any(phone.unsent for phone in phones) and time.monotonic() < deadline:
        time.sleep(0.05)
    broken = [f"{phone.unsent} mutations of a phone never arrived" for phone in phones if phone.unsent]
    for phone in phones:
        phone.end()
        phone.join(timeout=20)
        broken += phone.memory.trouble
        broken += _differences(phone)
    return broken


def _differences(phone: Phone) -> list[str]:
    memory = phone.memory
    broken: list[str] = []
    ids = sorted(memory.receipts, key=lambda entry_id: memory.made[entry_id].n)
    for start in range(0, len(ids), 200):
        batch = ids[start : start + 200]
        try:
            again = phone.send_again(batch)
        except RuntimeError as error:
            return [*broken, str(error)]
        pairs = zip(batch, again, strict=True)
        broken += [f"the receipt of {key} changed" for key, receipt in pairs if memory.receipts[key] != receipt]
    return broken


def _figures(kills: int, found: Found, seconds: float) -> str:
    counts = f"{found.acknowledged:,} acknowledged, {found.lost:,} lost, {found.doubled:,} doubled"
    return f"{kills} kills, {counts}, {seconds:.0f} s"


DRILL: Final = Drill(
    "the server killed at random under 8 pushing phones: nothing acknowledged lost, nothing doubled", run
)
