"""What each mutation's `args` must look like. A wrong one costs only its mutation: `refused: invalid` (19)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from sync.merge import in_order
from sync.parse import is_uuid
from sync.photo_arguments import EDITABLE, OPTIONAL_OF_PHOTO, PHOTO, is_whole_photo
from sync.rules import TRANSITIONS
from sync.schema import COMMENT_LIMIT, ITEM_COMMANDS, ITEM_FIELDS, REASON_LIMIT, Field, Kind

Check = Callable[[Any], bool]

TAG_LIMIT: Final = 50
"""Characters of a tag."""

PROVISIONAL_LIMIT: Final = 32
"""Characters of a provisional number."""

_DATE: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_date(value: object) -> bool:
    """Whether the value is a day of the Gregorian calendar as `YYYY-MM-DD`."""
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups())
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return year > 0 and 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1] + (month == 2 and is_leap)


def is_text(value: object, limit: int, least: int = 0) -> bool:
    """Whether the value is a text of at most `limit` characters, `least` of them not blank."""
    return isinstance(value, str) and len(value) <= limit and (least == 0 or len(value.strip()) >= least)


def _are_tags(value: Any, limit: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= limit
        and all(is_text(tag, TAG_LIMIT, 1) for tag in value)
        and len(set(value)) == len(value)
    )


def _are_refs(value: Any, limit: int) -> bool:
    return (
        isinstance(value, list) and len(value) <= limit and all(map(is_uuid, value)) and len(set(value)) == len(value)
    )


_KINDS: Final[Mapping[Kind, Callable[[Field, Any], bool]]] = MappingProxyType(
    {
        Kind.TEXT: lambda field, value: is_text(value, field.limit, 1 if field.is_required else 0),
        Kind.CHOICE: lambda field, value: isinstance(value, str) and value in field.choices,
        Kind.DATE: lambda _field, value: value is None or is_date(value),
        Kind.REF: lambda _field, value: value is None or is_uuid(value),
        Kind.REFS: lambda field, value: _are_refs(value, field.limit),
        Kind.TAGS: lambda field, value: _are_tags(value, field.limit),
    }
)


def is_field_value(name: str, value: Any) -> bool:
    """Whether the punch item's field `name` may hold the value."""
    field = ITEM_FIELDS.get(name)
    return field is not None and _KINDS[field.kind](field, value)


def tidy(name: str, value: Any) -> Any:
    """The value as it is stored: lists that mean sets are in order."""
    return in_order(value) if ITEM_FIELDS[name].kind in (Kind.TAGS, Kind.REFS) else value


def _is_reason(value: Any) -> bool:
    return value is None or is_text(value, REASON_LIMIT)


def _are_photo_fields(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(name in EDITABLE and EDITABLE[name](wanted) for name, wanted in value.items())
    )


def _is_choice(value: Any) -> bool:
    return value in ("current", "other")


def _is_provisional(value: Any) -> bool:
    return is_text(value, PROVISIONAL_LIMIT)


def _are_fields(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(is_field_value, value.keys(), value.values()))


def _is_comment(value: Any) -> bool:
    return is_text(value, COMMENT_LIMIT, 1)


_ID: Final[Mapping[str, Check]] = MappingProxyType({"id": is_uuid})
_CHILD: Final[Mapping[str, Check]] = MappingProxyType({"id": is_uuid, "item_id": is_uuid})

REQUIRED: Final[Mapping[str, Mapping[str, Check]]] = MappingProxyType(
    {
        "noop": {},
        "item.create": {"id": is_uuid, "sector_id": is_uuid, "title": partial(is_field_value, "title")},
        "item.edit": {"id": is_uuid, "set": _are_fields, "was": _are_fields},
        "item.move": {"id": is_uuid, "from_sector_id": is_uuid, "sector_id": is_uuid},
        **dict.fromkeys(ITEM_COMMANDS, _ID),
        "item.delete": _ID,
        "item.restore": _ID,
        "comment.add": {**_CHILD, "text": _is_comment},
        "photo.add": {**_CHILD, **PHOTO},
        "photo.edit": {**_CHILD, "set": _are_photo_fields, "was": _are_photo_fields},
        "photo.remove": _CHILD,
        "photo.restore": _CHILD,
        "conflict.resolve": {"id": is_uuid, "choice": _is_choice},
        "refusal.dismiss": _ID,
    }
)
"""Mutation → argument → its check."""

OPTIONAL: Final[Mapping[str, Mapping[str, Check]]] = MappingProxyType(
    {
        "item.create": {
            "provisional_number": _is_provisional,
            **{name: partial(is_field_value, name) for name in ITEM_FIELDS if name != "title"},
        },
        **{name: {"reason": _is_reason} for name in TRANSITIONS},
        "photo.add": OPTIONAL_OF_PHOTO,
    }
)


def are_valid(name: str, args: Mapping[str, Any]) -> bool:
    """Whether `args` fit the mutation `name`, which must be a known one; unknown arguments do not fit."""
    required = REQUIRED[name]
    if not all(argument in args and check(args[argument]) for argument, check in required.items()):
        return False
    optional = OPTIONAL.get(name, {})
    for argument, value in args.items():
        if argument not in required and not (argument in optional and optional[argument](value)):
            return False
    if name == "photo.add":
        return is_whole_photo(args)
    return "set" not in required or bool(args["set"].keys() == args["was"].keys())
