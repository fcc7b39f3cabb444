"""One mutation being planned: who, on what, with which rights, and how it may end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sync.changes import Document, Row
from sync.draft import Draft
from sync.rules import Actor, Membership, Role, may, roles_in
from sync.schema import Outcome
from sync.wire import Mutation

LATE_MS: Final = 72 * 3600 * 1000
"""How long after the end of a membership the work done before it is still taken (12)."""

ITEMS: Final = "punch_items"


class Refused(Exception):
    """The mutation is not in. Raised before anything of it was written to the draft."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Parked(Exception):
    """The mutation waits for a row. Raised before anything was written to the draft."""

    def __init__(self, entity: str, row_id: str) -> None:
        self.waiting_for = f"{entity}/{row_id}"
        super().__init__(self.waiting_for)


@dataclass(slots=True)
class Result:
    """What a planner achieved; becomes the receipt."""

    entity: str | None = None
    row: str | None = None
    version: int | None = None
    outcome: Outcome = Outcome.APPLIED
    fields: dict[str, str] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    number: int | None = None


@dataclass(slots=True)
class Act:
    """A mutation with its author and instants (ms since 1970 UTC).

    `arrived_at`: when the server received it. `now`: when this transaction runs; later for released work.
    `corrected_at`: `made_at` by the server's clock, never after the arrival.
    """

    draft: Draft
    mutation: Mutation
    actor: Actor
    arrived_at: int
    now: int
    corrected_at: int
    is_late: bool = False

    @property
    def args(self) -> Mapping[str, Any]:
        return self.mutation.args

    @property
    def base(self) -> int:
        """The version the author had seen; 0 where it had none."""
        return self.mutation.base or 0

    def roles(self, name: str, sector_id: str, company_id: str | None, item_id: str | None) -> frozenset[Role]:
        """The roles with which the author may do `name` here, now or as late work (12); else `Refused`.

        `item_id` names the row that `base` is a version of.
        """
        roles = roles_in(self.actor, sector_id, company_id, self.now)
        if may(name, roles):
            return roles
        late = self.late_roles(sector_id, company_id, item_id)
        if not may(name, late):
            raise Refused("forbidden")
        self.is_late = True
        return late

    def late_roles(self, sector_id: str, company_id: str | None, item_id: str | None) -> frozenset[Role]:
        """Roles of ended memberships under which this counts as late work."""
        ended = tuple(membership for membership in self.actor.memberships if self._is_late_under(membership, item_id))
        past = Actor(self.actor.id, self.actor.company_id, self.actor.is_disabled, ended)
        return roles_in(past, sector_id, company_id, self.corrected_at)

    def _is_late_under(self, membership: Membership, item_id: str | None) -> bool:
        ended_at = membership.valid_to
        if ended_at is None or ended_at > self.now or self.arrived_at - ended_at > LATE_MS:
            return False
        if item_id is None or (not self.mutation.base and self._may_be_unseen(item_id)):
            return True
        seen_at: int | None = self.draft.need("seen_at", item_id, str(self.mutation.base or 1))
        return seen_at is not None and seen_at < ended_at

    def _may_be_unseen(self, item_id: str) -> bool:
        """Whether an honest phone may name no base: the item was made on it, or was not here when the work arrived."""
        item = self.draft.row(ITEMS, item_id)
        return item is None or item.doc["raised_by"] == self.actor.id or self.arrived_at < self.now

    def item(self, item_id: str, name: str) -> tuple[Row, frozenset[Role]]:
        """The punch item and the roles to do `name` on it. Raises `Refused` or `Parked`.

        An item out of sight answers exactly like one that does not exist: both park the mutation (no oracle). Only
        who could see it once, and so knows that it exists, is told `not_found`.
        """
        item = self.draft.row(ITEMS, item_id)
        if item is None or not self.sees(item):
            if item is not None and self._saw(item):
                raise Refused("not_found")
            if self.creation_was_refused(ITEMS, item_id):
                raise Refused("depends_on")
            raise Parked(ITEMS, item_id)
        return item, self.roles(name, item.doc["sector_id"], item.doc["company_id"], item_id)

    def live_item(self, item_id: str, name: str) -> tuple[Row, frozenset[Role]]:
        """As `item`; a deleted one refuses everything but its restoration (10)."""
        item, roles = self.item(item_id, name)
        if item.is_deleted:
            raise Refused("deleted")
        return item, roles

    def sees(self, item: Row) -> bool:
        sector_id, company_id = item.doc["sector_id"], item.doc["company_id"]
        return bool(
            roles_in(self.actor, sector_id, company_id, self.now) or self.late_roles(sector_id, company_id, item.id)
        )

    def _saw(self, item: Row) -> bool:
        """Whether the author ever had a right where the item is or was."""
        if not self.actor.memberships:
            return False
        return any(
            roles_in(self.actor, sector_id, company_id, membership.valid_from)
            for membership in self.actor.memberships
            for sector_id, company_id in self._places(item)
            if membership.valid_from <= self.now
        )

    def _places(self, item: Row) -> set[tuple[str, str | None]]:
        """Sector and company of the item now and at every time before, from its events backwards."""
        sector_id, company_id = item.doc["sector_id"], item.doc["company_id"]
        places = {(sector_id, company_id)}
        events = [child.doc for child in self.draft.children(item.id) if child.entity == "item_events"]
        for event in sorted(events, key=lambda doc: doc["item_version"], reverse=True):
            if event["name"] != "item.create":  # before that the item was nowhere
                sector_id = event["changes"].get("sector_id", (sector_id,))[0]
                company_id = event["changes"].get("company_id", (company_id,))[0]
                places.add((sector_id, company_id))
        return places

    def creation_was_refused(self, entity: str, row_id: str) -> bool:
        """Whether the author's own mutation that would have made this row was refused."""
        return any(
            row.doc["state"] == "refused" and row.doc["user_id"] == self.actor.id
            for row in self.draft.waiting(entity, row_id)
        )

    def edited(self, item: Row, values: Mapping[str, Any], tracked: tuple[str, ...], **more: Any) -> Row:
        """The item's next version with `values`; `tracked` are the fields whose change later edits must have seen."""
        version = item.version + 1
        doc = {**item.doc, **values, "version": version, "updated_by": self.actor.id, "updated_at": self.now}
        versions = {**item.field_versions, **dict.fromkeys(tracked, (version, self.mutation.client))}
        is_deleted = more.get("is_deleted", item.is_deleted)
        return Row(item.entity, item.id, version, doc, versions, is_deleted)

    def record(self, item: Row, changes: Document, reason: str | None = None) -> None:
        """Write the item's event of this mutation: one for each, also where nothing had to change."""
        mutation = self.mutation
        doc: Document = {
            "id": mutation.id,
            "version": 1,
            "item_id": item.id,
            "name": mutation.name,
            "changes": changes,
            "reason": reason,
            "actor_id": self.actor.id,
            "client": mutation.client,
            "made_at": mutation.made_at,
            "corrected_at": self.corrected_at,
            "received_at": self.now,
            "item_version": item.version,
            "is_late": self.is_late,
        }
        self.draft.put_child(Row("item_events", mutation.id, 1, doc, {}, False, item.id), item)


def last_change(item: Row, name: str) -> tuple[int, str]:
    """The version and client of a field's last change; the creation where it never changed since."""
    versions = item.field_versions
    version, client = versions.get(name) or versions.get("") or (1, "")
    return version, client
