"""`visible()` a second time: who may see which row, from docs/PROTOCOL.md alone (invariant 7)."""

from __future__ import annotations

from typing import Any

from sync.changes import Document
from sync.memory import State


class Sight:
    """What one user may see in one committed state at one instant (ms since 1970 UTC)."""

    def __init__(self, state: State, user: str, now: int) -> None:
        self._state = state
        self._user = user
        self.wide = False
        self.sectors: set[str] = set()
        self.guest_wide = False
        self.guest_sectors: set[str] = set()
        self.company: str | None = None
        actor = state.rows.get(("actors", user))
        if actor is None or actor.is_deleted or actor.doc["is_disabled"]:
            self.is_in = False
            return
        self.company = actor.doc["company_id"]
        mine = [doc for doc in self._memberships() if in_force(doc, now)]
        self.is_in = bool(mine)
        for doc in mine:
            if doc["role"] == "guest":
                self.guest_wide = self.guest_wide or doc["sector_id"] is None
                self.guest_sectors.add(doc["sector_id"])
            else:
                self.wide = self.wide or doc["sector_id"] is None
                self.sectors.add(doc["sector_id"])

    def _memberships(self) -> list[Document]:
        rows = self._state.rows
        return [
            row.doc
            for key in self._state.memberships.get(self._user, ())
            if not (row := rows[("memberships", key)]).is_deleted
        ]

    def sees_place(self, sector_id: str, company_id: str | None) -> bool:
        """Whether an item of this sector and company is in sight."""
        if self.wide or sector_id in self.sectors:
            return True
        if company_id is None or company_id != self.company:
            return False
        return self.guest_wide or sector_id in self.guest_sectors

    def sees(self, entity: str, row_id: str) -> bool:
        row = self._state.rows.get((entity, row_id))
        if row is None or row.is_deleted:
            return False
        doc: dict[str, Any] = row.doc
        if entity == "refusals":
            return bool(doc["user_id"] == self._user)
        if entity == "memberships":
            return doc["user_id"] == self._user or self._sees_membership(doc["sector_id"])
        if entity in ("projects", "trades", "companies", "sectors", "actors"):
            return self.is_in
        if entity == "punch_items":
            return self.sees_place(doc["sector_id"], doc["company_id"])
        item = self._state.rows[("punch_items", doc["item_id"])]
        if item.is_deleted:
            return False
        if entity == "conflicts" and self._user in (doc["current_by"], doc["other_by"]):
            return True
        return self.sees_place(item.doc["sector_id"], item.doc["company_id"])

    def _sees_membership(self, sector_id: str | None) -> bool:
        return self.is_in if sector_id is None else self.wide or sector_id in self.sectors

    def everything(self) -> dict[tuple[str, str], Document]:
        """All rows in sight."""
        return {key: row.doc for key, row in self._state.rows.items() if self.sees(*key)}


def in_force(membership: Document, now: int) -> bool:
    return bool(membership["valid_from"] <= now and (membership["valid_to"] is None or now < membership["valid_to"]))
