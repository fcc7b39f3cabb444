"""What the screens of a phone have said over time, and whether they ever said too much."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.browser.proxy import Exchange, Reply

RECORDER: Final = (Path(__file__).parent / "told.js").read_text()
READ: Final = """() => Object.keys(localStorage).filter((key) => key.startsWith("told ")).map((key) => {
    const value = localStorage.getItem(key);
    localStorage.removeItem(key);
    return value;
})"""
"""JavaScript that hands over what was recorded since the last time."""

# How long the strip may take to turn once an entry is durable: the write wakes the screen, which then paints.
TURN_MS: Final = 1_500


@dataclass(frozen=True, order=True)
class Telling:
    """What one tab showed from `at` (ms since 1970 UTC) on: the strip's kind and words, the message, "ready"."""

    at: int
    tab: str
    kind: str | None
    strip: str | None
    needs: str | None
    message: str | None
    ready: str | None


def parse(lines: Iterable[str]) -> list[Telling]:
    return sorted((Telling(**json.loads(line)) for line in lines), key=lambda telling: telling.at)


def spans(tellings: list[Telling], ends: list[int]) -> Iterator[tuple[Telling, int | None]]:
    """Each telling with the instant the same tab said something else or ended with its browser; None where it stands.

    `ends` are the instants at which the browser was closed or killed.
    """
    for index, telling in enumerate(tellings):
        later = (other.at for other in tellings[index + 1 :] if other.tab == telling.tab)
        yield telling, next(later, min((end for end in ends if end >= telling.at), default=None))


@dataclass(frozen=True)
class Mutation:
    """An entry that went over the network. `acked_at`: when an answer to it was first handed to the browser."""

    id: str
    name: str
    client: str
    user: str
    made_at: int
    acked_at: int | None


def mutations(exchanges: Iterable[Exchange]) -> list[Mutation]:
    """Every mutation that phones have tried to send, by what the network saw."""
    found: dict[str, Mutation] = {}
    for exchange in exchanges:
        if exchange.path != "/sync" or not exchange.body:
            continue
        is_ours = exchange.status == 200 and not isinstance(exchange.fault, Reply)
        request = exchange.json()
        for entry in request["mutations"]:
            known = found.get(entry["id"])
            acked_at = known.acked_at if known is not None else None
            if acked_at is None and is_ours:
                acked_at = exchange.answered_at
            found[entry["id"]] = Mutation(
                entry["id"], entry["name"], entry["client"], request["user"], entry["made_at"], acked_at
            )
    return list(found.values())


def untrue(
    tellings: list[Telling], sent: Iterable[Mutation], ends: list[int], people: list[tuple[int, str]]
) -> list[str]:
    """Every moment at which a tab told somebody "all on server" while an entry of theirs had no receipt yet.

    `people` are who signed in on the phone, and since when.
    """
    found = []
    for telling, until in spans(tellings, ends):
        if telling.kind != "all_on_server":
            continue
        person = next((user for since, user in reversed(people) if since <= telling.at), None)
        for mutation in sent:
            if person is not None and mutation.user != person:
                continue
            begun_while_open = mutation.made_at <= telling.at and _is_open(mutation, telling.at)
            kept_for_long = (
                telling.at < mutation.made_at
                and (until is None or until > mutation.made_at + TURN_MS)
                and _is_open(mutation, mutation.made_at + TURN_MS)
            )
            if begun_while_open or kept_for_long:
                found.append(f"{telling.strip!r} at {telling.at} until {until}, but {mutation}")
    return found


def _is_open(mutation: Mutation, at: int) -> bool:
    return mutation.acked_at is None or at < mutation.acked_at
