"""The device's half of the engine: a reducer from (state, input) to (state after, actions).

It keeps the outbox honest: entries are numbered without holes (invariant 16), leave only on their receipt (3), are
overlaid until the rows that include them have arrived (11), and are tried for ever unless a person has to decide (8).
It holds no rows: the runner that owns storage and network performs the actions, in order, and feeds results back as
inputs. State, inputs and actions are JSON values; `pwa/sync/device.ts` is the twin, held to this by golden steps.

Inputs (`type`)
    mutate      id, name, args, base, made_at               a person did something
    amend       id, args, made_at                           changes an entry that was never sent
    discard     id, noop_id, made_at                        removes one that was never sent; a noop keeps its number
    wake        now, is_forced                              a timer, a person, the network or the browser says: try
    answer      request, now, body                          a 200 of ours
    failure     request, now, kind, status, error, retry_after_ms, next_n, jitter, fresh_id
                kind: unreachable | stalled (no whole answer in time) | not_ours | refused | storage (the answer came
                and could not be stored here);
                jitter: 0..999 (random); fresh_id: an unused UUID
    signed_in   now
    restart     (none)                                      the process is new; nothing is in flight

Actions (`type`), performed in this order, those on storage in one strict transaction with the new state
    put         entry                                       write the entry (by id)
    remove      id                                          delete the entry
    quarantine  entry, error                                keep the entry under "needs you" on this device
    apply       prune                                       apply the answer's rows and, in the same transaction,
                                                            forget the entries named
    send        request, body                               only after the state is durable
    wait        at                                          wake again at this instant, ms
    denied      id, reason                                  the input could not be done (`unknown`, `tried`)

A step is adopted only when its storage actions have been committed; when they fail, the state before still holds (23).
Several senders (tabs, the service worker) may share one outbox: each takes the durable part of the state from the
store inside the transaction of its step, and its own `requests`, `flight`, `batch`, `failures` and `retry_at` from
memory.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypedDict, cast

from sync.schema import MAX_MUTATIONS, PROTOCOL_VERSION, SCHEMA_VERSION

BATCH: Final = 100
"""Mutations a healthy device sends at once."""

RETRY_BASE_MS: Final = 1_000
RETRY_CAP_MS: Final = 60_000
WAIT_CAP_MS: Final = 15 * 60_000
"""Longest wait. A `retry_at` further off was set before the clock of this device was put back (8)."""

ROW_LIMIT: Final = 2_000
"""Rows a healthy device asks for at once."""

EntryState = Literal["waiting", "tried", "acked"]
Trouble = Literal["unreachable", "not_ours", "storage", "server", "sign_in", "other_user", "revoked", "upgrade"]

PAUSES: Final = frozenset({"sign_in", "other_user", "revoked", "upgrade"})
_PROBES: Final = frozenset({"unreachable", "not_ours", "server"})
"""After these a request without mutations goes first; not after `storage`: a full phone must get rid of its work."""

PAUSE_OF: Final = {
    "sign_in_required": "sign_in",
    "actor_mismatch": "other_user",
    "client_revoked": "revoked",
    "upgrade_required": "upgrade",
}


class Entry(TypedDict):
    """One mutation in the outbox. `waiting`: never sent; `tried`: may be known to the server; `acked`: receipt seen."""

    id: str
    n: int
    name: str
    args: dict[str, Any]
    base: int | None
    schema: int
    made_at: int
    state: EntryState
    tries: int
    outcome: str | None


class Flight(TypedDict):
    """The request under way: its number, the entries it carries, the client and cookie it speaks for.

    `acked` were acknowledged before it left, so that its rows include them; what another sender had acknowledged since
    need not be in them.
    """

    request: int
    client: str
    ids: list[str]
    acked: list[str]
    cookie: str | None


class Device(TypedDict):
    """The whole state. `requests`, `flight`, `batch`, `failures`, `retry_at` are the sender's own and may be lost."""

    client: str
    user: str
    next_n: int
    cookie: str | None
    entries: list[Entry]
    requests: int
    flight: Flight | None
    batch: int
    failures: int
    retry_at: int | None
    trouble: Trouble | None
    trouble_since: int | None
    synced_at: int | None


Input = dict[str, Any]
Action = dict[str, Any]
Step = tuple[Device, list[Action]]


class Answer(TypedDict):
    """What the reducer reads of an answer's body."""

    receipts: list[dict[str, Any]]
    cookie: str
    complete: bool


def fresh_device(client: str, user: str) -> Device:
    """The state of a client that has never spoken to the server."""
    return Device(
        client=client,
        user=user,
        next_n=1,
        cookie=None,
        entries=[],
        requests=0,
        flight=None,
        batch=BATCH,
        failures=0,
        retry_at=None,
        trouble=None,
        trouble_since=None,
        synced_at=None,
    )


def step(state: Device, given: Input) -> Step:
    """One step. The state passed in is not changed."""
    return _STEPS[given["type"]](state, given)


def pending(state: Device) -> list[Entry]:
    """Entries without a receipt, by number: what "n waiting" counts, noops included."""
    return [entry for entry in state["entries"] if entry["state"] != "acked"]


def is_all_on_server(state: Device, quarantined: int) -> bool:
    """Whether the strip may say "All on server": everything acknowledged and covered by rows, and nothing in the way.

    `quarantined` counts the entries kept under "needs you" on this device: the server never had those.
    """
    return not state["entries"] and not quarantined and state["trouble"] is None and state["synced_at"] is not None


def is_too_early(retry_at: int | None, now: int) -> bool:
    """Whether to wait on; no instant is so far off but one set before the clock of this device was put back."""
    return retry_at is not None and now < retry_at <= now + WAIT_CAP_MS


def retry_delay_ms(failures: int, retry_after_ms: int, jitter: int, cap_ms: int = RETRY_CAP_MS) -> int:
    """Longer each time, up to `cap_ms`, spread so that a thousand phones do not come back together.

    What the server asked for (`retry_after_ms`) is the least, within reason.
    """
    ceiling: int = min(cap_ms, RETRY_BASE_MS * 2 ** min(failures - 1, 16))
    return max(min(retry_after_ms, WAIT_CAP_MS), ceiling * (500 + jitter // 2) // 1_000)


# --- what a person does -------------------------------------------------------------------------------------------


def _mutate(state: Device, given: Input) -> Step:
    entry = Entry(
        id=given["id"],
        n=state["next_n"],
        name=given["name"],
        args=given["args"],
        base=given["base"],
        schema=SCHEMA_VERSION,
        made_at=given["made_at"],
        state="waiting",
        tries=0,
        outcome=None,
    )
    after = _with(state, entries=[*state["entries"], entry], next_n=state["next_n"] + 1)
    return after, [{"type": "put", "entry": entry}]


def _amend(state: Device, given: Input) -> Step:
    entry = _person_s(state, given["id"])
    if entry is None or entry["state"] != "waiting":
        return state, [_denied(entry, given["id"])]
    amended = cast("Entry", {**entry, "args": given["args"], "made_at": given["made_at"]})
    return _replaced(state, {entry["id"]: amended}), [{"type": "put", "entry": amended}]


def _discard(state: Device, given: Input) -> Step:
    entry = _person_s(state, given["id"])
    if entry is None or entry["state"] != "waiting":
        return state, [_denied(entry, given["id"])]
    noop = _noop(entry, given["noop_id"], given["made_at"])
    after = _replaced(state, {entry["id"]: noop})
    return after, [{"type": "remove", "id": entry["id"]}, {"type": "put", "entry": noop}]


def _person_s(state: Device, entry_id: str) -> Entry | None:
    """The entry, unless it only keeps a number: nobody wrote a noop, so nobody can change it."""
    entry = _find(state, entry_id)
    return None if entry is None or entry["name"] == "noop" else entry


def _denied(entry: Entry | None, entry_id: str) -> Action:
    return {"type": "denied", "id": entry_id, "reason": "unknown" if entry is None else "tried"}


# --- sending --------------------------------------------------------------------------------------------------------


def _wake(state: Device, given: Input) -> Step:
    if state["flight"] is not None:
        return state, []
    if not given["is_forced"]:
        if state["trouble"] in PAUSES:
            return state, []
        if is_too_early(state["retry_at"], given["now"]):
            return state, [{"type": "wait", "at": state["retry_at"]}]
    return _send(state, given["now"])


def _send(state: Device, now: int) -> Step:
    """Mark the head of the outbox as tried (immutable from here on), then send it and ask for what is new.

    While nobody was reached, only ask: what a person wrote without network stays theirs to amend and discard.
    """
    head = [] if state["trouble"] in _PROBES else [_tried(entry) for entry in pending(state)[: state["batch"]]]
    request = state["requests"] + 1
    flight = Flight(
        request=request,
        client=state["client"],
        ids=[entry["id"] for entry in head],
        acked=[entry["id"] for entry in state["entries"] if entry["state"] == "acked"],
        cookie=state["cookie"],
    )
    after = _replaced(state, {entry["id"]: entry for entry in head})
    after = _with(after, requests=request, flight=flight, retry_at=None)
    actions: list[Action] = [{"type": "put", "entry": entry} for entry in head]
    return after, [*actions, {"type": "send", "request": request, "body": _body(after, head, now)}]


def _body(state: Device, head: list[Entry], now: int) -> dict[str, Any]:
    waiting = pending(state)
    return {
        "protocol": PROTOCOL_VERSION,
        "schema": SCHEMA_VERSION,
        "client": state["client"],
        "user": state["user"],
        "sent_at": now,
        "cookie": state["cookie"],
        "mutations": [_on_the_wire(entry, state["client"]) for entry in head],
        "device": {"pending": len(waiting), "oldest_unsent_at": waiting[0]["made_at"] if waiting else None},
        "limit": ROW_LIMIT // BATCH * state["batch"],
    }


def _on_the_wire(entry: Entry, client: str) -> dict[str, Any]:
    return {
        "id": entry["id"],
        "client": client,
        "n": entry["n"],
        "name": entry["name"],
        "args": entry["args"],
        "base": entry["base"],
        "schema": entry["schema"],
        "made_at": entry["made_at"],
    }


def _tried(entry: Entry) -> Entry:
    return cast("Entry", {**entry, "state": "tried", "tries": entry["tries"] + 1})


# --- what comes back --------------------------------------------------------------------------------------------------


def _answer(state: Device, given: Input) -> Step:
    flight = state["flight"]
    if flight is None or flight["request"] != given["request"]:
        return state, []  # a late answer to a request already given up; its receipts will be sent again (2)
    body = cast("Answer", given["body"])
    outcomes = {receipt["id"]: receipt["outcome"] for receipt in body["receipts"]}
    if any(entry_id not in outcomes for entry_id in flight["ids"]):
        return _back_off(state, "server", given["now"], retry_after_ms=0, jitter=0)
    after = _with(state, flight=None, retry_at=None, trouble=None, trouble_since=None)
    # A probe that was answered says nothing about pushes: a server that takes none is not asked faster and faster, and
    # a line too slow for many not with many (8).
    if flight["ids"] or not pending(state):
        after = _with(after, failures=0, batch=min(state["batch"] * 2, BATCH, MAX_MUTATIONS))
    after, actions = _acknowledge(after, outcomes)
    if state["cookie"] == flight["cookie"]:  # invariant 13: else another tab has moved the cursor; ask again
        after, applied = _apply(after, flight, body, given["now"])
        actions = [*actions, *applied]
        if body["complete"] and not after["entries"]:
            return after, actions
    after, sent = _send(after, given["now"])
    return after, [*actions, *sent]


def _acknowledge(state: Device, outcomes: dict[str, str]) -> Step:
    acked = [
        cast("Entry", {**entry, "state": "acked", "outcome": outcomes[entry["id"]]})
        for entry in state["entries"]
        if entry["id"] in outcomes and entry["state"] != "acked"
    ]
    after = _replaced(state, {entry["id"]: entry for entry in acked})
    return after, [{"type": "put", "entry": entry} for entry in acked]


def _apply(state: Device, flight: Flight, body: Answer, now: int) -> Step:
    """Rows, evictions, cookie, end of overlay are one transaction (14); the overlay ends when all rows are in (11)."""
    if not body["complete"]:
        return _with(state, cookie=body["cookie"]), [{"type": "apply", "prune": []}]
    included = {*flight["ids"], *flight["acked"]}
    covered = [entry["id"] for entry in state["entries"] if entry["state"] == "acked" and entry["id"] in included]
    gone = set(covered)
    kept = [entry for entry in state["entries"] if entry["id"] not in gone]
    return _with(state, entries=kept, cookie=body["cookie"], synced_at=now), [{"type": "apply", "prune": covered}]


# --- what fails -------------------------------------------------------------------------------------------------------


def _failure(state: Device, given: Input) -> Step:
    flight = state["flight"]
    if flight is None or flight["request"] != given["request"]:
        return state, []
    landed = _with(state, flight=None)
    if given["kind"] == "stalled" or given["status"] == 408:  # too much for this line
        landed = _with(landed, batch=max(state["batch"] // 2, 1))
    if given["kind"] != "refused":
        trouble = "unreachable" if given["kind"] == "stalled" else given["kind"]
        return _back_off(landed, trouble, given["now"], given["retry_after_ms"], given["jitter"])
    if given["error"] in PAUSE_OF:
        return _in_trouble(landed, cast("Trouble", PAUSE_OF[given["error"]]), given["now"]), []
    if given["error"] in ("fork", "gap") and flight["client"] != state["client"]:
        return _send(landed, given["now"])  # another sender has renumbered meanwhile
    if given["error"] == "fork" or (given["error"] == "gap" and not _holds(state, given["next_n"])):
        return _renumber(landed, given)
    if given["error"] == "gap":
        return _offer_again(landed, given)
    if given["status"] in (400, 413, 415) and flight["ids"]:
        return _narrow(landed, flight, given)
    return _back_off(landed, "server", given["now"], given["retry_after_ms"], given["jitter"])


def _back_off(state: Device, trouble: str, now: int, retry_after_ms: int, jitter: int) -> Step:
    failures = state["failures"] + 1
    delay = retry_delay_ms(failures, retry_after_ms, jitter)
    after = _with(
        _in_trouble(state, cast("Trouble", trouble), now), flight=None, failures=failures, retry_at=now + delay
    )
    return after, [{"type": "wait", "at": now + delay}]


def _in_trouble(state: Device, trouble: Trouble, now: int) -> Device:
    since = state["trouble_since"] if state["trouble"] == trouble else now
    return _with(state, trouble=trouble, trouble_since=since)


def _holds(state: Device, n: int) -> bool:
    return any(entry["n"] == n for entry in state["entries"])


def _offer_again(state: Device, given: Input) -> Step:
    """The server knows less than it acknowledged (it was restored): offer again from the number it asks for."""
    again = [
        cast("Entry", {**entry, "state": "tried", "outcome": None})
        for entry in state["entries"]
        if entry["state"] == "acked" and entry["n"] >= given["next_n"]
    ]
    if not again:  # it was offered already: no use in asking at once what was just answered
        return _back_off(state, "server", given["now"], given["retry_after_ms"], given["jitter"])
    after, sent = _send(_replaced(state, {entry["id"]: entry for entry in again}), given["now"])
    return after, [*({"type": "put", "entry": entry} for entry in again), *sent]


def _renumber(state: Device, given: Input) -> Step:
    """Two phones share this client id: take a new one and number from 1; ids stay, so nothing is doubled (17)."""
    actions: list[Action] = []
    renumbered: list[Entry] = []
    n = 0
    for entry in state["entries"]:
        if entry["state"] == "acked":
            renumbered.append(cast("Entry", {**entry, "n": 0}))
        else:
            n += 1
            renumbered.append(cast("Entry", {**entry, "n": n}))
        actions.append({"type": "put", "entry": renumbered[-1]})
    after = _with(state, client=given["fresh_id"], entries=renumbered, next_n=n + 1)
    after, sent = _send(after, given["now"])
    return after, [*actions, *sent]


def _narrow(state: Device, flight: Flight, given: Input) -> Step:
    """The server cannot read the batch: halve it until the one entry is found, and let the rest flow (19)."""
    if len(flight["ids"]) > 1:
        return _send(_with(state, batch=len(flight["ids"]) // 2), given["now"])
    entry = _find(state, flight["ids"][0])
    if entry is None or entry["state"] != "tried":  # another sender was told so before, or had better luck
        return _send(state, given["now"])
    if entry["name"] == "noop":  # the server reads nothing at all: not a fault of what a person wrote
        return _back_off(state, "server", given["now"], given["retry_after_ms"], given["jitter"])
    noop = _noop(entry, given["fresh_id"], entry["made_at"])
    after, sent = _send(_replaced(state, {entry["id"]: noop}), given["now"])
    quarantined: Action = {"type": "quarantine", "entry": entry, "error": given["error"]}
    return after, [quarantined, {"type": "remove", "id": entry["id"]}, *sent]


# --- the rest ---------------------------------------------------------------------------------------------------------


def _signed_in(state: Device, _given: Input) -> Step:
    if state["trouble"] not in ("sign_in", "other_user"):
        return state, []
    return _with(state, trouble=None, trouble_since=None, retry_at=None), []


def _restart(state: Device, _given: Input) -> Step:
    """A new process may be a newer app or have a session: what paused the old one is tried once more (8)."""
    after = _with(state, flight=None, retry_at=None, failures=0, batch=BATCH)
    return (_with(after, trouble=None, trouble_since=None) if state["trouble"] in PAUSES else after), []


def _noop(entry: Entry, noop_id: str, made_at: int) -> Entry:
    """An entry that does nothing but keep the number, so that the order has no hole (16)."""
    return Entry(
        id=noop_id,
        n=entry["n"],
        name="noop",
        args={},
        base=None,
        schema=SCHEMA_VERSION,
        made_at=made_at,
        state="waiting",
        tries=0,
        outcome=None,
    )


def _find(state: Device, entry_id: str) -> Entry | None:
    return next((entry for entry in state["entries"] if entry["id"] == entry_id), None)


def _replaced(state: Device, entries: dict[str, Entry]) -> Device:
    """The state with these entries in place of those with the ids named; one pass, whatever their count."""
    return _with(state, entries=[entries.get(entry["id"], entry) for entry in state["entries"]])


def _with(state: Device, **changes: Any) -> Device:
    return cast("Device", {**state, **changes})


_STEPS: Final = {
    "mutate": _mutate,
    "amend": _amend,
    "discard": _discard,
    "wake": _wake,
    "answer": _answer,
    "failure": _failure,
    "signed_in": _signed_in,
    "restart": _restart,
}
