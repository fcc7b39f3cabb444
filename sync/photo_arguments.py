"""What is said of a photo when it is added: a wrong value costs only its mutation, `refused: invalid` (19)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sync.schema import CAPTION_LIMIT, MAX_INTEGER, MAX_PHOTO_BYTES, MAX_SIDE, MAX_THUMB_BYTES, MEDIA_TYPES, PHOTO_KINDS

Check = Callable[[Any], bool]

MAX_ACCURACY_M: Final = 20_037_508
"""Metres a position may be off: half the way round the earth."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_POSITION: Final = {
    "lat_e7": (-900_000_000, 900_000_000),
    "lon_e7": (-1_800_000_000, 1_800_000_000),
    "accuracy_m": (0, MAX_ACCURACY_M),
}


def is_sha256(value: object) -> bool:
    """Whether the value is a SHA-256 as 64 lower-case hex digits, the only form hashes have."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def is_within(value: object, least: int, most: int) -> bool:
    """Whether the value is an integer from `least` to `most`; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_kind(value: Any) -> bool:
    return isinstance(value, str) and value in PHOTO_KINDS


def _is_caption(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= CAPTION_LIMIT


def _is_media_type(value: Any) -> bool:
    return isinstance(value, str) and value in MEDIA_TYPES


def _is_size(value: Any) -> bool:
    return is_within(value, 1, MAX_PHOTO_BYTES)


def _is_side(value: Any) -> bool:
    return is_within(value, 0, MAX_SIDE)


def _is_instant(value: Any) -> bool:
    return value is None or is_within(value, 0, MAX_INTEGER)


def _is_position(value: Any) -> bool:
    if value is None:
        return True
    return (
        isinstance(value, dict)
        and value.keys() == _POSITION.keys()
        and all(is_within(value[name], *bounds) for name, bounds in _POSITION.items())
    )


def _is_thumb_sha256(value: Any) -> bool:
    return value is None or is_sha256(value)


def _is_thumb_size(value: Any) -> bool:
    return is_within(value, 0, MAX_THUMB_BYTES)


EDITABLE: Final[Mapping[str, Check]] = MappingProxyType({"caption": _is_caption, "kind": _is_kind})
"""What the author may change later."""

PHOTO: Final[Mapping[str, Check]] = MappingProxyType(
    {"kind": _is_kind, "media_type": _is_media_type, "sha256": is_sha256, "size_bytes": _is_size}
)
"""What `photo.add` must say beside `id` and `item_id`."""

OPTIONAL_OF_PHOTO: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "caption": _is_caption,
        "width": _is_side,
        "height": _is_side,
        "taken_at": _is_instant,
        "position": _is_position,
        "thumb_sha256": _is_thumb_sha256,
        "thumb_bytes": _is_thumb_size,
    }
)
"""What it may say."""


def is_whole_photo(args: Mapping[str, Any]) -> bool:
    """Whether checked arguments fit together: a thumbnail has a hash and a size or neither, a picture both sides."""
    has_thumb = args.get("thumb_sha256") is not None
    return has_thumb == bool(args.get("thumb_bytes")) and bool(args.get("width")) == bool(args.get("height"))
