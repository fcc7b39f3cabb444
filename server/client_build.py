"""The built client: every file of the build folder in memory, as scripts/build wrote and packed it."""

from __future__ import annotations

import hashlib
import mimetypes
import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson

from server.compression import WORTH_BYTES, gzipped
from server.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOOK_S: Final = 1.0
"""Seconds for which the build in memory is believed without a look at the folder."""

_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
}
_PACKED_SUFFIX: Final = ".gz"
"""Ends the name of a file that holds another one packed, beside it."""


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent. `gzip` is empty where it would not be shorter."""

    body: bytes
    gzip: bytes
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class Build:
    """One state of the build folder. `names` maps `main.js` to its path with the hash, `files` a path to its bytes."""

    version: str
    names: Mapping[str, str]
    files: Mapping[str, File]


class ClientBuild:
    """Gives the present build and notices a new one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._build: Build | None = None
        self._stamp = 0
        self._looked_at = float("-inf")

    def current(self) -> Build:
        """The build. Raises `Refused` (`not_built`) where there is none."""
        if time.monotonic() - self._looked_at > LOOK_S:
            self._look()
        if self._build is None:
            raise Refused("not_built")
        return self._build

    def _look(self) -> None:
        manifest = self._folder / "manifest.json"
        try:
            stamp = manifest.stat().st_mtime_ns
            if stamp != self._stamp:
                self._build, self._stamp = _read(self._folder, orjson.loads(manifest.read_bytes())), stamp
        except (OSError, ValueError, KeyError):
            self._build, self._stamp = None, 0
        self._looked_at = time.monotonic()


def _read(folder: Path, manifest: Mapping[str, Any]) -> Build:
    files = {
        path.relative_to(folder).as_posix(): _file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json" and path.suffix != _PACKED_SUFFIX
    }
    return Build(str(manifest["version"]), MappingProxyType(dict(manifest["files"])), MappingProxyType(files))


def file_of(body: bytes, media_type: str) -> File:
    """A text from its bytes."""
    return _file_of(body, gzipped(body, level=9) if len(body) >= WORTH_BYTES else b"", media_type)


def _file_of(body: bytes, packed: bytes, media_type: str) -> File:
    return File(body, packed, media_type, f'W/"{hashlib.sha256(body).hexdigest()[:32]}"')


def _file(path: Path) -> File:
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = path.with_name(path.name + _PACKED_SUFFIX)
    return _file_of(path.read_bytes(), packed.read_bytes() if packed.is_file() else b"", media_type)
