"""Which of this machine's addresses a phone in the same network would use."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from contextlib import suppress
from typing import Final, NamedTuple

# Only looked up in the table of routes: connecting a datagram socket sends nothing. One for documentation, which goes
# where the internet is, and one in each private network, for machines without internet.
PROBES: Final = ("203.0.113.1", "192.168.0.1", "10.0.0.1", "172.16.0.1")
# Interfaces of containers, virtual machines and private networks, where no phone is.
INSIDE: Final = tuple("docker br- veth virbr vmnet vboxnet lxc cni podman tun tap wg tailscale utun zt".split())
WIRELESS: Final = ("wl", "ap")
_SIOCGIFADDR: Final = 0x8915


class Address(NamedTuple):
    """An IPv4 address of this machine, and the interface that has it ("" where that is not known)."""

    ip: str
    interface: str = ""


class NoNetwork(Exception):
    """This machine has no address that a phone could reach; the text says so to people."""


def own_addresses() -> list[Address]:
    """Every IPv4 address that others may reach, the likeliest for a phone first. Raises `NoNetwork`."""
    found = [*(Address(ip) for probe in PROBES if (ip := _source_towards(probe))), *_of_interfaces()]
    ordered = ranked(found)
    if not ordered:
        raise NoNetwork("This machine has no address in a local network. Join the phone's Wi-Fi, then try again.")
    return ordered


def ranked(found: list[Address]) -> list[Address]:
    """Each address once, the likeliest for a phone first. `found` is in the order of the routes, best first.

    A private address that is not of a container or a tunnel comes first, one of Wi-Fi before others where routes do
    not tell; then what else is reachable.
    """
    interfaces = {address.ip: address.interface for address in found if address.interface}
    known = [Address(ip, interfaces.get(ip, "")) for ip in dict.fromkeys(address.ip for address in found)]
    return sorted(filter(_is_reachable, known), key=_distance)


def host_names() -> list[str]:
    """Names by which devices in the local network may find this machine."""
    name = socket.gethostname().split(".")[0].lower()
    is_name = name.isascii() and name.replace("-", "").isalnum() and name != "localhost"
    return [f"{name}.local"] if is_name else []


def _is_reachable(address: Address) -> bool:
    ip = ipaddress.IPv4Address(address.ip)
    return not (ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast)


def _distance(address: Address) -> tuple[bool, bool, bool]:
    is_private = ipaddress.IPv4Address(address.ip).is_private
    return (
        address.interface.startswith(INSIDE),
        not is_private,
        not address.interface.startswith(WIRELESS),
    )


def _source_towards(destination: str) -> str:
    """The address that datagrams to there would carry; "" where there is no way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect((destination, 9))
        return str(probe.getsockname()[0])
    return ""


def _of_interfaces() -> list[Address]:
    """What Linux says of each interface; elsewhere the routes must do."""
    if sys.platform != "linux":
        return []
    import fcntl

    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # An interface without an address.
                answer = fcntl.ioctl(asked, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                found.append(Address(socket.inet_ntoa(answer[20:24]), name))
    return found
