"""The building site of one history: project, sectors, companies, people, and what the office does to them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sync import admin
from sync.admin import OfficeChange, OfficeContext
from sync.rules import Role
from tests.simulation.chance import Chance

START = 1_795_457_000_000
"""The server's clock when a history begins, ms since 1970 UTC."""

HOUR = 3_600_000
ROLES = (
    *[Role.WORKER] * 5,
    *[Role.SUPERVISOR] * 4,
    *[Role.GUEST] * 2,
    Role.ADMIN,
    Role.AUDITOR,
    Role.STOREKEEPER,
)


@dataclass
class Site:
    """Ids by kind."""

    chance: Chance
    project: str = ""
    sectors: list[str] = field(default_factory=list)
    companies: list[str] = field(default_factory=list)
    trades: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    def first_changes(self) -> list[OfficeChange]:
        """All rows the office enters before anybody works."""
        new = self.chance.id
        self.project = new()
        self.sectors = [new() for _ in range(self.chance.one_of((1, 1, 2)))]
        self.companies = [new() for _ in range(2)]
        self.trades = [new()]
        self.users = [new() for _ in range(self.chance.one_of((1, 2, 3, 3, 4)))]
        own = self.chance.below(2) == 0
        changes = [admin.put_project(self.project, "Site", is_own_work_accepted=own)]
        changes += [admin.put_sector(key, self.project, f"B-{k}", "Block") for k, key in enumerate(self.sectors)]
        changes += [admin.put_company(key, self.project, "Company") for key in self.companies]
        changes += [admin.put_trade(key, self.project, "Trade") for key in self.trades]
        for place, user in enumerate(self.users):
            changes.append(admin.put_actor(user, "Person", self.chance.one_of([None, *self.companies])))
            changes.append(self._grant(user, Role.SUPERVISOR if place == 0 else self.chance.one_of(ROLES), START))
        return changes

    def change(self, now: int, granted: list[str]) -> list[OfficeChange]:
        """One thing the office does at `now` (ms since 1970 UTC); `granted` are the memberships there are."""
        user = self.chance.one_of(self.users)
        match self.chance.below(7):
            case 0 | 1:
                return [self._grant(user, self.chance.one_of(ROLES), now - self.chance.one_of((0, HOUR)))]
            case 2 | 3:
                ended = self.chance.one_of(granted)
                return [admin.end_membership(ended, now + self.chance.one_of((-80 * HOUR, -HOUR, 0, 0, HOUR)))]
            case 4:
                return [admin.disable_actor(user, is_disabled=self.chance.below(3) == 0)]
            case 5:
                return [admin.put_actor(user, "Person", self.chance.one_of([None, *self.companies]))]
        name = f"Block {self.chance.below(9)}"
        return [admin.put_sector(self.chance.one_of(self.sectors), self.project, "B-9", name)]

    def context(self, now: int) -> OfficeContext:
        return OfficeContext(self.chance.id(), None, now, self.project)

    def _grant(self, user: str, role: Role, valid_from: int) -> OfficeChange:
        membership = self.chance.id()
        sector = self.chance.one_of([None, *self.sectors, *self.sectors])
        return admin.grant_membership(membership, user, sector, role, valid_from)
