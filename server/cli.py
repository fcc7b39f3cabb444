"""`holdfast`: the one program people start. Every failure is one clear line on stderr and a non-zero exit status.

0 done    1 it could not be done    2 the command line is wrong    130 stopped by Ctrl-C
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from pydantic import ValidationError

from server.actions.office import OfficeRefused
from server.commands import audits, databases, imports, jobs, projects, sectors, serve, users
from sync.changes import Unavailable, Unstorable

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns its exit status."""
    chosen = parser().parse_args(arguments)
    try:
        status: int = chosen.run(chosen)
    except OfficeRefused as refused:
        return _failed(str(refused))
    except ValidationError as error:
        return _failed(_setting_in_words(error))
    except Unavailable as error:
        return _failed(f"The database cannot work now ({error}). Nothing was changed; try again.")
    except Unstorable as error:
        return _failed(f"The database refused it ({error}). Nothing was changed.")
    except OSError as error:
        return _failed(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}.")
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return status


def parser() -> argparse.ArgumentParser:
    """The whole command line; docs and tests read it too."""
    whole = argparse.ArgumentParser(prog="holdfast", description="Offline-first field work that never loses an edit.")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in (serve, databases, projects, sectors, users, imports, jobs, audits):
        group.register(commands)
    return whole


def _failed(line: str) -> int:
    print(f"holdfast: {' '.join(line.split())}", file=sys.stderr)
    return 1


def _setting_in_words(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    return f"The setting {name} is wrong: {first['msg']}."


if __name__ == "__main__":
    sys.exit(main())
