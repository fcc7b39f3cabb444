"""Lists drills and runs them: `scripts/drill`, `scripts/drill kill --quick`, `scripts/drill all`."""

from __future__ import annotations

import argparse
import secrets
import sys
from typing import TYPE_CHECKING, Final

from drills import kill, photos

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drills.outcome import Drill

DRILLS: Final[Mapping[str, Drill]] = {"kill": kill.DRILL, "photos": photos.DRILL}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was named; 0 when every promise held."""
    parser = argparse.ArgumentParser(prog="scripts/drill", description="Shows guarantees on real processes.")
    parser.add_argument("name", nargs="?", choices=[*DRILLS, "all"], help="which drill; without one they are listed")
    parser.add_argument("--quick", action="store_true", help="a shorter one, at most 45 s")
    parser.add_argument("--seed", type=int, help="repeat the choices of an earlier run (not its timing)")
    chosen = parser.parse_args(arguments)
    if chosen.name is None:
        for name, drill in DRILLS.items():
            print(f"{name:<10} {drill.promise}")
        return 0
    names = list(DRILLS) if chosen.name == "all" else [chosen.name]
    return max(_run(name, chosen) for name in names)


def _run(name: str, chosen: argparse.Namespace) -> int:
    seed = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    try:
        outcome = DRILLS[name].run(seed=seed, is_quick=chosen.quick)
    except KeyboardInterrupt:
        print(f"{name}: stopped", file=sys.stderr)
        return 130
    except RuntimeError as error:
        print(f"{name}: BROKEN: {error}", file=sys.stderr)
        return 1
    for line in outcome.broken:
        print(f"{name}: BROKEN: {line}", file=sys.stderr)
    print(f"{name}: {outcome.figures}{'' if outcome.is_kept else f' (seed {seed})'}")
    return 0 if outcome.is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
