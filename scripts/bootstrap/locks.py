"""The locks: every package by version and hash, without the address it came from."""

from scripts.bootstrap import node, npm, places
from scripts.bootstrap.programs import run_quietly
from scripts.bootstrap.progress import step

_UV = (
    *(places.VENV_BIN / "uv", "pip", "compile", "--quiet", "--no-header", "--universal", "--python-version=3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
)
# `test` holds all of `runtime` in the same versions, so that what is tested is what runs.
_SOURCES = {
    "build": ("--group=build",),
    "runtime": ("pyproject.toml",),
    "test": ("pyproject.toml", "--group=test", "--constraints=requirements/runtime.txt"),
    "node": ("--group=node",),
}


def write(*, upgrade: bool) -> None:
    """Writes requirements/*.txt and package-lock.json anew; keeps pinned versions unless `upgrade`."""
    for name, source in _SOURCES.items():
        with step(f"requirements/{name}.txt"):
            _write_python(name, *source, *(["--upgrade"] if upgrade else []))
    with step("package-lock.json"):
        npm.write_lock(node.ensure(), upgrade=upgrade)


def _write_python(name: str, *options: str) -> None:
    run_quietly(
        [*_UV, *options, "--output-file", f"requirements/{name}.txt"], failure=f"uv found no set of packages for {name}"
    )
