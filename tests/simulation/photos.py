"""What must hold of a photo whenever it is written: its bytes are there before it says so, and nothing goes back."""

from __future__ import annotations

from typing import Final

from sync.changes import Plan, Row
from sync.memory import State
from tests.simulation.ledger import Ledger
from tests.simulation.violations import hold

FOR_EVER: Final = (
    "id",
    "item_id",
    "author_id",
    "client",
    "media_type",
    "sha256",
    "size_bytes",
    "made_at",
    "thumb_sha256",
)
ORDER: Final = {"none": 0, "thumb": 1, "unreadable": 2, "view": 3}


def check_photo(row: Row, before: Row | None, plan: Plan, ledger: Ledger) -> None:
    """One photo as a commit wrote it, after the one it replaces."""
    doc = row.doc
    if doc["state"] == "stored":
        words = f"photo {row.id} is stored, and no bytes came with its hash"
        hold(5, doc["sha256"] in ledger.bytes_of.get(row.id, ()), words)
    hold(5, (doc["state"] == "stored") == (doc["stored_at"] is not None), f"photo {row.id} is stored at no time")
    if before is None:
        hold(5, (doc["state"], doc["preview"]) == ("waiting", "none"), f"photo {row.id} came with its bytes")
        return
    hold(5, before.doc["state"] != "stored" or doc["state"] == "stored", f"photo {row.id} waits for its bytes again")
    hold(6, ORDER[doc["preview"]] >= ORDER[before.doc["preview"]], f"the preview of photo {row.id} went back")
    hold(6, all(doc[name] == before.doc[name] for name in FOR_EVER), f"photo {row.id} became another")
    if before.is_deleted and not row.is_deleted:
        hold(10, _acts_on(plan, ledger, row, "photo.restore"), f"photo {row.id} is back, and nobody restored it")
    if (doc["caption"], doc["kind"]) != (before.doc["caption"], before.doc["kind"]):
        hold(6, _acts_on(plan, ledger, row, "photo.edit"), f"photo {row.id} was changed by nobody")


def _acts_on(plan: Plan, ledger: Ledger, photo: Row, name: str) -> bool:
    events = (row.doc for row in plan.rows.values() if row.entity == "item_events" and row.item_id == photo.item_id)
    acts = [event for event in events if event["name"] == name and event["id"] in ledger.saved]
    return any(ledger.saved[event["id"]].args["id"] == photo.id for event in acts)


def check_photos_at_the_end(state: State) -> None:
    """All bytes have come: no photo waits (8), and each has one word in the audit and one job (A1, J1)."""
    words = [(kind, key) for kind, key in state.outbox]
    for (entity, photo_id), row in state.rows.items():
        if entity == "photos":
            hold(8, row.doc["state"] == "stored", f"photo {photo_id} waits for ever")
            hold(1, ("audit", f"photo.stored/{photo_id}") in words, f"photo {photo_id} is not in the audit")
            hold(1, ("job", f"previews/{photo_id}/picture") in words, f"photo {photo_id} has no job")
