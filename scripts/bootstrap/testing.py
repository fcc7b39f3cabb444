"""scripts/test: everything that must hold, with real browsers and services; pytest's closing line comes last."""

import argparse
from collections.abc import Sequence

from scripts.bootstrap import browsers, checks, client, environment, places, services
from scripts.bootstrap.alone import alone
from scripts.bootstrap.node import Node
from scripts.bootstrap.programs import become, status_of
from scripts.bootstrap.progress import Stop, say

# Everything: real browsers one after the other, and beside them all that needs none.
_LANES = ("--numprocesses=2", "--dist=loadgroup")


def test(arguments: Sequence[str]) -> int:
    """Runs lint, the TypeScript tests and pytest; with arguments for pytest only pytest, on what they choose."""
    parser = argparse.ArgumentParser(prog="scripts/test", description=test.__doc__, allow_abbrev=False)
    parser.add_argument("--full", action="store_true", help="also the long tests")
    chosen, for_pytest = parser.parse_known_args(arguments)
    node = _prepare()
    if not for_pytest:
        _check(node)
    full = ["--full"] if chosen.full else []
    become([places.VENV_BIN / "pytest", *full, *(for_pytest or _LANES)])
    return 0


def _prepare() -> Node:
    with alone():
        environment.ensure("test")
        browsers.ensure()
        services.ensure()
        node = checks.prepare()
        client.ensure()
    return node


def _check(node: Node) -> None:
    if checks.run(node):
        raise Stop("scripts/lint found something: see above.")
    scripts = sorted((places.ROOT / "tests/js").glob("**/*.test.ts"))
    if scripts and status_of([node.program, "--test", *scripts]):
        raise Stop("The TypeScript tests failed: see above.")
    say("")
