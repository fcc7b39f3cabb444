"""Hostile bodies and headers: a clear error in one shape, nothing stored, nobody else's next pull changed."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from sync.schema import MAX_BODY_BYTES
from tests.server.conftest import Phone, Place
from tests.sync.site import ANA, EVE, NORTH

pytestmark = pytest.mark.anyio

HOLE = '"HOLE"'


@dataclass
class Case:
    """A body with something hostile in it. `value` stands where a title would; `body` replaces the whole."""

    why: str
    error: str
    status: int = 400
    value: str | None = None
    key: str | None = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def bytes_of(self, phone: Phone) -> bytes:
        if self.body is not None:
            return self.body
        text = orjson.dumps(phone.pen.request(phone.pen.creation("HOLE"))).decode()
        if self.key is not None:
            text = text.replace('"limit"', f'{self.key},"limit"')
        return text.replace(HOLE, self.value or '"title"').encode("utf-8", "surrogatepass")


JSON = "application/json"
CASES = [
    Case("an exponent beyond every float", "unstorable_value", value="1e999"),
    Case("not a number", "unstorable_value", value="NaN"),
    Case("infinity", "unstorable_value", value="-Infinity"),
    Case("a fraction: there are no floats on the wire", "unstorable_value", value="0.5"),
    Case("5,000 digits would take the interpreter's own limit", "unstorable_value", value="9" * 5000),
    Case("2^63 does not fit a database's integer", "unstorable_value", value=str(2**63)),
    Case("2^53 does not fit a browser's integer", "unstorable_value", value=str(2**53)),
    Case("a depth of 100,000 would break a recursive reader", "invalid_json", value="[" * 100_000 + "]" * 100_000),
    Case("an unclosed depth of 100,000", "invalid_json", value="[" * 100_000),
    Case("17 levels", "invalid_json", value="[" * 15 + "]" * 15),
    Case("half a surrogate pair, escaped", "unstorable_value", value=r'"\ud800"'),
    Case("half a surrogate pair, raw", "invalid_json", value='"\ud800"'),
    Case("half a surrogate pair in a key", "unstorable_value", value=r'{"\udc00":1}'),
    Case("NUL, escaped", "unstorable_value", value=r'"a\u0000b"'),
    Case("NUL, raw", "invalid_json", value='"a\x00b"'),
    Case("the same key twice", "invalid_json", value='{"a":1,"a":2}'),
    Case("the same key twice in the envelope", "invalid_json", key='"user":"x"'),
    Case("a key that JavaScript takes for the prototype", "unstorable_value", value='{"__proto__":{"is_admin":true}}'),
    Case("the same, written with an escape", "unstorable_value", value=r'{"\u005f_proto__":1}'),
    Case("UTF-16", "invalid_json", body='{"protocol":1}'.encode("utf-16")),
    Case("a byte order mark", "invalid_json", body=b"\xef\xbb\xbf{}"),
    Case("not UTF-8", "invalid_json", body=b'{"a":"\xff"}'),
    Case("an overlong slash", "invalid_json", body=b'{"a":"\xc0\xaf"}'),
    Case("nothing", "invalid_json", body=b""),
    Case("a cut-off body", "invalid_json", body=b'{"protocol":1,"mutations":[{'),
    Case("two values", "invalid_json", body=b"{} {}"),
    Case("a list at the top", "invalid_request", body=b"[]"),
    Case("null at the top", "invalid_request", body=b"null"),
    Case("an empty object", "invalid_request", body=b"{}"),
    Case("HTML from a form", "invalid_json", body=b"<html>"),
    Case("a form", "unsupported_media_type", 415, headers={"content_type": "application/x-www-form-urlencoded"}),
    Case("text, which needs no preflight", "unsupported_media_type", 415, headers={"content_type": "text/plain"}),
    Case("no type", "unsupported_media_type", 415, headers={"content_type": ""}),
    Case("JSON by another name", "unsupported_media_type", 415, headers={"content_type": "application/jsonp"}),
    Case(
        "a gzip bomb: 100 MB in 100 kB",
        "unsupported_media_type",
        415,
        body=gzip.compress(b" " * 100_000_000, 1),
        headers={"content_encoding": "gzip"},
    ),
    Case("brotli", "unsupported_media_type", 415, headers={"content_encoding": "br"}),
    Case("a byte too many, announced", "body_too_large", 413, body=b" " * (MAX_BODY_BYTES + 1)),
    Case("a length that is no number", "body_too_large", 413, headers={"content_length": "9" * 400}),
    Case("a page of another site", "cross_site", 403, headers={"sec_fetch_site": "cross-site"}),
    Case("a page of a neighbour", "cross_site", 403, headers={"sec_fetch_site": "same-site"}),
    Case("a Host that is not ours", "unknown_host", 421, headers={"host": "evil.example"}),
    Case("a Host with a trick", "unknown_host", 421, headers={"host": "localhost.evil.example:8000"}),
]


@pytest.fixture
async def people(place: Place) -> tuple[Place, Phone, Phone]:
    """Ana, who sends, and Bo's neighbour Eve, who only looks on; both know everything already."""
    ana, eve = await place.phone(ANA), await place.phone(EVE)
    await ana.sync_all()
    await eve.sync_all()
    return place, ana, eve


def assert_shape(document: dict[str, Any], error: str) -> None:
    assert document["error"] == error, document
    assert document["reason"]
    assert len(document["request_id"]) == 36
    assert set(document) <= {"error", "reason", "request_id", "hint", "max_bytes", "next_n"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
async def test_a_hostile_body_is_refused_and_leaves_no_trace(people: tuple[Place, Phone, Phone], case: Case) -> None:
    place, ana, eve = people
    before, cookie = place.stored(), eve.cookie
    answer = await ana.post(case.bytes_of(ana), **case.headers)
    assert answer.status_code == case.status, answer.text
    assert answer.headers["holdfast"] == "1"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["request-id"] == answer.json()["request_id"]
    assert_shape(answer.json(), case.error)
    assert place.stored() == before
    assert await eve.sync_all() == []
    assert eve.cookie == cookie


async def test_the_next_body_is_taken_as_if_nothing_had_been(people: tuple[Place, Phone, Phone]) -> None:
    _, ana, _ = people
    for case in CASES[:5]:
        await ana.post(case.bytes_of(ana), **case.headers)
    ana.pen = type(ana.pen)(ANA, 99, ana.pen.now)
    answer = await ana.sync(ana.pen.creation())
    assert [receipt["outcome"] for receipt in answer["receipts"]] == ["applied"]


async def test_a_body_that_does_not_say_its_length_is_cut_off_at_the_limit(people: tuple[Place, Phone, Phone]) -> None:
    """The server stops reading; it does not first take in what it will refuse."""
    place, ana, _ = people
    before, given = place.stored(), 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 65_536
            yield b" " * 65_536

    answer = await ana.http.post("/sync", content=endless(), headers={"content-type": JSON})
    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")
    assert given <= MAX_BODY_BYTES + 2 * 65_536
    assert place.stored() == before


async def test_a_body_may_be_as_long_as_the_limit(people: tuple[Place, Phone, Phone]) -> None:
    _, ana, _ = people
    body = orjson.dumps(ana.pen.request(ana.pen.creation()))
    answer = await ana.post(body + b" " * (MAX_BODY_BYTES - len(body)))
    assert answer.status_code == 200


async def test_501_mutations_are_too_many_and_500_are_not(people: tuple[Place, Phone, Phone]) -> None:
    place, ana, _ = people
    before = place.stored()
    mutations = [ana.pen.creation(sector_id=NORTH) for _ in range(501)]
    answer = await ana.post(ana.pen.request(*mutations))
    assert (answer.status_code, answer.json()["error"]) == (413, "too_many_mutations")
    assert place.stored() == before
    taken = await ana.sync(*mutations[:500])
    assert {receipt["outcome"] for receipt in taken["receipts"]} == {"applied"}


async def test_a_missing_origin_is_refused_and_a_matching_one_does(people: tuple[Place, Phone, Phone]) -> None:
    """Browsers without Sec-Fetch-Site send an Origin with every POST."""
    _, ana, _ = people
    del ana.http.headers["sec-fetch-site"]
    assert (await ana.post(ana.pen.request())).json()["error"] == "cross_site"
    for origin in ("https://evil.example", "null", "http://[::1", "http://localhost@evil.example", "//localhost"):
        assert (await ana.post(ana.pen.request(), origin=origin)).json()["error"] == "cross_site", origin
    assert (await ana.post(ana.pen.request(), origin="http://localhost")).status_code == 200
