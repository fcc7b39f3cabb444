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
    parser.add_argument("--port", type=int, help="the port to listen at (default 8000; with --phone 8443)")
    parser.add_argument("--host", help="the address to listen at (default: this machine only; with --phone all)")
    parser.add_argument("--phone", action="store_true", help="serve over TLS to phones in the local network")
    parser.add_argument(
        "--guide-port", type=int, default=8080, help="with --phone: the port of the page for phones (default 8080)"
    )
    parser.add_argument(
        "--data", type=Path, default=places.ROOT / "data", help="the folder of all data (default ./data)"
    )
    chosen, others = parser.parse_known_args(arguments)
    data = chosen.data.absolute()
    host = chosen.host or ("0.0.0.0" if chosen.phone else "127.0.0.1")  # noqa: S104 - phones must reach it
    port = (8443 if chosen.phone else 8000) if chosen.port is None else chosen.port
    _is_free(host, port)
    if chosen.phone:
        _is_free(host, chosen.guide_port, option="--guide-port")
    with alone():
        _is_writable(data)
        environment.ensure("runtime")
        client.ensure()
    os.chdir(places.ROOT)
    options = ["--host", host, "--port", str(port), "--data", str(data)]
    phone = ["--phone", "--guide-port", str(chosen.guide_port)] if chosen.phone else []
    become([places.VENV_BIN / "holdfast", "serve", *options, *phone, *others])
    return 0


def _is_free(host: str, port: int, option: str = "--port") -> None:
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
        raise Stop(_why_not(error, host, port, option)) from None


def _why_not(error: OSError, host: str, port: int, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        other = f"scripts/run {option} {port + 1}"
        return f"Port {port} is in use: stop what listens there or choose another, like {other}."
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
