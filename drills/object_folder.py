"""A folder for objects that really can fill up: on a small disk of its own where this machine lets us mount one.

    unshare --mount … cat     holds a mount namespace with a tmpfs, and ends, disk and all, when its input does
    nsenter --mount …         starts the server in there
    setpriv …                 takes root's power to write where nobody may from the server

None of it needs root where ordinary users may have namespaces.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from pathlib import Path

_AS_ROOT: Final = () if os.geteuid() == 0 else ("--user", "--map-root-user")
_INTO: Final = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
_MORTAL: Final = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")


class ObjectFolder:
    """Use as a context; then `path` is the folder as the server has it, and `here` the same one as we reach it."""

    def __init__(self, place: Path, size_bytes: int) -> None:
        self.disk = place / "disk"
        self.path = self.here = self.disk / "objects"
        self.command: tuple[str, ...] = ()
        """What a server that uses the folder is started with."""
        self.has_disk = False
        """Whether the disk is its own and small, so that it can be filled."""
        self._size_bytes = size_bytes
        self._holder: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.disk.mkdir(parents=True)
        self._mount()
        if _works((*self.command, *_MORTAL, "true")):
            self.command = (*self.command, *_MORTAL)
        self.here.mkdir(mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        if self._holder is not None:
            self._holder.communicate(timeout=10)

    def _mount(self) -> None:
        if not (shutil.which("unshare") and shutil.which("nsenter")):
            return
        script = f'mount -t tmpfs -o size={self._size_bytes},mode=0700 holdfast-drill "$1" && echo mounted && exec cat'
        command = ["unshare", *_AS_ROOT, "--mount", "--propagation", "private", "sh", "-c", script, "sh", self.disk]
        self._holder = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._holder.stdout is not None  # noqa: S101 - it is a pipe
        if self._holder.stdout.readline() != b"mounted\n":
            return
        self.has_disk = True
        target = str(self._holder.pid)
        self.command = ("nsenter", "--target", target, *_INTO, "--mount", f"--wd={os.getcwd()}", "--")  # noqa: PTH109
        self.here = type(self.disk)(f"/proc/{target}/root{self.path}")

    # --- what can be done to it -----------------------------------------------------------------------------------

    def fill(self) -> None:
        """Take every byte that is left on the disk."""
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as ballast:  # full, as it should be
            while True:
                ballast.write(bytes(65_536))

    def empty(self) -> None:
        """Give back what `fill` took."""
        self._ballast.unlink(missing_ok=True)

    def forbid(self, *, is_forbidden: bool) -> None:
        """Let nobody write into the folder, or let its owner again."""
        for folder, _, _ in os.walk(self.here):
            os.chmod(folder, 0o500 if is_forbidden else 0o700)  # noqa: PTH101 - as walked

    def move_away(self) -> None:
        """Let the folder be missing, as a disk is that was unmounted."""
        self.here.rename(self._away)

    def put_file_in_its_place(self) -> None:
        """Let something be there that is no folder."""
        self.here.write_bytes(b"no folder")

    def move_back(self) -> None:
        """Let it be as it was before `move_away`."""
        self.here.unlink(missing_ok=True)
        self._away.rename(self.here)

    @property
    def _ballast(self) -> Path:
        return self.here.with_name("ballast")

    @property
    def _away(self) -> Path:
        return self.here.with_name("away")


def _works(command: tuple[str, ...]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
