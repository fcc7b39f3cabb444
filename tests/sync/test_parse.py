"""Nothing hostile gets past the parser, and everything honest does (invariant 20)."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.cookie import Cookie, seal
from sync.errors import (
    BodyTooLarge,
    InvalidJson,
    InvalidRequest,
    RequestError,
    TooManyMutations,
    UnstorableValue,
    UpgradeRequired,
)
from sync.parse import MAX_COOKIE, parse, parse_json
from tests.sync.site import ANA, uid

CLIENT = uid(12, 1)


def envelope(**more: Any) -> dict[str, Any]:
    return {"protocol": 1, "schema": 1, "client": CLIENT, "user": ANA, "sent_at": 5, "cookie": None} | more


def mutation(**more: Any) -> dict[str, Any]:
    plain = {"id": uid(10, 1), "client": CLIENT, "n": 1, "name": "noop", "args": {}, "base": None, "schema": 1}
    return plain | {"made_at": 5} | more


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def with_args(text: str) -> bytes:
    """A request whose only argument is this JSON text."""
    return body(envelope(mutations=[mutation(args={"x": "@"})])).replace(b'"@"', text.encode())


def test_an_honest_request_comes_through_whole() -> None:
    device = {"app_version": "0.1.0", "pending": 1, "oldest_unsent_at": None, "battery": 3}
    request = parse(body(envelope(mutations=[mutation(), mutation(id=uid(10, 2), n=2)], device=device, limit=7)))
    assert [one.n for one in request.mutations] == [1, 2]
    assert (request.user, request.limit, request.cookie) == (ANA, 7, None)
    assert request.device is not None
    assert request.device.pending == 1


def test_an_envelope_may_carry_what_newer_apps_say() -> None:
    assert parse(body(envelope(later={"x": [1]}))).mutations == ()


@pytest.mark.parametrize(
    ("text", "error", "why"),
    [
        ("NaN", UnstorableValue, "not a number"),
        ("Infinity", UnstorableValue, "no database holds it"),
        ("-Infinity", UnstorableValue, "no database holds it"),
        ("1e999", UnstorableValue, "infinite when read"),
        ("1.0", UnstorableValue, "floats are not exact"),
        ("1E2", UnstorableValue, "an exponent makes a float"),
        ("9007199254740992", UnstorableValue, "2^53 is not exact in JavaScript"),
        ("-9007199254740992", UnstorableValue, "nor below"),
        ("9223372036854775808", UnstorableValue, "2^63 does not fit"),
        ("9" * 5000, UnstorableValue, "a bomb of digits"),
        (r'"\ud800"', UnstorableValue, "half a pair"),
        (r'"a\udfffb"', UnstorableValue, "half a pair in a text"),
        (r'{"\ud800": 1}', UnstorableValue, "half a pair in a key"),
        (r'"\u0000"', UnstorableValue, "NUL"),
        (r'[[{"a": "x\u0000"}]]', UnstorableValue, "NUL deep inside"),
        ('{"a": 1, "a": 2}', InvalidJson, "which one is meant?"),
        ('{"a": 1, "\\u0061": 2}', InvalidJson, "the same key, escaped"),
        ('{"__proto__": {"is_admin": 1}}', UnstorableValue, "poison for JavaScript"),
        ('"a\nb"', InvalidJson, "raw control characters are not JSON"),
        ("'a'", InvalidJson, "not JSON"),
        ("01", InvalidJson, "not JSON"),
        ("[1,]", InvalidJson, "not JSON"),
        ("[" * 13 + "]" * 13, InvalidJson, "17 levels in all"),
        ("[" * 100_000, InvalidJson, "deep and open"),
        ("[" * 100_000 + "]" * 100_000, InvalidJson, "deep and closed"),
        ('{"a":' * 100_000, InvalidJson, "deep by objects"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_cannot_be_kept_unchanged_is_refused(text: str, error: type[RequestError], why: str) -> None:
    with pytest.raises(error):
        parse(with_args(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740991", 2**53 - 1),
        ("-9007199254740991", 1 - 2**53),
        ("-0", 0),
        (r'"\ud83e\uddf1"', "\U0001f9f1"),
        (r'"\\u0000"', "\\u0000"),
        (r'"]]]]]]]]]]]]]]]]]]]][[[[[[[[[[[[[[[[[[[[[[\"[["', "]" * 20 + "[" * 22 + '"[['),
        ('"\u202e"', "\u202e"),
        ('"\uffff"', "\uffff"),
        ("[" * 12 + "]" * 12, json.loads("[" * 12 + "]" * 12)),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_merely_odd_is_kept(text: str, value: Any) -> None:
    assert parse(with_args(text)).mutations[0].args == {"x": value}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "nothing"),
        (b"\xef\xbb\xbf{}", "a byte order mark"),
        (json.dumps(envelope()).encode("utf-16"), "UTF-16 with a mark"),
        (json.dumps(envelope()).encode("utf-16-le"), "UTF-16 without"),
        (b'{"a": "\xed\xa0\x80"}', "half a pair in bytes"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\x00"}', "a raw NUL"),
        (b"<html>", "a portal"),
        (b'{"a": "', "an open string"),
        (b'{"a": "\\', "an open escape"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_our_json_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidJson):
        parse(raw)


@pytest.mark.parametrize(
    ("value", "error", "why"),
    [
        ([], InvalidRequest, "not an object"),
        (None, InvalidRequest, "not an object"),
        ("x", InvalidRequest, "not an object"),
        (envelope(protocol=2), UpgradeRequired, "another protocol"),
        (envelope(protocol=None), InvalidRequest, "no protocol"),
        (envelope(protocol=True), InvalidRequest, "true is no number"),
        (envelope(client="X"), InvalidRequest, "not a UUID"),
        (envelope(client=CLIENT.upper()), InvalidRequest, "upper case would be a second name"),
        (envelope(client=CLIENT + "\n"), InvalidRequest, "a newline behind"),
        (envelope(client=CLIENT.replace("-", "")), InvalidRequest, "without hyphens"),
        (envelope(user=None), InvalidRequest, "nobody's"),
        (envelope(sent_at=-1), InvalidRequest, "before time"),
        (envelope(sent_at="5"), InvalidRequest, "a text"),
        (envelope(cookie=5), InvalidRequest, "not a cookie"),
        (envelope(cookie="x" * (MAX_COOKIE + 1)), InvalidRequest, "no cookie of ours"),
        (envelope(limit=0), InvalidRequest, "no rows"),
        (envelope(limit=5001), InvalidRequest, "too many rows"),
        (envelope(limit=2**53 - 1), InvalidRequest, "far too many rows"),
        (envelope(device=[]), InvalidRequest, "not a report"),
        (envelope(device={"app_version": 1, "pending": 0}), InvalidRequest, "not a version"),
        (envelope(device={"app_version": "1", "pending": -1}), InvalidRequest, "less than none"),
        (envelope(mutations={}), InvalidRequest, "not a list"),
        (envelope(mutations=[None]), InvalidRequest, "not a mutation"),
        (envelope(mutations=[{}]), InvalidRequest, "an empty one"),
        (envelope(mutations=[mutation(extra=1)]), InvalidRequest, "a word that would be lost"),
        (envelope(mutations=[mutation(client=uid(12, 2))]), InvalidRequest, "another client's"),
        (envelope(mutations=[mutation(n=0)]), InvalidRequest, "numbers start at 1"),
        (envelope(mutations=[mutation(n=True)]), InvalidRequest, "true is no number"),
        (envelope(mutations=[mutation(n="1")]), InvalidRequest, "a text"),
        (envelope(mutations=[mutation(n=1), mutation(n=3)]), InvalidRequest, "a hole"),
        (envelope(mutations=[mutation(n=2), mutation(n=1)]), InvalidRequest, "backwards"),
        (envelope(mutations=[mutation(n=1), mutation(n=1)]), InvalidRequest, "twice"),
        (envelope(mutations=[mutation(name="")]), InvalidRequest, "no name"),
        (envelope(mutations=[mutation(name="x" * 65)]), InvalidRequest, "a long name"),
        (envelope(mutations=[mutation(name=None)]), InvalidRequest, "no name"),
        (envelope(mutations=[mutation(args=[])]), InvalidRequest, "not an object"),
        (envelope(mutations=[mutation(base="1")]), InvalidRequest, "a text"),
        (envelope(mutations=[mutation(base=-1)]), InvalidRequest, "less than none"),
        (envelope(mutations=[mutation(schema=0)]), InvalidRequest, "schemas start at 1"),
        (envelope(mutations=[mutation(made_at=None)]), InvalidRequest, "no instant"),
        (envelope(mutations=[mutation(n=n) for n in range(1, 502)]), TooManyMutations, "501"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_a_request_is_refused(value: Any, error: type[RequestError], why: str) -> None:
    with pytest.raises(error):
        parse(body(value))


def test_a_cookie_of_thousands_of_scopes_comes_back() -> None:
    """Else its device could never sync again."""
    scopes = {f"guest/{uid(2, 1)}/{uid(1, number)}": 2**40 for number in range(5_000)}
    cookie = seal(Cookie(uid(14, 1), uid(4, 1), 1, scopes), b"key")
    assert parse(body(envelope(cookie=cookie))).cookie == cookie


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(BodyTooLarge):
        parse(b"[" * (4 * 1024 * 1024 + 1))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'"' + b'\\"' * 2_000_000, "an open string of escaped quotes"),
        (b'"\\' * 2_000_000, "quotes and backslashes"),
        (b'""' * 2_000_000, "many strings"),
        (b"9" * 4_000_000, "one long number"),
        (b"[" + b"9" * 17 + (b"," + b"9" * 5_000) * 800 + b"]", "many long numbers"),
        (b"\\" * 4_000_000, "backslashes"),
        (b"[],".join([b"["] + [b""] * 1_300_000), "many brackets"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_time_to_refuse_grows_no_faster_than_the_body(raw: bytes, why: str) -> None:
    started = time.perf_counter()
    with pytest.raises(RequestError):
        parse(raw)
    assert time.perf_counter() - started < 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@given(JSON)
def test_whatever_is_accepted_is_what_was_said(value: Any) -> None:
    try:
        read = parse_json(json.dumps(value).encode())
    except RequestError:
        text = json.dumps(value, ensure_ascii=False)
        assert "\\u0000" in text or "__proto__" in text
    else:
        assert read == value


@given(st.binary(max_size=60) | st.text('[]{}",:\\\n 19eE.-+tfn\ufeff\x00ud8', max_size=40).map(str.encode))
def test_no_bytes_raise_anything_but_our_errors(raw: bytes) -> None:
    with pytest.raises(RequestError, match=r"\w"):
        parse(raw)
