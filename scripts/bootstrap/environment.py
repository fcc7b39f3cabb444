"""The Python environment in .venv: made once, and brought to the locks when they change."""

import hashlib
import json
import platform
import shutil
import sys
from pathlib import Path

from scripts.bootstrap import debian, places
from scripts.bootstrap.programs import output_of, run_quietly
from scripts.bootstrap.progress import step

_STAMP = places.VENV / "holdfast.json"
_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
_PIP = (places.VENV_PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--require-hashes")
# One package comes as source only: it is built with the setuptools that requirements/build.txt pins.
_FROM_SOURCE = ("--only-binary=:all:", "--no-binary=http-ece", "--no-build-isolation", "--use-pep517")
_LAUNCHER = """\
#!/bin/sh
# `holdfast`, started from the checkout that this environment belongs to.
exec "$(dirname -- "$0")/python" -P -c '
import sys
from server.cli import main
sys.argv[0] = "holdfast"
sys.exit(main())' "$@"
"""


def ensure(*locks: str) -> None:
    """Makes .venv hold what each of `locks` (`runtime`, `test`, `node`) names; quick when nothing has changed."""
    if not _is_ours():
        _have_venv_module()
        with step(f"Making a Python {platform.python_version()} environment"):
            _make()
    for lock in locks:
        _install(lock)


def _is_ours() -> bool:
    """Whether .venv was made for this folder (it names it in many places) and its Python still runs."""
    stamp = _read_stamp()
    return stamp.get("root") == str(places.ROOT) and stamp.get("python") == output_of(
        [places.VENV_PYTHON, "-c", _VERSION]
    )


def _have_venv_module() -> None:
    if output_of([_base_python(), "-c", "import ensurepip, venv"]) is None:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        debian.install([package], because="This Python cannot make environments")


def _make() -> None:
    shutil.rmtree(places.VENV, ignore_errors=True)
    run_quietly([_base_python(), "-m", "venv", places.VENV], failure="The Python environment could not be made")
    _link_checkout()
    stamp = {"root": str(places.ROOT), "python": output_of([places.VENV_PYTHON, "-c", _VERSION])}
    _write_stamp(stamp)


def _base_python() -> str:
    """The Python that our own environment was made with, or the one running us when that is none."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidate = Path(sys.base_prefix) / "bin" / name
    return str(candidate) if candidate.exists() else sys.executable


def _link_checkout() -> None:
    """Lets .venv import the checkout and gives it the command `holdfast`, without a build or the network."""
    packages = next((places.VENV / "lib").glob("python3*")) / "site-packages"
    (packages / "holdfast.pth").write_text(f"{places.ROOT}\n")
    launcher = places.VENV_BIN / "holdfast"
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)


def _install(lock: str) -> None:
    if _has(lock):
        return
    if lock != "node" and not _has("build"):
        _pip(_file_of("build"))
        _note("build")
    with step("Installing Node from PyPI" if lock == "node" else f"Installing {_count(lock)} Python packages"):
        _pip(_file_of(lock), *_FROM_SOURCE)
    _note(lock)
    if lock == "test":  # It holds all that `runtime` does, in the same versions.
        _note("runtime")


def _pip(requirements: Path, *options: str) -> None:
    failure = "pip could not install the Python packages (is the network there?)"
    run_quietly([*_PIP, *options, "--requirement", requirements], failure=failure)


def _count(lock: str) -> int:
    return sum(line.endswith("\\") and not line.startswith(" ") for line in _file_of(lock).read_text().splitlines())


def _file_of(lock: str) -> Path:
    return places.REQUIREMENTS / f"{lock}.txt"


def _has(lock: str) -> bool:
    return _read_stamp().get(lock) == _fingerprint(lock)


def _note(lock: str) -> None:
    _write_stamp({**_read_stamp(), lock: _fingerprint(lock)})


def _fingerprint(lock: str) -> str:
    return hashlib.sha256(_file_of(lock).read_bytes()).hexdigest()


def _read_stamp() -> dict[str, str | None]:
    try:
        stamp: dict[str, str | None] = json.loads(_STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def _write_stamp(stamp: dict[str, str | None]) -> None:
    _STAMP.write_text(json.dumps(stamp, indent=2) + "\n")
