"""The audit chain: sealing what waits, and verifying that nothing was changed, removed or left out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from server.store import core_audit as sql
from server.store import office
from sync.audit import Entry, Link, first_bad, seal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from server.store.core import Core, Transaction
    from server.store.outbox import Undelivered
    from server.store.punchlist import PunchlistStore

BATCH: Final = 500
"""Entries sealed in one transaction, and links verified in one read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. `bad_position` names the first link that does not follow from its predecessor."""

    links: int
    bad_position: int | None
    receipts: int
    missing: tuple[str, ...]
    """Applied mutations without an entry, the first few by id; `missing_count` says how many."""
    missing_count: int

    @property
    def is_good(self) -> bool:
        """Whether the chain holds and is complete."""
        return self.bad_position is None and self.missing_count == 0


async def seal_pending(core: Core) -> int:
    """Seal what was written in this database; returns how many entries."""
    total = 0
    while sealed := await core.write_alone(_seal_pending):
        total += sealed
    return total


async def seal_outbox(core: Core, rows: Sequence[Undelivered]) -> None:
    """Seal audit rows of the punch list; one that is in the chain already changes nothing."""
    entries = [entry_of(row) for row in rows]
    await core.write_alone(partial(_seal_entries, entries=entries))


def entry_of(row: Undelivered) -> Entry:
    """The chain's entry for a word from the punch list; its key, a mutation's or an act's id, is the identity."""
    payload = row.payload
    cause = payload.get("mutation_id") or payload.get("act_id")
    at = payload.get("received_at", row.created_at)
    return Entry(row.key, at, payload.get("user_id"), str(payload.get("name", row.kind)), cause, payload)


async def verify(core: Core, store: PunchlistStore) -> Verdict:
    """Recompute every hash, then look for applied mutations without an entry. Everything should be sealed before."""
    position, previous_hash, bad = 0, "", None
    while bad is None:
        links = await core.read_alone(partial(_links, after=position))
        if not links:
            break
        bad = first_bad(links, position, previous_hash)
        position, previous_hash = links[-1].position, links[-1].hash
    receipts, missing = await _without_entry(core, store)
    return Verdict(position, bad, receipts, tuple(missing[:5]), len(missing))


async def _without_entry(core: Core, store: PunchlistStore) -> tuple[int, list[str]]:
    """How many mutations were applied, and which of them the chain lacks."""
    total, missing, after = 0, [], ""
    while ids := await store.read_alone(partial(office.applied_after, after=after, limit=BATCH)):
        sealed = await core.read_alone(partial(sql.sealed_among, source_keys=ids))
        missing += [mutation_id for mutation_id in ids if mutation_id not in sealed]
        total, after = total + len(ids), ids[-1]
    return total, missing


def _seal_pending(plain: Transaction) -> int:
    entries = sql.pending(plain, BATCH)
    _seal_entries(plain, entries)
    sql.remove_pending(plain, entries)
    return len(entries)


def _seal_entries(plain: Transaction, entries: Sequence[Entry]) -> None:
    """The write transaction makes this the only sealer, in whatever process."""
    sealed = sql.sealed_among(plain, [entry.source_key for entry in entries])
    fresh = {entry.source_key: entry for entry in entries if entry.source_key not in sealed}
    sql.append(plain, seal(fresh.values(), *sql.tail(plain)))


def _links(plain: Transaction, after: int) -> list[Link]:
    return list(sql.chain(plain, after, BATCH))
