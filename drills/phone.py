"""A phone without a screen: the device's own reducer, an outbox in memory, and real requests.

It remembers the bytes of every receipt, because a receipt is a promise: what it speaks of is in the database.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from drills.line import Line
from server.clock import clock_ms
from server.ids import new_id
from sync.device import fresh_device, pending, step

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from sync.device import Device, Input

JSON: Final = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Made:
    """A mutation as the person made it, with its number."""

    n: int
    body: dict[str, Any]


@dataclass(slots=True)
class Memory:
    """What a phone knows for sure, for the comparison at the end."""

    made: dict[str, Made] = field(default_factory=dict)
    receipts: dict[str, str] = field(default_factory=dict)
    """Mutation → the bytes of its receipt, as text."""
    trouble: list[str] = field(default_factory=list)
    """What must never happen: two different receipts, an entry put aside, a new client id."""


class Phone(threading.Thread):
    """Works in one sector until told to stop, then goes on sending until its outbox is empty."""

    def __init__(
        self,
        port: int,
        login: str,
        password: str,
        sector_id: str,
        random: Random,
        clock: Callable[[], int] = clock_ms,
    ) -> None:
        super().__init__(name=f"phone of {login}", daemon=True)
        self.memory = Memory()
        self.client = new_id()
        self.line = Line(port)
        self._login = login
        self._password = password
        self._sector_id = sector_id
        self._random = random
        self._items: list[str] = []
        self._clock = clock
        self._device: Device | None = None
        self._is_working = threading.Event()
        self._is_over = threading.Event()
        self._is_working.set()

    def run(self) -> None:
        """Sign in, work, send; every failure is followed by another try."""
        while not self._is_over.is_set():
            if self._device is None:
                self._sign_in()
                continue
            if self._is_working.is_set():
                self._work()
            self._give({"type": "wake", "now": self._clock(), "is_forced": True})
            time.sleep(0.05 + self._random.random() * 0.15)

    def rest(self) -> None:
        """Make nothing new; go on sending."""
        self._is_working.clear()

    def end(self) -> None:
        """Send nothing more."""
        self._is_over.set()

    def close(self) -> None:
        """Hang up, once the thread is through."""
        self.line.hang_up()

    @property
    def unsent(self) -> int:
        """Mutations without a receipt."""
        return 0 if self._device is None else len(pending(self._device))

    def send_again(self, ids: list[str]) -> list[str]:
        """Push mutations that are acknowledged already, in their order; returns the receipts' bytes."""
        assert self._device is not None  # noqa: S101 - only phones that signed in have anything to send again
        bodies = [self._on_the_wire(entry_id) for entry_id in ids]
        asked = {"protocol": 1, "schema": 1, "client": self.client, "user": self._device["user"], "limit": 1}
        body = {**asked, "sent_at": self._clock(), "cookie": self._device["cookie"], "mutations": bodies}
        status, text = self._post("/sync", body)
        if status != 200:
            raise RuntimeError(f"The server refused what it had taken before: {status} {text[:300]}")
        return receipts_in(text)

    def _on_the_wire(self, entry_id: str) -> dict[str, Any]:
        made = self.memory.made[entry_id]
        return {**made.body, "client": self.client, "n": made.n}

    def _sign_in(self) -> None:
        try:
            status, text = self._post("/session", {"login": self._login, "password": self._password, "device": "drill"})
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
            return
        if status == 200:
            self._device = fresh_device(self.client, json.loads(text)["user"]["id"])
        elif status in (401, 403):
            self.memory.trouble.append(f"{self._login} could not sign in: {text[:200]}")
            self.end()

    def _work(self) -> None:
        """One to three acts: new items, comments, edits of the own items."""
        for _ in range(self._random.randint(1, 3)):
            kind = self._random.random()
            if not self._items or kind < 0.5:
                item_id = new_id()
                title = f"Found by {self._login}, number {len(self._items) + 1}"
                self._mutate("item.create", {"id": item_id, "sector_id": self._sector_id, "title": title})
                self._items.append(item_id)
            elif kind < 0.8:
                item_id = self._random.choice(self._items)
                self._mutate("comment.add", {"id": new_id(), "item_id": item_id, "text": "Seen again."})
            else:
                args = {"set": {"location": f"Room {self._random.randint(1, 99)}"}, "was": {"location": ""}}
                self._mutate("item.edit", {"id": self._random.choice(self._items), **args}, base=1)

    def _mutate(self, name: str, args: dict[str, Any], base: int | None = None) -> str:
        """Write an entry; returns its id."""
        assert self._device is not None  # noqa: S101 - nobody works before having signed in
        entry_id, made_at = new_id(), self._clock()
        n = self._device["next_n"]
        self._give({"type": "mutate", "id": entry_id, "name": name, "args": args, "base": base, "made_at": made_at})
        body = {"id": entry_id, "name": name, "args": args, "base": base, "schema": 1, "made_at": made_at}
        self.memory.made[entry_id] = Made(n, body)
        return entry_id

    def _give(self, given: Input) -> None:
        """One input, and all that follows from it until nothing is to be sent."""
        waiting = [given]
        while waiting and self._device is not None:
            self._device, actions = step(self._device, waiting.pop())
            for action in actions:
                if action["type"] == "send":
                    waiting.append(self._send(action["request"], action["body"]))
                elif action["type"] == "quarantine":
                    self.memory.trouble.append(f"an entry was put aside: {action['error']}")
        if self._device is not None and self._device["client"] != self.client:
            self.memory.trouble.append("the server took this phone for a copy of itself")
            self.client = self._device["client"]

    def _send(self, request: int, body: dict[str, Any]) -> Input:
        body["device"]["app_version"] = "drill"
        try:
            status, text = self._post("/sync", body)
            answer = json.loads(text)
        except (OSError, http.client.HTTPException, ValueError):
            return self._failure(request, "unreachable", 0, None)
        if status == 200:
            self._remember([entry["id"] for entry in body["mutations"]], receipts_in(text))
            return {"type": "answer", "request": request, "now": self._clock(), "body": answer}
        if status == 401:
            self.memory.trouble.append("a session ended by itself")
        return self._failure(request, "refused", status, answer)

    def _failure(self, request: int, kind: str, status: int, answer: dict[str, Any] | None) -> Input:
        told = answer or {}
        return {
            "type": "failure",
            "request": request,
            "now": self._clock(),
            "kind": kind,
            "status": status,
            "error": told.get("error"),
            "retry_after_ms": 0,
            "next_n": told.get("next_n"),
            "jitter": self._random.randint(0, 999),
            "fresh_id": new_id(),
        }

    def _remember(self, ids: list[str], receipts: list[str]) -> None:
        for entry_id, receipt in zip(ids, receipts, strict=True):
            if self.memory.receipts.setdefault(entry_id, receipt) != receipt:
                self.memory.trouble.append(f"two receipts of {entry_id} differ")

    def _post(self, path: str, body: dict[str, Any]) -> tuple[int, str]:
        said = self.line.ask("POST", path, json.dumps(body).encode(), JSON)
        return said.status, said.body.decode()


def receipts_in(text: str) -> list[str]:
    """The receipts of an answer as they were sent, byte for byte."""
    key = '"receipts":['
    decoder = json.JSONDecoder()
    place, found = text.index(key) + len(key), []
    while text[place] != "]":
        _, end = decoder.raw_decode(text, place)
        found.append(text[place:end])
        place = end + (text[end] == ",")
    return found
