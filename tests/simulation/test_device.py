"""What the device's reducer promises, one example each; the random walks are elsewhere."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sync.device import BATCH, WAIT_CAP_MS, Device, fresh_device, is_all_on_server, pending, step
from tests.simulation.bugs import BUGS

NOW = 1_795_457_000_000
OWN = ("requests", "flight", "batch", "failures", "retry_at")


def with_entries(count: int) -> Device:
    state = fresh_device("c1", "u1")
    for number in range(1, count + 1):
        given: dict[str, Any] = {
            "type": "mutate",
            "id": f"e{number}",
            "name": "noted",
            "args": {},
            "base": None,
            "made_at": NOW,
        }
        state, _ = step(state, given)
    return state


def wake(state: Device, now: int = NOW, *, is_forced: bool = False) -> tuple[Device, list[dict[str, Any]]]:
    return step(state, {"type": "wake", "now": now, "is_forced": is_forced})


def answer(state: Device, cookie: str = "k1", *, complete: bool = True, ids: list[str] | None = None) -> Any:
    flight = state["flight"]
    assert flight is not None
    receipts = [{"id": key, "outcome": "applied"} for key in (flight["ids"] if ids is None else ids)]
    body = {"receipts": receipts, "cookie": cookie, "complete": complete}
    return step(state, {"type": "answer", "request": flight["request"], "now": NOW, "body": body})


def fail(state: Device, kind: str = "refused", **more: Any) -> Any:
    flight = state["flight"]
    assert flight is not None
    given = {"status": None, "error": None, "retry_after_ms": 0, "next_n": None, "jitter": 0, "fresh_id": "f1", **more}
    return step(state, {"type": "failure", "request": flight["request"], "now": NOW, "kind": kind, **given})


def other_sender(durable: Device, own: Device) -> Device:
    """The same outbox as `durable`, seen by the sender with the memory of `own`."""
    return cast("Device", {**durable, **{name: cast("Any", own)[name] for name in OWN}})


def states(state: Device) -> list[tuple[str, str]]:
    return [(entry["id"], entry["state"]) for entry in state["entries"]]


@pytest.mark.parametrize(
    ("kind", "status", "error", "why"),
    [
        ("unreachable", None, None, "no line"),
        ("not_ours", 200, None, "a captive portal"),
        ("storage", 200, None, "the answer could not be stored"),
        ("refused", 500, "internal", "a 5xx is not sent"),
        ("refused", 503, "unavailable", "the server says later"),
        ("refused", 429, "slow_down", "the server says slower"),
        ("refused", 401, "sign_in_required", "the session is over"),
        ("refused", 403, "actor_mismatch", "another user is signed in"),
        ("refused", 403, "client_revoked", "the phone was revoked"),
        ("refused", 426, "upgrade_required", "the app is too old"),
        ("refused", 418, "never_heard_of", "an error of a later version"),
    ],
)
def test_no_failure_takes_an_entry_from_the_outbox(kind: str, status: int | None, error: str | None, why: str) -> None:
    state, _ = wake(with_entries(3))
    after, actions = fail(state, kind, status=status, error=error)
    assert states(after) == [("e1", "tried"), ("e2", "tried"), ("e3", "tried")], why
    assert after["trouble"] is not None, why
    assert not is_all_on_server(after, 0), why
    assert {action["type"] for action in actions} <= {"wait"}, why


def test_an_answer_without_one_of_the_receipts_is_no_answer() -> None:
    state, _ = wake(with_entries(2))
    after, _ = answer(state, ids=["e1"])
    assert states(after) == [("e1", "tried"), ("e2", "tried")]
    assert after["trouble"] == "server"


def test_what_another_sender_had_acknowledged_since_is_overlaid_until_rows_include_it() -> None:
    shared = with_entries(1)
    slow, _ = wake(shared)  # carries e1
    quick = cast("Device", {**other_sender(slow, shared), "batch": 0})  # asks for rows while e1 is on its way
    quick, _ = wake(quick)
    moved = other_sender(cast("Device", {**slow, "cookie": "k0"}), slow)  # a third one moved the cursor meanwhile
    acked, _ = answer(moved)
    late = other_sender(acked, quick)
    late = cast("Device", {**late, "cookie": quick["flight"]["cookie"] if quick["flight"] else None})
    after, _ = answer(late, "k2")
    assert ("e1", "acked") in states(after), "its rows were read before e1 was in"
    assert answer(after, "k3")[0]["entries"] == []


def test_that_example_notices_the_planted_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    BUGS["pruned_before_covered"](monkeypatch)
    with pytest.raises(AssertionError, match="before e1 was in"):
        test_what_another_sender_had_acknowledged_since_is_overlaid_until_rows_include_it()


def test_an_answer_for_another_cookie_is_not_applied_but_asked_for_again() -> None:
    state, _ = wake(with_entries(1))
    after, actions = answer(cast("Device", {**state, "cookie": "moved"}))
    assert [action["type"] for action in actions] == ["put", "send"]
    assert states(after) == [("e1", "acked")]
    assert after["cookie"] == "moved"


def test_half_an_answer_ends_no_overlay() -> None:
    state, _ = wake(with_entries(1))
    after, actions = answer(state, complete=False)
    assert states(after) == [("e1", "acked")]
    assert [action for action in actions if action["type"] == "apply"] == [{"type": "apply", "prune": []}]


@pytest.mark.parametrize(
    ("later_ms", "is_sent", "why"),
    [
        (0, False, "too early"),
        (60_000, True, "due"),
        (-86_400_000, True, "the clock was put back a day: that is no reason to wait a day"),
        (-400 * 86_400_000, True, "nor a year"),
    ],
)
def test_a_clock_put_back_does_not_silence_a_phone(later_ms: int, is_sent: bool, why: str) -> None:
    state, _ = wake(with_entries(1))
    state, _ = fail(state, "unreachable")
    _, actions = wake(state, NOW + later_ms)
    assert any(action["type"] == "send" for action in actions) == is_sent, why


def test_no_server_makes_a_phone_wait_for_days() -> None:
    state, _ = wake(with_entries(1))
    after, _ = fail(state, status=503, error="unavailable", retry_after_ms=30 * 86_400_000)
    assert after["retry_at"] == NOW + WAIT_CAP_MS


def test_two_senders_with_the_same_poison_lose_nothing() -> None:
    shared = with_entries(1)
    first, _ = wake(shared)
    second, _ = wake(other_sender(first, shared))
    first, actions = fail(first, status=400, error="unstorable_value")
    assert [action["entry"]["id"] for action in actions if action["type"] == "quarantine"] == ["e1"]
    second, actions = fail(other_sender(first, second), status=400, error="unstorable_value", fresh_id="f2")
    assert [action for action in actions if action["type"] == "quarantine"] == []
    assert states(second) == [("f1", "tried")], "the noop that keeps the number stays"


def test_one_poison_entry_costs_only_itself() -> None:
    state, _ = wake(with_entries(100))
    quarantined: list[str] = []
    for turn in range(60):
        flight = state["flight"]
        if flight is None:
            break
        if "e42" in flight["ids"]:
            state, actions = fail(state, status=400, error="unstorable_value", fresh_id=f"noop{turn}")
        else:
            state, actions = answer(state, f"k{turn}")
        quarantined += [action["entry"]["id"] for action in actions if action["type"] == "quarantine"]
    assert quarantined == ["e42"]
    assert state["entries"] == []
    assert not is_all_on_server(state, 1), "the server never had e42"


def test_a_fork_takes_a_new_client_and_keeps_the_ids() -> None:
    state, _ = wake(with_entries(3))
    after, _ = fail(state, status=409, error="fork", fresh_id="c2")
    assert [(entry["id"], entry["n"]) for entry in after["entries"]] == [("e1", 1), ("e2", 2), ("e3", 3)]
    assert (after["client"], after["next_n"]) == ("c2", 4)


def test_a_fork_that_another_sender_has_dealt_with_is_not_dealt_with_again() -> None:
    shared = with_entries(2)
    first, _ = wake(shared)
    second, _ = wake(other_sender(first, shared))
    first, _ = fail(first, status=409, error="fork", fresh_id="c2")
    second, _ = fail(other_sender(first, second), status=409, error="fork", fresh_id="c3")
    assert second["client"] == "c2"


def test_a_gap_that_cannot_be_filled_is_no_busy_loop() -> None:
    state, _ = wake(with_entries(2))
    after, actions = fail(state, status=409, error="gap", next_n=1)
    assert [action["type"] for action in actions] == ["wait"]
    assert len(pending(after)) == 2


def test_a_new_process_tries_once_more_what_paused_the_old_one() -> None:
    state, _ = wake(with_entries(1))
    state, _ = fail(state, status=426, error="upgrade_required")
    assert wake(state)[1] == []
    state, _ = step(state, {"type": "restart"})
    assert [action["type"] for action in wake(state)[1]] == ["put", "send"]


@pytest.mark.parametrize("way", ["amend", "discard"])
def test_what_was_tried_is_immutable(way: str) -> None:
    state, _ = wake(with_entries(1))
    given = {"type": way, "id": "e1", "args": {"text": "other"}, "noop_id": "x", "made_at": NOW}
    after, actions = step(state, given)
    assert after == state
    assert actions == [{"type": "denied", "id": "e1", "reason": "tried"}]


def test_a_discarded_entry_leaves_its_number_to_a_noop() -> None:
    after, _ = step(with_entries(3), {"type": "discard", "id": "e2", "noop_id": "x", "made_at": NOW})
    assert [(entry["id"], entry["n"], entry["name"]) for entry in after["entries"]] == [
        ("e1", 1, "noted"),
        ("x", 2, "noop"),
        ("e3", 3, "noted"),
    ]
    assert step(after, {"type": "discard", "id": "x", "noop_id": "y", "made_at": NOW})[1][0]["type"] == "denied"


def test_the_state_passed_in_is_not_changed() -> None:
    state = with_entries(BATCH + 5)
    text = repr(state)
    sent, _ = wake(state)
    answer(sent)
    assert repr(state) == text
