"""One function per command of scripts/; each prepares what it needs before it begins."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence

from scripts.bootstrap import checks, client, environment, locks, places, serving, testing
from scripts.bootstrap.alone import alone
from scripts.bootstrap.programs import become
from scripts.bootstrap.progress import Stop


def main(arguments: Sequence[str]) -> int:
    """Carries out the command named first; its exit status, after one clear line when something stops it."""
    name, *rest = arguments
    # Asked to end is like Ctrl-C: whatever was started ends first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _COMMANDS[name](rest)
    except Stop as reason:
        print(reason, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def setup(arguments: Sequence[str]) -> int:
    """Makes .venv hold what running Holdfast takes, or with --test also what testing it takes."""
    parser = argparse.ArgumentParser(prog="scripts/setup", description=setup.__doc__)
    parser.add_argument("--test", action="store_true", help="also what testing takes")
    chosen = parser.parse_args(arguments)
    with alone():
        environment.ensure("test" if chosen.test else "runtime")
    return 0


def build(arguments: Sequence[str]) -> int:
    """Bundles the pages and the service worker into build/ where their sources have changed."""
    argparse.ArgumentParser(prog="scripts/build", description=build.__doc__).parse_args(arguments)
    with alone():
        environment.ensure("runtime")
        client.ensure()
    return 0


def lint(arguments: Sequence[str]) -> int:
    """Checks style, types and the directions of imports, in Python and TypeScript."""
    argparse.ArgumentParser(prog="scripts/lint", description=lint.__doc__).parse_args(arguments)
    with alone():
        environment.ensure("test")
        node = checks.prepare()
    return checks.run(node)


def lock(arguments: Sequence[str]) -> int:
    """Writes the hash locks of Python and npm packages anew."""
    parser = argparse.ArgumentParser(prog="scripts/lock", description=lock.__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest releases that fit")
    chosen = parser.parse_args(arguments)
    with alone():
        environment.ensure("test")
        locks.write(upgrade=chosen.upgrade)
    return 0


def python(arguments: Sequence[str]) -> int:
    """Becomes the environment's Python, with everything that tests use set up."""
    with alone():
        environment.ensure("test")
    become([places.VENV_PYTHON, *arguments])
    return 0


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "build": build,
    "lint": lint,
    "lock": lock,
    "python": python,
    "run": serving.run,
    "setup": setup,
    "test": testing.test,
}
