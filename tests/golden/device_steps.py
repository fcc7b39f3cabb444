"""Random walks of the device's reducer: senders that share an outbox, every input, honest and dishonest answers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from sync.device import Device, fresh_device, step

OWN = ("requests", "flight", "batch", "failures", "retry_at")
"""The parts of the state that each sender has for itself."""

ERRORS = (
    (400, "invalid_request"),
    (400, "unstorable_value"),
    (400, "unstorable_value"),
    (401, "sign_in_required"),
    (401, "sign_in_required"),
    (403, "actor_mismatch"),
    (403, "client_revoked"),
    (403, "cross_site"),
    (409, "gap"),
    (409, "gap"),
    (409, "fork"),
    (413, "body_too_large"),
    (415, "unsupported_media_type"),
    (426, "upgrade_required"),
    (429, "slow_down"),
    (500, "internal"),
    (503, "unavailable"),
)
TEXTS = ("cracked", "Fuge läuft ✓", "", "😀")
OUTCOMES = ("applied", "merged", "conflict", "parked", "refused")
WAYS = "mutate mutate mutate amend discard wake wake answer answer failure failure signed_in".split()


def device_steps(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Endless steps; a new device every few dozen."""
    while True:
        yield from _Walk(chance).steps(chance.randint(20, 80))


class _Walk:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ids = 0
        self._now = 1_795_457_000_000
        first = fresh_device(self._id(), self._id())
        if chance.random() < 0.6:
            first["batch"] = chance.choice((1, 1, 2, 4))
        self._senders = [first for _ in range(chance.choice((1, 1, 2, 3)))]

    def steps(self, count: int) -> Iterator[dict[str, Any]]:
        for _ in range(count):
            at = self._chance.randrange(len(self._senders))
            state = self._senders[at]
            given = self._given(state)
            after, actions = step(state, given)
            self._adopt(at, after)
            yield {"kind": "device", "state": state, "input": given, "state_after": after, "actions": actions}

    def _adopt(self, at: int, after: Device) -> None:
        """What is durable is everybody's."""
        for index, sender in enumerate(self._senders):
            own = after if index == at else sender
            mixed: Any = {**after, **{name: own[name] for name in OWN}}  # type: ignore[literal-required]
            self._senders[index] = mixed

    def _given(self, state: Device) -> dict[str, Any]:
        self._now += self._chance.choice((0, 1, 400, 5_000, 70_000, -3_600_000, 3_600_000))
        way = self._chance.choice(WAYS) if self._chance.random() < 0.96 else "restart"
        if way in ("answer", "failure") and state["flight"] is None and self._chance.random() < 0.9:
            way = "wake"
        given: dict[str, Any] = getattr(self, f"_{way}")(state)
        return {"type": way, **given}

    def _mutate(self, state: Device) -> dict[str, Any]:
        if len(state["entries"]) > 12:
            return {"id": self._id(), "name": "noop", "args": {}, "base": None, "made_at": self._now}
        args = {
            "id": self._id(),
            "item_id": self._id(),
            "text": self._chance.choice(TEXTS),
        }
        base = self._chance.choice((None, 0, 1, 17))
        return {"id": self._id(), "name": "comment.add", "args": args, "base": base, "made_at": self._now}

    def _amend(self, state: Device) -> dict[str, Any]:
        return {"id": self._some_entry(state), "args": {"text": f"again {self._now}"}, "made_at": self._now}

    def _discard(self, state: Device) -> dict[str, Any]:
        return {"id": self._some_entry(state), "noop_id": self._id(), "made_at": self._now}

    def _wake(self, state: Device) -> dict[str, Any]:
        return {"now": self._now, "is_forced": self._chance.random() < 0.4}

    def _signed_in(self, state: Device) -> dict[str, Any]:
        return {"now": self._now}

    def _restart(self, state: Device) -> dict[str, Any]:
        return {}

    def _answer(self, state: Device) -> dict[str, Any]:
        ids = list((state["flight"] or {"ids": []})["ids"])
        if ids and self._chance.random() < 0.1:
            ids.pop()
        receipts = [{"id": key, "outcome": self._chance.choice(OUTCOMES)} for key in ids]
        body = {
            "receipts": receipts,
            "cookie": self._chance.choice((state["cookie"] or "c0", f"c{self._ids}")),
            "complete": self._chance.random() < 0.7,
            "scopes": [],
        }
        return {"request": self._request(state), "now": self._now, "body": body}

    def _failure(self, state: Device) -> dict[str, Any]:
        kind = self._chance.choice(("unreachable", "stalled", "not_ours", "storage", "refused", "refused", "refused"))
        status, error = self._chance.choice(ERRORS) if kind == "refused" else (None, None)
        if kind == "refused" and len((state["flight"] or {"ids": []})["ids"]) == 1 and self._chance.random() < 0.3:
            status, error = 400, "unstorable_value"
        numbers = [entry["n"] for entry in state["entries"]]
        return {
            "request": self._request(state),
            "now": self._now,
            "kind": kind,
            "status": status,
            "error": error,
            "retry_after_ms": self._chance.choice((0, 0, 0, 30_000, 86_400_000)),
            "next_n": self._chance.choice([1, state["next_n"], *numbers]) if error == "gap" else None,
            "jitter": self._chance.randrange(1_000),
            "fresh_id": self._id(),
        }

    def _request(self, state: Device) -> int:
        return state["requests"] - (1 if self._chance.random() < 0.1 else 0)

    def _some_entry(self, state: Device) -> str:
        ids = [entry["id"] for entry in state["entries"]]
        return self._chance.choice(ids) if ids and self._chance.random() < 0.9 else self._id()

    def _id(self) -> str:
        self._ids += 1
        return f"0192f0c1-7a4e-7cc0-8000-{self._chance.randrange(2**16):04x}{self._ids:08x}"
