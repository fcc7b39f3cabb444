"""`holdfast serve --phone`: the same server, over TLS, for phones in the local network."""

from __future__ import annotations

import ipaddress
import socket
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from server.actions.office import OfficeRefused
from server.commands.options import settings_of
from server.phone.addresses import NoNetwork, host_names, own_addresses
from server.phone.authority import Authority, BrokenKeys
from server.phone.codes import qr_lines
from server.phone.guide import create_guide
from server.serving import PortTaken, beside, listen

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from server.settings import Settings

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - phones must reach it; that is what it is for
PORT: Final = 8443
GUIDE_PORT: Final = 8080
HERE: Final = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Reach:
    """What the server needs to be reached by phones: its settings, where it listens, its key and certificate."""

    settings: Settings
    listener: socket.socket
    certificate: Path


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options for phones."""
    command.add_argument("--phone", action="store_true", help="serve over TLS to phones in the local network")
    command.add_argument("--address", metavar="IP", help="with --phone: the address of this machine that phones use")
    command.add_argument(
        "--guide-port",
        type=int,
        default=GUIDE_PORT,
        metavar="PORT",
        help=f"with --phone: the port of the page that says how to trust this server (default {GUIDE_PORT})",
    )


@contextmanager
def opened_to_phones(chosen: argparse.Namespace) -> Iterator[Reach]:
    """Listen for phones, have a certificate for every name of this machine, and say on the terminal what to do.

    The page that says how to trust the certificate is served for as long as the context lasts. Raises `OfficeRefused`.
    """
    try:
        ips = _addresses(chosen.address)
        host = chosen.host or EVERYWHERE
        with (
            listen(host, PORT if chosen.port is None else chosen.port) as listener,
            listen(host, chosen.guide_port) as guide_listener,
        ):
            app_url = f"https://{ips[0]}:{_port(listener)}"
            names = [*ips, *host_names(), *HERE]
            settings = settings_of(
                chosen, host=host, port=_port(listener), public_url=app_url, allowed_hosts=tuple(names)
            )
            authority = Authority(settings.secret_path.parent, f"Holdfast on {socket.gethostname()}")
            certificate = authority.certificate_for(names)
            _say_how(f"http://{ips[0]}:{_port(guide_listener)}", app_url, authority.fingerprint, ips[1:])
            with beside(create_guide(authority.certificate_der, app_url, names), guide_listener):
                yield Reach(settings, listener, certificate)
    except (NoNetwork, BrokenKeys, PortTaken) as error:
        raise OfficeRefused(str(error)) from None


def _addresses(wanted: str | None) -> list[str]:
    """This machine's addresses, the one for phones first."""
    if wanted is None:
        return [address.ip for address in own_addresses()]
    try:
        ip = str(ipaddress.IPv4Address(wanted))
    except ValueError:
        raise OfficeRefused(f"{wanted} is not an IPv4 address like 192.168.0.12.") from None
    return [ip]


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _say_how(guide_url: str, app_url: str, fingerprint: str, other_ips: list[str]) -> None:
    """Tell the two steps. A terminal that knows no block characters gets the addresses alone."""
    print("Your phone must be in the same network as this machine.\n")
    print(f"1. Once for each phone: scan, and follow the page to trust this server.\n   {guide_url}\n")
    _show_code(guide_url)
    print(f"   SHA-256 of the certificate, to compare on the phone:\n   {fingerprint[:47]}\n   {fingerprint[48:]}\n")
    print(f"2. Then scan to open the app.\n   {app_url}\n")
    _show_code(app_url)
    if other_ips:
        print(f"If the phone cannot reach that, choose another address: --address {' or '.join(other_ips)}\n")


def _show_code(url: str) -> None:
    try:
        print("\n".join(f"   {line}" for line in qr_lines(url, is_colored=sys.stdout.isatty())), end="\n\n")
    except UnicodeEncodeError:
        print("   (This terminal cannot show the QR code.)\n")
