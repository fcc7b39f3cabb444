"""Photos by random networks and servers: all arrive whole, once, at little cost, and none stops another."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from sync.uploading import NOTHING_OWN, PART_BYTES, Photo, Uploads, fresh_photo, fresh_uploads, is_owed, step

HOUR_MS = 3_600_000
GOOD: dict[str, Any] = {
    "kind": "answer",
    "status": 204,
    "error": "",
    "upload": None,
    "offset_bytes": None,
    "retry_after_ms": 0,
}
Fault = Callable[[dict[str, Any]], dict[str, Any] | None]


class Server:
    """Stores what arrives whole; `fault` may answer in its place, before or after it took effect."""

    def __init__(self, fault: Fault = lambda sent: None) -> None:
        self.fault = fault
        self.stored: list[tuple[str, str]] = []
        self.uploads: dict[str, dict[str, Any]] = {}
        self.sent_bytes = 0

    def take(self, sent: dict[str, Any], lost: float, chance: random.Random) -> dict[str, Any]:
        is_part = sent["method"] == "part"
        self.sent_bytes += sent["size_bytes"] if is_part else 0
        said = self.fault(sent)
        if said is not None:
            return {**GOOD, **said}
        if chance.random() < lost / 2:
            return {**GOOD, "kind": "unreachable", "status": 0}
        said = self._answer(sent)
        if chance.random() < lost / 2:
            return {**GOOD, "kind": "unreachable", "status": 0}
        return {**GOOD, **said}

    def _answer(self, sent: dict[str, Any]) -> dict[str, Any]:
        if sent["method"] == "create":
            if (sent["photo_id"], sent["file"]) in self.stored:
                return {"status": 409, "error": "already_stored"}
            name = f"u{len(self.uploads)}"
            self.uploads[name] = {"size": sent["size_bytes"], "offset": 0}
            return {"status": 201, "upload": name}
        upload = self.uploads[sent["upload"]]
        if sent["method"] == "part":
            if upload["offset"] != sent["offset_bytes"]:
                return {"status": 409, "error": "offset_mismatch", "offset_bytes": upload["offset"]}
            upload["offset"] += sent["size_bytes"]
            if upload["offset"] == upload["size"]:
                self.stored.append((sent["photo_id"], sent["file"]))
        return {"offset_bytes": upload["offset"]}


def _photos(*sizes: int, thumb: int = 9_000) -> list[Photo]:
    made = [fresh_photo(f"p{k}", size, thumb) for k, size in enumerate(sizes)]
    for photo in made:
        photo["outcome"] = "applied"
    return made


def _run(state: Uploads, server: Server, chance: random.Random, lost: float = 0, kills: float = 0) -> Uploads:
    """Until nothing that time alone helps is left; processes die before their step is stored with chance `kills`."""
    now = 1_000
    for _ in range(2_000):
        state, actions = step(state, {"type": "wake", "now": now, "network": "wifi", "is_forced": False})
        while sent := next((action for action in actions if action["type"] == "send"), None):
            landed = server.take(sent, lost, chance)
            if chance.random() < kills:
                state, actions = _killed(state), [{"type": "wait", "at": now}]
                break
            given = {"type": "landed", "request": sent["request"], "now": now, "network": "wifi", "jitter": 0, **landed}
            state, actions = step(state, given)
        wait = next((action["at"] for action in actions if action["type"] == "wait"), None)
        if wait is None:
            return state
        now = max(now, wait)
    raise AssertionError("it never ends")


def _killed(state: Uploads) -> Uploads:
    mixed: Any = {**state, **NOTHING_OWN}
    return mixed  # type: ignore[no-any-return]


@pytest.mark.parametrize("seed", range(60))
def test_every_photo_arrives_once_however_often_lines_are_cut_and_processes_die(seed: int) -> None:
    chance = random.Random(seed)
    sizes = [chance.choice((1, 40_000, PART_BYTES, 3 * PART_BYTES + 17)) for _ in range(chance.randint(1, 6))]
    server = Server()
    state = _run(fresh_uploads(_photos(*sizes), "any"), server, chance, lost=0.3, kills=0.1)
    assert [photo["picture"]["is_stored"] for photo in state["photos"]] == [True] * len(sizes)
    assert sorted(server.stored) == sorted({*server.stored}), "nothing is stored twice"


@pytest.mark.parametrize("cut", range(1, 9))
def test_three_cuts_cost_at_most_three_parts(cut: int) -> None:
    size = 4 * PART_BYTES + 5
    requests = iter(range(1_000))

    def fault(_sent: dict[str, Any]) -> dict[str, Any] | None:
        return {"kind": "unreachable", "status": 0} if next(requests) in (cut, cut + 2, cut + 5) else None

    server = Server(fault)
    _run(fresh_uploads(_photos(size, thumb=0), "any"), server, random.Random(1))
    assert server.stored == [("p0", "picture")]
    assert server.sent_bytes <= size + 3 * PART_BYTES


BAD = [
    (422, "hash_mismatch", True, "the row says another hash, and sending it anew did not help"),
    (413, "body_too_large", True, "the server takes none so large"),
    (400, "size_mismatch", True, "the row says another size"),
    (404, "not_found", True, "its row is gone"),
]


@pytest.mark.parametrize(("status", "error", "is_stuck", "why"), BAD, ids=[row[1] for row in BAD])
def test_a_bad_photo_waits_for_a_person_while_the_others_arrive(
    status: int, error: str, is_stuck: bool, why: str
) -> None:
    server = Server(lambda sent: {"status": status, "error": error} if sent["photo_id"] == "p0" else None)
    state = _run(fresh_uploads(_photos(10, PART_BYTES, 10), "any"), server, random.Random(1))
    assert [photo["picture"]["is_stored"] for photo in state["photos"]] == [False, True, True], why
    assert (state["photos"][0]["is_stuck"], state["photos"][0]["reason"]) == (is_stuck, error), why
    urged, actions = step(state, {"type": "urge", "ids": None})
    assert [action["photo"]["id"] for action in actions] == ["p0"]
    server.fault = lambda sent: None
    assert not any(is_owed(photo) for photo in _run(urged, server, random.Random(1))["photos"])


def test_a_server_that_breaks_over_one_photo_gets_the_others() -> None:
    server = Server(lambda sent: {"status": 500, "error": "internal"} if sent["photo_id"] == "p0" else None)
    state, now = fresh_uploads(_photos(10, 10, 10), "any"), 0
    for _ in range(60):
        state, actions = step(state, {"type": "wake", "now": now, "network": "wifi", "is_forced": True})
        while sent := next((action for action in actions if action["type"] == "send"), None):
            landed = server.take(sent, 0, random.Random(1))
            given = {"type": "landed", "request": sent["request"], "now": now, "network": "wifi", "jitter": 0, **landed}
            state, actions = step(state, given)
        now += HOUR_MS
    assert {photo for photo, file in server.stored if file == "picture"} == {"p1", "p2"}
    assert not state["photos"][0]["is_stuck"], "the server may be mended"


HELD = [
    ("any", "metered", True, "nobody asked to wait"),
    ("wifi", "wifi", True, "here it is"),
    ("wifi", "metered", False, "not over this network"),
    ("wifi", "unknown", False, "where the browser does not tell, a person decides"),
]


@pytest.mark.parametrize(("policy", "network", "goes", "why"), HELD, ids=[f"{row[0]}-{row[1]}" for row in HELD])
def test_the_policy_is_judged_when_sending(policy: Any, network: str, goes: bool, why: str) -> None:
    state = fresh_uploads(_photos(10), policy)
    _, actions = step(state, {"type": "wake", "now": 0, "network": network, "is_forced": True})
    assert [action["type"] for action in actions] == (["send"] if goes else []), why
    urged, _ = step(state, {"type": "urge", "ids": ["p0"]})
    _, actions = step(urged, {"type": "wake", "now": 0, "network": network, "is_forced": False})
    assert [action["type"] for action in actions] == ["send"], "a person's word goes over any network"


WAITING = [
    (None, False, "no receipt yet"),
    ("applied", True, "its row is there"),
    ("merged", True, "its row is there"),
    ("parked", True, "its row may come any moment"),
    ("refused", False, "its row will never be there"),
]


@pytest.mark.parametrize(("outcome", "goes", "why"), WAITING, ids=[str(row[0]) for row in WAITING])
def test_bytes_go_after_the_receipt_of_the_row(outcome: str | None, goes: bool, why: str) -> None:
    [photo] = _photos(10)
    photo["outcome"] = outcome
    _, actions = step(fresh_uploads([photo], "any"), {"type": "wake", "now": 0, "network": "wifi", "is_forced": True})
    assert bool(actions) is goes, why
