"""Taking in one new mutation: plan it, or keep it as refused or parked, and release what waited for it.

Lanes. A lane is one author's work on one item. While an author has parked work on an item, later work of the same
author on it goes behind, in order; nobody else's work is held up (19). Work on an item out of sight is parked just
as work on one that does not exist, so the answer tells nothing (no oracle).

Mutations that this server does not know hold up nobody: what they are about is in words we do not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sync.acts import ITEMS, Act, Parked, Refused, Result
from sync.canonical import content_hash as hash_of
from sync.canonical import derived_id
from sync.changes import Key, Row
from sync.draft import Draft, Missing
from sync.parse import is_uuid
from sync.photos import PHOTOS
from sync.planners import Unknown, carry_out, check
from sync.receipts import audit, body_of_refusal, body_of_result, receipt
from sync.refusals import SENTENCES, changed, item_of, refusal
from sync.schema import Outcome
from sync.wire import Mutation

WORDS: Final = "mutations"
"""Stands for an entity in what an unknown mutation waits for: a server that knows its name."""

_CREATIONS: Final = {"item.create": ITEMS, "photo.add": PHOTOS}


def take_in(act: Act, digest: str, refuse_as: str | None = None) -> str:
    """Plan a mutation whose id is new and write its receipt; returns the receipt's body. Raises `Missing`.

    `digest` is the hash of its content. With `refuse_as` it is refused for that reason without being planned.
    """
    body = _plan(act, digest, refuse_as)
    act.draft.put_receipt(receipt(act, digest, body))
    return body


def _plan(act: Act, digest: str, refuse_as: str | None) -> str:
    try:
        if refuse_as is not None:
            raise Refused(refuse_as)
        check(act)
        _go_behind(act)
        result = carry_out(act)
    except Refused as refused:
        return _refuse(act, refused.reason)
    except Parked as parked:
        return _park(act, "waiting", parked.waiting_for)
    except Unknown:
        return _park(act, "unknown_mutation", f"{WORDS}/{act.mutation.name}")
    act.draft.plan.outbox.append(audit(act, digest, result))
    release_revealed(act.draft, act.now)
    return body_of_result(act, result)


def _park(act: Act, reason: str, waiting_for: str | None) -> str:
    act.draft.put_refusal(refusal(act, "parked", reason, waiting_for, act.mutation.id))
    return body_of_refusal(act.mutation.id, Outcome.PARKED, reason)


def _refuse(act: Act, reason: str) -> str:
    """Keep the content and the reason. What depends on a refused creation will not happen either (19)."""
    mutation = act.mutation
    waiting_for = _unmade(act.draft, mutation.name, mutation.args)
    item_id = item_of(mutation.name, mutation.args)
    if mutation.name == "item.create" and item_id is not None and waiting_for is not None:
        for row in act.draft.waiting(ITEMS, item_id):
            if row.doc["state"] == "parked" and row.doc["user_id"] == act.actor.id:
                _end(act.draft, row, "refused", "depends_on")
    act.draft.put_refusal(refusal(act, "refused", reason, waiting_for, mutation.id))
    return body_of_refusal(mutation.id, Outcome.REFUSED, reason)


def _unmade(draft: Draft, name: str, args: Mapping[str, Any]) -> str | None:
    """The row that a refused creation did not make; what builds on it is told `depends_on`."""
    entity, row_id = _CREATIONS.get(name), args.get("id")
    if entity is None or not is_uuid(row_id) or draft.row(entity, str(row_id)) is not None:
        return None
    return f"{entity}/{row_id}"


def refuse_reused(act: Act) -> str:
    """Answer a mutation whose id was used with other content or by somebody else; nothing about that other one is
    told, and this one's content is kept under an id of its own (2, 3).
    """
    row_id = derived_id("reused", act.actor.id, act.mutation.id, hash_of(act.mutation))
    if act.draft.row("refusals", row_id) is None:
        act.draft.put_refusal(refusal(act, "refused", "mutation_reused", None, row_id))
    return body_of_refusal(act.mutation.id, Outcome.REFUSED, "mutation_reused")


def _go_behind(act: Act) -> None:
    """Let the author's parked work on the same item go first; raise `Parked` where it still waits."""
    item_id = item_of(act.mutation.name, act.mutation.args)
    if item_id is None or act.mutation.name == "item.create":
        return
    if not _parked(act.draft, item_id, act.actor.id):
        return
    item = act.draft.row(ITEMS, item_id)
    if item is not None and act.sees(item):
        release(act.draft, _parked(act.draft, item_id, act.actor.id), act.now)
        release_revealed(act.draft, act.now)
    if _parked(act.draft, item_id, act.actor.id):
        raise Parked(ITEMS, item_id)


def _parked(draft: Draft, item_id: str, user_id: str) -> list[Row]:
    rows = draft.waiting(ITEMS, item_id)
    return [row for row in rows if row.doc["state"] == "parked" and row.doc["user_id"] == user_id]


def _forget_refused_creations(draft: Draft, item_id: str) -> None:
    """The item exists now: later work on it does not depend on the creation that was refused."""
    for row in draft.waiting(ITEMS, item_id):
        if row.doc["state"] == "refused":
            draft.put_refusal(changed(row, waiting_for=None))


def release_revealed(draft: Draft, now: int) -> None:
    """Plan what waited for items that came into being or into somebody's sight; that may reveal others."""
    while draft.revealed:
        item_id, _ = draft.revealed.popitem()
        _forget_refused_creations(draft, item_id)
        release(draft, draft.waiting(ITEMS, item_id), now)


def release(draft: Draft, rows: Iterable[Row], now: int) -> None:
    """Plan what was parked among the refusals, in its order, each with its author's rights now (12)."""
    parked = [row for row in rows if row.doc["state"] == "parked"]
    missing: dict[Key, None] = {}
    for row in sorted(parked, key=lambda row: (row.doc["received_at"], row.doc["client"], row.doc["n"])):
        try:
            _go_on(draft, row, now)
        except Missing as found:  # go on, as in `push`: one load for each row would take a time squared
            missing.update(dict.fromkeys(found.keys))
    if missing:
        raise Missing(*missing)


def _go_on(draft: Draft, row: Row, now: int) -> None:
    act = _act_of(draft, row, now)
    try:
        check(act)
        result = carry_out(act)
    except (Parked, Unknown):
        return
    except Refused as refused:
        _end(draft, row, "refused", refused.reason)
    else:
        _end(draft, row, "applied", None)
        _audit_released(act, result)


def _act_of(draft: Draft, row: Row, now: int) -> Act:
    doc = row.doc
    mutation = Mutation(
        row.id, doc["client"], doc["n"], doc["name"], doc["args"], doc["base"], doc["schema"], doc["made_at"]
    )
    return Act(draft, mutation, draft.actor(doc["user_id"]), doc["received_at"], now, doc["corrected_at"])


def _end(draft: Draft, row: Row, state: str, reason: str | None) -> None:
    text = None if reason is None else SENTENCES[reason]
    unmade = _unmade(draft, row.doc["name"], row.doc["args"]) if state == "refused" else None
    draft.put_refusal(changed(row, state=state, reason=reason, text=text, waiting_for=unmade))


def _audit_released(act: Act, result: Result) -> None:
    act.draft.plan.outbox.append(audit(act, hash_of(act.mutation), result))
