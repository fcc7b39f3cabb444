"""One text for one value: canonical JSON, the content hash of a mutation, and ids derived from other ids."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from sync.wire import Mutation

_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def canonical(value: Any) -> str:
    """JSON with sorted keys and without spaces: equal values, equal texts. Raises ValueError on NaN and Infinity."""
    return _CANONICAL.encode(value)


def compact(value: Any) -> str:
    """JSON without spaces, keys in the order given."""
    return _COMPACT.encode(value)


def sha256(text: str) -> str:
    """SHA-256 of the text in UTF-8, 64 lower-case hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def content_hash(mutation: Mutation) -> str:
    """What makes two mutations of one id the same: everything but `client` and `n`, which a fork changes (17)."""
    return sha256(
        _CANONICAL.encode(
            [mutation.id, mutation.name, mutation.args, mutation.base, mutation.schema, mutation.made_at],
        )
    )


def derived_id(*parts: str) -> str:
    """A UUID (version 8) that follows from the parts, so that planning twice names the same row."""
    digits = hashlib.sha256("/".join(parts).encode()).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
