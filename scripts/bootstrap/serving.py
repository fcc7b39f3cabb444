"""scripts/run: from a clean checkout to the app in a browser."""

import argparse
import errno
import os
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.bootstrap import client, environment, places
from scripts.bootstrap.alone import alone
from scripts.bootstrap.programs import become
from scripts.bootstrap.progress import Stop


def run(arguments: Sequence[str]) -> int:
    """Sets up, builds and serves Holdfast; what follows these options goes to `holdfast serve`."""
    parser = argparse.ArgumentParser(prog="scripts/run", description=run.__doc__)
    parser.add_argument("--port", type=int, default=8000, help="the port to listen at (default 8000)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: this machine only)")
    parser.add_argument(
        "--data", type=Path, default=places.ROOT / "data", help="the folder of all data (default ./data)"
    )
    chosen, others = parser.parse_known_args(arguments)
    data = chosen.data.absolute()
    _is_free(chosen.host, chosen.port)
    with alone():
        _is_writable(data)
        environment.ensure("runtime")
        client.ensure()
    os.chdir(places.ROOT)
    options = ["--host", chosen.host, "--port", str(chosen.port), "--data", str(data)]
    become([places.VENV_BIN / "holdfast", "serve", *options, *others])
    return 0


def _is_free(host: str, port: int) -> None:
    """Finds out before the long set-up whether the server will be able to listen."""
    if not 0 < port < 2**16:
        raise Stop(f"There is no port {port}: choose one from 1 to 65535.")
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in addresses:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except PermissionError:
        raise Stop(f"Port {port} is for the system's own services: choose one from 1024 on.") from None
    except OSError as error:
        raise Stop(_why_not(error, host, port)) from None


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use: stop what listens there or choose another, like scripts/run --port {port + 1}."
    return f"Cannot listen at {host}: {error.strerror}."


def _is_writable(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            pass
    except OSError as error:
        raise Stop(
            f"The data folder {data} cannot be written ({error.strerror}): choose another with --data."
        ) from None
