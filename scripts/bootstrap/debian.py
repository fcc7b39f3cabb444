"""Installs Debian packages where we may, and otherwise says in one line which are missing."""

import os
import shutil
from collections.abc import Sequence

from scripts.bootstrap.programs import run_quietly
from scripts.bootstrap.progress import Stop, step

_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


def install(packages: Sequence[str], *, because: str) -> None:
    """Installs `packages` as root with apt-get; elsewhere raises `Stop` with what to type."""
    names = " ".join(packages)
    if not shutil.which("apt-get"):
        raise Stop(f"{because}: install what Debian calls {names}.")
    if os.geteuid() != 0:
        raise Stop(f"{because}: type 'sudo apt-get install {names}' and start again.")
    with step(f"Installing {', '.join(packages)} from Debian"):
        failure = f"{because}, and apt-get could not install {names}"
        run_quietly(["apt-get", "update"], failure=failure, env=_QUIET)
        run_quietly(["apt-get", "install", "--yes", "--no-install-recommends", *packages], failure=failure, env=_QUIET)
