"""What the decoding process gives up before it reads the first byte of a stranger's file."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

# All memory that a decoder may take on top of what the process has when it starts (up to 40 MB resident):
# so no photo, true or made up, brings it to 200 MB.
MEMORY_BYTES: Final = 158_000_000
CPU_S: Final = 10
OPEN_FILES: Final = 3


def give_up() -> None:
    """Leave this process memory and time for one photo, and its three open files; no more files, sockets, core dumps.

    Sockets and files need a free descriptor, and there is none: 0, 1 and 2 are taken. What is needed must be imported.
    """
    room = _taken_bytes() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))  # The first ends it in a way that the parent can tell.
    for what, limit in (
        (resource.RLIMIT_AS, room),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        resource.setrlimit(what, (limit, limit))


def _taken_bytes() -> int:
    """Address space in use; mapped programs count, so it is more than what is resident."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:  # Not Linux; what Python and the decoders map there is about as much.
        return 120_000_000
    return pages * resource.getpagesize()
