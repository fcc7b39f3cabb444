"""`holdfast jobs`: what background work waits, and what to do about what failed."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from server.actions import jobs
from server.actions.office import OfficeRefused
from server.commands.options import add_command, in_office

if TYPE_CHECKING:
    from server.actions.office import Office
    from server.commands.options import Commands
    from server.store.core_jobs import JobRow

SHOWN = 50
"""Failed jobs listed at most."""


def register(commands: Commands) -> None:
    """Add the command and those below it."""
    group = add_command(commands, "jobs", show).add_subparsers(title="commands", metavar="COMMAND")
    again = add_command(group, "retry", retry)
    which = again.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", help="the job, as `holdfast jobs` shows it")
    which.add_argument("--all", action="store_true", help="every failed and parked job")
    which.add_argument(
        "--unreadable", action="store_true", help="photos no preview could be made of, as after an update"
    )
    given_up = add_command(group, "forget", forget)
    given_up.add_argument("id", help="the job, as `holdfast jobs` shows it")
    for command in (again, given_up):
        _keep_what_was_said(command)


def show(chosen: argparse.Namespace) -> int:
    """Show how many jobs there are by queue and state, and each failed one with its reason."""

    async def work(office: Office) -> tuple[list[tuple[str, str, int]], list[JobRow]]:
        return await jobs.counts(office.core), await jobs.needing_person(office.core, SHOWN)

    counts, failed = in_office(chosen, work)
    if not counts:
        print("There are no jobs.")
        return 0
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(_table(["queue", "state", "jobs"], [[queue, state, str(count)] for queue, state, count in counts]))
    if failed:
        names = ["failed job", "since", "actor", "attempts", "arguments", "reason"]
        console.print(_table(names, [_line(row) for row in failed]))
    return 0


def retry(chosen: argparse.Namespace) -> int:
    """Queue a failed job again, with all its attempts, or all of them, or previews of photos that were unreadable."""

    async def work(office: Office) -> int:
        if chosen.unreadable:
            return await jobs.retry_unreadable(office.core, office.store)
        return await jobs.retry(office.core, chosen.id)

    count = in_office(chosen, work)
    if not count and chosen.id:
        raise OfficeRefused(f"There is no failed job {chosen.id}.")
    print(f"{count} job(s) queued again.")
    return 0


def forget(chosen: argparse.Namespace) -> int:
    """Give a job up: it waits or failed, and is not run any more."""

    async def work(office: Office) -> bool:
        return await jobs.forget(office.core, chosen.id)

    if not in_office(chosen, work):
        raise OfficeRefused(f"There is no job {chosen.id} that waits or failed.")
    print("The job is given up.")
    return 0


def _keep_what_was_said(command: argparse.ArgumentParser) -> None:
    """Let `--data` before the command's name hold: its own default must not replace it."""
    for action in command._actions:  # noqa: SLF001 - argparse has no public name for it
        if action.dest == "data":
            action.default = argparse.SUPPRESS


def _table(names: list[str], lines: list[list[str]]) -> Table:
    table = Table(*names, box=None, pad_edge=False, header_style="bold")
    for line in lines:
        table.add_row(*line)
    return table


def _line(row: JobRow) -> list[str]:
    since = datetime.fromtimestamp((row.finished_at or row.created_at) / 1000, UTC)
    attempts = f"{row.attempts}/{row.max_attempts}{' parked' if row.state == 'parked' else ''}"
    return [row.id, f"{since:%Y-%m-%d %H:%M}Z", row.actor, attempts, row.args, row.error or ""]
