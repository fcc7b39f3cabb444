"""What can happen to an object store, made to happen for as long as an outage lasts."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from random import Random

    from drills.object_folder import ObjectFolder
    from drills.photographer import Photographer
    from drills.server_process import ServerProcess

Hold: TypeAlias = "Callable[[float], None]"
"""Called again and again while it lasts, with the share of its time that is over, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Outage:
    """`begin` starts it and, as a context, ends it. `is_store`: the server goes on, and edits must arrive meanwhile."""

    name: str
    means: str
    begin: Callable[[], AbstractContextManager[Hold]]
    is_store: bool = True


def outages_of(
    folder: ObjectFolder, server: ServerProcess, phones: Sequence[Photographer], random: Random
) -> list[Outage]:
    """The four, by the means this machine has."""
    full = Outage("full", "its small disk filled", lambda: _full(folder))
    no_disk = Outage("full", "a file in its place: no small disk may be mounted here", lambda: _no_folder(folder))
    return [
        Outage("away", "moved away, then a file in its place", lambda: _away(folder)),
        full if folder.has_disk else no_disk,
        Outage("read-only", "nobody may write", lambda: _read_only(folder)),
        Outage("killed", "the server killed amid uploads", lambda: _killed(server, phones, random), is_store=False),
    ]


@contextlib.contextmanager
def _away(folder: ObjectFolder) -> Iterator[Hold]:
    is_replaced = False

    def hold(share: float) -> None:
        nonlocal is_replaced
        if share > 0.5 and not is_replaced:
            folder.put_file_in_its_place()
            is_replaced = True

    folder.move_away()
    try:
        yield hold
    finally:
        folder.move_back()


@contextlib.contextmanager
def _no_folder(folder: ObjectFolder) -> Iterator[Hold]:
    folder.move_away()
    try:
        folder.put_file_in_its_place()
        yield lambda _share: None
    finally:
        folder.move_back()


@contextlib.contextmanager
def _full(folder: ObjectFolder) -> Iterator[Hold]:
    folder.fill()
    try:
        yield lambda _share: folder.fill()  # what the server gives back is taken, too
    finally:
        folder.empty()


@contextlib.contextmanager
def _read_only(folder: ObjectFolder) -> Iterator[Hold]:
    folder.forbid(is_forbidden=True)
    try:
        yield lambda _share: None
    finally:
        folder.forbid(is_forbidden=False)


@contextlib.contextmanager
def _killed(server: ServerProcess, phones: Sequence[Photographer], random: Random) -> Iterator[Hold]:
    """Killed while bytes arrive, down for a while, started, and so on."""

    def hold(_share: float) -> None:
        deadline = time.monotonic() + 1.0
        while not any(phone.uploader.is_amid_a_photo for phone in phones) and time.monotonic() < deadline:
            time.sleep(0.005)
        server.kill()
        time.sleep(random.random() * 0.5)
        server.start()
        server.wait()
        time.sleep(random.random() * 0.3)

    try:
        yield hold
    finally:
        server.wait()
