"""Receipts: the last word on a mutation, stored as text so that every re-send gets the same bytes (invariant 2)."""

from __future__ import annotations

from typing import Any

from sync.acts import Act, Result
from sync.canonical import compact
from sync.changes import OutboxRow, Receipt
from sync.refusals import SENTENCES
from sync.schema import Outcome


def body_of_result(act: Act, result: Result) -> str:
    """The receipt of a mutation that is in."""
    body: dict[str, Any] = {
        "id": act.mutation.id,
        "outcome": result.outcome.value,
        "reason": None,
        "entity": result.entity,
        "row": result.row,
        "version": result.version,
    }
    if result.fields:
        body["fields"] = result.fields
    if result.conflicts:
        body["conflicts"] = result.conflicts
    if result.number is not None:
        body["number"] = result.number
    if act.is_late:
        body["late"] = True
    return compact(body)


def body_of_refusal(mutation_id: str, outcome: Outcome, reason: str) -> str:
    """The receipt of a mutation that is not in; it says nothing about rows, which may be out of sight."""
    return compact(
        {
            "id": mutation_id,
            "outcome": outcome.value,
            "reason": reason,
            "entity": None,
            "row": None,
            "version": None,
            "text": SENTENCES[reason],
        }
    )


def receipt(act: Act, content_hash: str, body: str) -> Receipt:
    mutation = act.mutation
    return Receipt(mutation.id, act.actor.id, mutation.client, mutation.n, content_hash, body, act.arrived_at)


def audit(act: Act, content_hash: str, result: Result) -> OutboxRow:
    """The audit record of an applied mutation, written in its transaction: exactly one, by its id (A1)."""
    mutation = act.mutation
    return OutboxRow(
        "audit",
        mutation.id,
        {
            "mutation_id": mutation.id,
            "user_id": act.actor.id,
            "client": mutation.client,
            "n": mutation.n,
            "name": mutation.name,
            "entity": result.entity,
            "row": result.row,
            "version": result.version,
            "outcome": result.outcome.value,
            "content_hash": content_hash,
            "made_at": mutation.made_at,
            "corrected_at": act.corrected_at,
            "received_at": act.arrived_at,
            "is_late": act.is_late,
        },
    )
