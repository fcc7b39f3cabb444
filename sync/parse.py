"""Body bytes → a checked `Request`, or one of `sync.errors`; nothing hostile gets further than here (invariant 20).

Unknown keys of the envelope and of `device` are tolerated, for newer apps; in a mutation they are refused, because
they would be part of what its author meant and would be lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, NoReturn

from sync.errors import (
    BodyTooLarge,
    InvalidJson,
    InvalidRequest,
    TooManyMutations,
    UnstorableValue,
    UpgradeRequired,
)
from sync.schema import MAX_BODY_BYTES, MAX_DEPTH, MAX_INTEGER, MAX_MUTATIONS, PROTOCOL_VERSION
from sync.wire import DeviceReport, Mutation, Request

MAX_LIMIT: Final = 5000
"""Rows one answer may carry."""

DEFAULT_LIMIT: Final = 2000

MAX_NAME: Final = 64
"""Characters of a mutation's name and of an app version."""

MAX_COOKIE: Final = 1_048_576
"""Characters of a cookie: some 70 for each scope held, so that nobody holds too many to come back with."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# An unterminated string eats the rest, so that no start of a match is tried twice over the same text.
_STRINGS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS: Final = re.compile(r"[^\[\]{}]+")
_PAIRS: Final = re.compile(r"\[\]|\{\}")
_MUTATION_KEYS: Final = frozenset({"id", "client", "n", "name", "args", "base", "schema", "made_at"})
_MAX_DIGITS: Final = len(str(MAX_INTEGER)) + 1


def is_uuid(value: object) -> bool:
    """Whether the value is a UUID in lower-case text, the only form ids have."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def parse(body: bytes) -> Request:
    """Check a request body. Raises `RequestError`s named in `sync.errors`, nothing else."""
    return _request(parse_json(body))


def parse_json(body: bytes) -> Any:
    """JSON without floats, doubled keys, `__proto__`, lone surrogates, NUL, deep nesting or integers above 2^53 - 1."""
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidJson("The body is not UTF-8.") from None
    if text.startswith("\ufeff"):
        raise InvalidJson("The body starts with a byte order mark.")
    _check_depth(text)
    try:
        value = _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidJson(f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    if "\\u" in text:  # only an escape can bring NUL or half a surrogate pair past the decoder
        _check_strings(value)
    return value


def _check_depth(text: str) -> None:
    """Take the innermost pairs away, once for each level there may be; nothing is left of what nests no deeper."""
    brackets = _NOT_BRACKETS.sub("", _STRINGS.sub("", text))
    for _ in range(MAX_DEPTH):
        before, brackets = brackets, _PAIRS.sub("", brackets)
        if len(brackets) == len(before):
            break
    if brackets:
        raise InvalidJson(f"The body is not JSON, or nests deeper than {MAX_DEPTH} levels.")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS or abs(number := int(digits)) > MAX_INTEGER:
        raise UnstorableValue("An integer is beyond 2^53 - 1.")
    return number


def _no_float(_digits: str) -> NoReturn:
    raise UnstorableValue("Numbers are integers here; there are no fractions, exponents, NaN or Infinity.")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InvalidJson("An object has the same key twice.")
    if "__proto__" in value:
        raise UnstorableValue("An object has the key __proto__.")
    return value


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float
)


def _check_strings(value: Any) -> None:
    for text in _strings(value):
        if "\x00" in text:
            raise UnstorableValue("A text holds the character NUL.")
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise UnstorableValue("A text holds half a surrogate pair.")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member)
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from _strings(member)


def _request(value: Any) -> Request:
    if not isinstance(value, dict):
        raise InvalidRequest("The body is not an object.")
    if _whole(value, "protocol", 1) != PROTOCOL_VERSION:
        raise UpgradeRequired
    client = _id(value, "client")
    return Request(
        protocol=PROTOCOL_VERSION,
        schema=_whole(value, "schema", 1),
        client=client,
        user=_id(value, "user"),
        sent_at=_whole(value, "sent_at", 0),
        cookie=_cookie(value.get("cookie")),
        mutations=_mutations(value.get("mutations", []), client),
        device=_device(value.get("device")),
        limit=_limit(value),
    )


def _mutations(values: Any, client: str) -> tuple[Mutation, ...]:
    if not isinstance(values, list):
        raise InvalidRequest("`mutations` is not a list.")
    if len(values) > MAX_MUTATIONS:
        raise TooManyMutations
    mutations = tuple(_mutation(value, client) for value in values)
    for before, after in pairwise(mutations):
        if after.n != before.n + 1:
            raise InvalidRequest("The mutations' numbers are not contiguous.")
    return mutations


def _mutation(value: Any, client: str) -> Mutation:
    if not isinstance(value, dict) or value.keys() != _MUTATION_KEYS:
        raise InvalidRequest("A mutation has exactly the keys id, client, n, name, args, base, schema and made_at.")
    if value["client"] != client:
        raise InvalidRequest("A mutation names another client than the request.")
    name = value["name"]
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise InvalidRequest("`name` is not a text of 1 to 64 characters.")
    if not isinstance(value["args"], dict):
        raise InvalidRequest("`args` is not an object.")
    return Mutation(
        id=_id(value, "id"),
        client=client,
        n=_whole(value, "n", 1),
        name=name,
        args=value["args"],
        base=None if value["base"] is None else _whole(value, "base", 0),
        schema=_whole(value, "schema", 1),
        made_at=_whole(value, "made_at", 0),
    )


def _device(value: Any) -> DeviceReport | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidRequest("`device` is not an object.")
    version = value.get("app_version")
    if not isinstance(version, str) or len(version) > MAX_NAME:
        raise InvalidRequest("`app_version` is not a text of at most 64 characters.")
    oldest = None if value.get("oldest_unsent_at") is None else _whole(value, "oldest_unsent_at", 0)
    return DeviceReport(version, _whole(value, "pending", 0), oldest)


def _cookie(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or len(value) > MAX_COOKIE):
        raise InvalidRequest("`cookie` is neither null nor a text the server gave.")
    return value


def _limit(value: dict[str, Any]) -> int:
    limit = _whole(value, "limit", 1) if "limit" in value else DEFAULT_LIMIT
    if limit > MAX_LIMIT:
        raise InvalidRequest(f"`limit` is above {MAX_LIMIT}.")
    return limit


def _id(value: dict[str, Any], key: str) -> str:
    if not is_uuid(value.get(key)):
        raise InvalidRequest(f"`{key}` is not a UUID in lower-case text.")
    return str(value[key])


def _whole(value: dict[str, Any], key: str, least: int) -> int:
    number = value.get(key)
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        raise InvalidRequest(f"`{key}` is not an integer of at least {least}.")
    return number
