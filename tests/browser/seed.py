"""The small site of the browser tests: one project, two sectors, and people who lead, work, and run it.

python -m tests.browser.seed DATA_FOLDER
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Final

from server.actions import accounts
from server.actions.office import open_office
from server.ids import new_id
from server.settings import Settings
from sync import admin
from sync.rules import Role
from tests.browser.ledger import ROOT, environment
from tests.browser.people import COMPANY, PASSWORD, PEOPLE

SECTORS: Final = {"B-4": "North wing", "B-5": "South wing"}
TRADES: Final = ("Tiling", "Painting")


def make(data: Path) -> None:
    """Makes the site in a new data folder, in a process of its own: the caller may have an event loop running."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.browser.seed", str(data)],
        cwd=ROOT,
        env=environment(data),
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def _make(data: Path) -> None:
    async with open_office(Settings(data_folder=data)) as office:
        project = new_id()
        sectors = {code: new_id() for code in SECTORS}
        company = new_id()
        await office.enter(
            project,
            [
                admin.put_project(project, "Quay 7"),
                admin.put_company(company, project, COMPANY),
                *(admin.put_sector(sectors[code], project, code, name) for code, name in SECTORS.items()),
                *(admin.put_trade(new_id(), project, name) for name in TRADES),
            ],
        )
        for name, role, code in PEOPLE:
            place = sectors[code] if code else None
            employer = company if role == Role.GUEST else None
            await accounts.add(office, accounts.NewUser(name.lower(), name, PASSWORD, Role(role), place, employer))


if __name__ == "__main__":
    asyncio.run(_make(Path(sys.argv[1])))
