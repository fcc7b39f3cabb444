"""The server's own key, kept beside the databases and readable by their owner alone."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from server.settings import Settings


def secret_of(settings: Settings) -> bytes:
    """The key from the settings, or the one in `keys/secret`, made at the first start."""
    given = settings.secret.get_secret_value()
    return given.encode() if given else _kept(settings.secret_path)


def derived(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose, 32 bytes, from which neither the secret nor another key follows."""
    return hmac.new(secret, purpose.encode(), hashlib.sha256).digest()


def _kept(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _make(path)
    return path.read_bytes()


def _make(path: Path) -> None:
    """Write the key whole or not at all; where another process is quicker, its key stays."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_hex(32).encode())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
