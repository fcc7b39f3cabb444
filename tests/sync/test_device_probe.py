"""A phone that reaches nobody asks before it sends, so that what was never sent stays its author's to change (3)."""

from __future__ import annotations

from typing import Any

import pytest

from sync.device import Device, fresh_device, pending, step

NOW = 1_795_457_000_000


def offline_phone(trouble: str) -> Device:
    """A phone whose last request failed, and which then wrote one entry."""
    state, _ = step(fresh_device("c1", "u1"), {"type": "wake", "now": NOW, "is_forced": False})
    state, _ = fail(state, trouble)
    wrote: dict[str, Any] = {
        "type": "mutate",
        "id": "e1",
        "name": "comment.add",
        "args": {},
        "base": None,
        "made_at": NOW,
    }
    return step(state, wrote)[0]


def fail(state: Device, kind: str) -> tuple[Device, list[dict[str, Any]]]:
    assert state["flight"] is not None
    refused = {"kind": "refused", "status": 503, "error": "unavailable"}
    told = refused if kind == "server" else {"kind": kind, "status": 0, "error": ""}
    more = {"retry_after_ms": 0, "next_n": 0, "jitter": 999, "fresh_id": "f1"}
    return step(state, {"type": "failure", "request": state["flight"]["request"], "now": NOW, **told, **more})


def wake(state: Device) -> tuple[Device, list[dict[str, Any]]]:
    return step(state, {"type": "wake", "now": NOW, "is_forced": True})


def answered(state: Device) -> tuple[Device, list[dict[str, Any]]]:
    assert state["flight"] is not None
    body = {"receipts": [], "cookie": "k1", "complete": True}
    return step(state, {"type": "answer", "request": state["flight"]["request"], "now": NOW, "body": body})


def sent(actions: list[dict[str, Any]]) -> list[str]:
    return [
        mutation["id"] for action in actions if action["type"] == "send" for mutation in action["body"]["mutations"]
    ]


@pytest.mark.parametrize("trouble", ["unreachable", "not_ours", "server"])
def test_what_is_written_while_nobody_answers_can_still_be_discarded_after_many_tries(trouble: str) -> None:
    state = offline_phone(trouble)
    for _ in range(5):
        state, actions = wake(state)
        assert sent(actions) == []
        state, _ = fail(state, trouble)
    after, actions = step(state, {"type": "discard", "id": "e1", "noop_id": "x1", "made_at": NOW})
    assert [action["type"] for action in actions] == ["remove", "put"]
    assert [entry["name"] for entry in pending(after)] == ["noop"]


def test_the_entry_goes_as_soon_as_somebody_answers() -> None:
    state, _ = wake(offline_phone("unreachable"))
    state, actions = answered(state)
    assert sent(actions) == ["e1"]


def test_a_full_phone_sends_without_asking_first() -> None:
    _, actions = wake(offline_phone("storage"))
    assert sent(actions) == ["e1"]


def test_a_server_that_answers_but_takes_nothing_is_asked_less_and_less() -> None:
    state = offline_phone("server")
    waits: list[int] = []
    for _ in range(5):
        state, _ = wake(state)
        state, actions = answered(state)
        assert sent(actions) == ["e1"]
        state, actions = fail(state, "server")
        waits.append(actions[-1]["at"] - NOW)
    assert waits == sorted(waits)
    assert waits[-1] > 8 * waits[0]


def test_a_server_that_reads_nothing_costs_one_entry_its_place_and_is_asked_less_and_less() -> None:
    """Neither a hot loop nor a heap of entries set aside: the number's noop is refused too, so it is not the entry."""
    state = fresh_device("c1", "u1")
    for key in ("e1", "e2"):
        wrote: dict[str, Any] = {"id": key, "name": "comment.add", "args": {}, "base": None, "made_at": NOW}
        state, _ = step(state, {"type": "mutate", **wrote})
    refused = {"kind": "refused", "status": 413, "error": "body_too_large", "retry_after_ms": 0, "next_n": 0}
    set_aside: list[str] = []
    requests = 0
    state, _ = wake(state)
    for number in range(40):
        assert state["flight"] is not None
        told = {**refused, "jitter": 0, "fresh_id": f"f{number}", "request": state["flight"]["request"], "now": NOW}
        state, actions = step(state, {"type": "failure", **told})
        set_aside += [action["entry"]["id"] for action in actions if action["type"] == "quarantine"]
        if state["flight"] is None:
            break
        requests += 1
    assert set_aside == ["e1"]
    assert requests <= 3
    assert state["retry_at"] is not None
    assert [entry["id"] for entry in pending(state)][1:] == ["e2"]


@pytest.mark.parametrize(("kind", "status"), [("stalled", None), ("refused", 408)])
def test_a_line_too_slow_for_many_at_once_gets_fewer_until_everything_is_there(kind: str, status: int | None) -> None:
    """It carries three at a time, and probes that carry none say nothing about that (8)."""
    state = fresh_device("c1", "u1")
    for number in range(150):
        wrote: dict[str, Any] = {"id": f"e{number}", "name": "comment.add", "args": {}, "base": None, "made_at": NOW}
        state, _ = step(state, {"type": "mutate", **wrote})
    more = {"retry_after_ms": 0, "next_n": 0, "jitter": 0, "fresh_id": "f1", "error": "", "now": NOW}
    arrived: set[str] = set()
    for _ in range(400):
        if not pending(state):
            break
        if state["flight"] is None:
            state, _ = wake(state)
        assert state["flight"] is not None
        request, ids = state["flight"]["request"], state["flight"]["ids"]
        if len(ids) > 3:
            state, _ = step(state, {"type": "failure", "request": request, "kind": kind, "status": status, **more})
        else:
            arrived.update(ids)
            receipts = [{"id": one, "outcome": "applied"} for one in ids]
            body = {"receipts": receipts, "cookie": f"k{request}", "complete": True}
            state, _ = step(state, {"type": "answer", "request": request, "now": NOW, "body": body})
    assert len(arrived) == 150


def test_rows_that_do_not_come_whole_in_time_are_asked_for_in_smaller_pages() -> None:
    state, actions = wake(fresh_device("c1", "u1"))
    limits = [actions[-1]["body"]["limit"]]
    for _ in range(4):
        state, _ = fail(state, "stalled")
        state, actions = wake(state)
        limits.append(actions[-1]["body"]["limit"])
    assert limits == [2_000, 1_000, 500, 240, 120]
