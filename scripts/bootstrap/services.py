"""The services that tests run against: Debian's own, installed when they are missing and we may."""

import re
from pathlib import Path
from typing import Final

from scripts.bootstrap import debian
from scripts.bootstrap.programs import output_of

_PLACES: Final = (Path("/usr/lib/postgresql"), Path("/usr/local/pgsql"), Path("/opt/homebrew/opt/postgresql"))
_PROGRAMS: Final = ("initdb", "postgres")


def ensure() -> None:
    """Installs what is missing; a machine that may not install ends with one line naming the packages."""
    if postgres() is None:
        debian.install(["postgresql"], because="The tests of the store run on a real PostgreSQL")


def postgres() -> Path | None:
    """The folder of the newest PostgreSQL's programs; Debian keeps them off the PATH."""
    found = [
        folder
        for place in _PLACES
        for folder in (place / "bin", *place.glob("*/bin"))
        if all((folder / program).exists() for program in _PROGRAMS)
    ]
    return max(found, key=_release, default=None)


def version() -> str:
    """What PostgreSQL says it is, or that it is missing."""
    folder = postgres()
    said = output_of([folder / "postgres", "--version"]) if folder else None
    number = re.search(r"\d+[\w.]*", said or "")
    return f"PostgreSQL {number[0]}" if number else "PostgreSQL MISSING"


def _release(folder: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", folder.parent.name)))
