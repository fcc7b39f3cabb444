"""Takes a trade's punch list in: all of it in one transaction, through the engine, and a second time without effect."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from server.actions.import_plan import Step, item_id_of, plan_row
from server.actions.office import OfficeRefused
from server.actions.row_values import Mistake
from server.actions.together import together
from server.ids import new_id
from sync import admin
from sync.canonical import derived_id
from sync.changes import Key
from sync.push import PushContext, push
from sync.rules import Role
from sync.schema import PROTOCOL_VERSION, SCHEMA_VERSION
from sync.wire import Mutation, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from server.actions.office import Office
    from server.actions.row_values import Wanted
    from server.actions.together import Together
    from sync.changes import Document, Row

CHUNK: Final = 500
"""Rows between two words about progress."""

_NOBODY: Final = "nobody here is called “{}”; add the user, or map the column to company"
_SEVERAL: Final = "several people here are called “{}”; rename one, or leave the column out with --map"

HELPER: Final = "Punch list import"
"""Who is said to have submitted what a file calls closed: nobody accepts the own work, the importer least of all."""


class ImportRefused(OfficeRefused):
    """Nothing was imported; `mistakes` say why, line by line."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(f"Nothing was imported: {len(mistakes)} mistake(s).")
        self.mistakes = mistakes


@dataclass(slots=True)
class Report:
    """What an import did."""

    created: int = 0
    edited: int = 0
    unchanged: int = 0
    moved: int = 0
    """Items whose status followed the file."""
    waiting: int = 0
    """Edits of which a part waits for a person, because both sides had changed it."""
    new_trades: list[str] = field(default_factory=list)
    new_companies: list[str] = field(default_factory=list)
    left_alone: list[Mistake] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Job:
    """Rows for a sector, on behalf of a user. `progress` is told how many rows are through."""

    rows: Sequence[Wanted]
    sector: Document
    user_id: str
    progress: Callable[[int], None] = lambda _done: None


async def import_rows(office: Office, job: Job) -> Report:
    """Import all rows or none. Raises `ImportRefused` with every mistake, or `OfficeRefused`."""
    names = await _Names.load(office, job)
    report = Report()
    async with together(office.store) as store:
        await names.enter_missing(office, store, report)
        await _Import(office, job, names, store, report).run()
    return report


class _Names:
    """Names in the file → ids of ours; trades and companies that are new, and people who are not there."""

    def __init__(self, job: Job, project_id: str) -> None:
        self.job = job
        self.project_id = project_id
        self.trades: dict[str, str] = {}
        self.companies: dict[str, str] = {}
        self.people: dict[str, list[str]] = {}
        """Everybody of a name: two of one name are for people to tell apart."""
        self.actor_ids: list[str] = []

    @classmethod
    async def load(cls, office: Office, job: Job) -> _Names:
        names = cls(job, job.sector["project_id"])
        names.trades = {row["name"].casefold(): row["id"] for row in await office.documents("trades")}
        names.companies = {row["name"].casefold(): row["id"] for row in await office.documents("companies")}
        actors = await office.documents("actors")
        for row in actors:
            if not row["is_disabled"]:
                names.people.setdefault(row["name"].casefold(), []).append(row["id"])
        names.actor_ids = [row["id"] for row in actors]
        names.check_people()
        return names

    def check_people(self) -> None:
        mistakes = [
            Mistake(row.line, _NOBODY.format(name) if name.casefold() not in self.people else _SEVERAL.format(name))
            for row in self.job.rows
            for name in row.assignees or ()
            if len(self.people.get(name.casefold(), ())) != 1
        ]
        if mistakes:
            raise ImportRefused(mistakes)

    async def enter_missing(self, office: Office, store: Together, report: Report) -> None:
        """Enter trades and companies that the file names and the project does not have."""
        report.new_trades = _missing((row.trade for row in self.job.rows), self.trades)
        report.new_companies = _missing((row.company for row in self.job.rows), self.companies)
        self.trades.update({name.casefold(): new_id() for name in report.new_trades})
        self.companies.update({name.casefold(): new_id() for name in report.new_companies})
        project_id = self.project_id
        changes = [
            *(admin.put_trade(self.trades[name.casefold()], project_id, name) for name in report.new_trades),
            *(admin.put_company(self.companies[name.casefold()], project_id, name) for name in report.new_companies),
        ]
        if changes:
            context = admin.OfficeContext(new_id(), self.job.user_id, office.clock(), self.project_id)
            await admin.administer(store, changes, context)

    def values(self, row: Wanted) -> Document:
        """The row's fields with ids in place of names."""
        values: Document = dict(row.values)
        if row.trade is not None:
            values["trade_id"] = self.trades.get(row.trade.casefold())
        if row.company is not None:
            values["company_id"] = self.companies.get(row.company.casefold())
        if row.assignees is not None:
            values["assignee_ids"] = sorted({self.people[name.casefold()][0] for name in row.assignees})
        return values


class _Import:
    """One run: plans chunk by chunk, pushes each, and collects what was refused."""

    def __init__(self, office: Office, job: Job, names: _Names, store: Together, report: Report) -> None:
        self._job = job
        self._names = names
        self._store = store
        self._report = report
        self._office = office
        self._now = office.clock()
        self._mistakes: list[Mistake] = []
        self._ordinals: Counter[str] = Counter()
        self._helper_id = derived_id("import", names.project_id, HELPER)
        self._has_helper = False

    async def run(self) -> None:
        rows = self._job.rows
        for start in range(0, len(rows), CHUNK):
            await self._take(rows[start : start + CHUNK])
            self._job.progress(min(len(rows), start + CHUNK))
        if self._mistakes:
            raise ImportRefused(self._mistakes)

    async def _take(self, rows: Sequence[Wanted]) -> None:
        ids = [self._item_id(row) for row in rows]
        items = await self._load("row", [("punch_items", item_id) for item_id in ids])
        known = [item_id for item_id in ids if items[("punch_items", item_id)] is not None]
        children = await self._load("children", [(item_id,) for item_id in known])
        steps: list[Step] = []
        for row, item_id in zip(rows, ids, strict=True):
            seen = self._imported(children.get((item_id,), ()))
            steps += self._plan(row, item_id, items[("punch_items", item_id)], seen)
        await self._push_all(steps)

    def _item_id(self, row: Wanted) -> str:
        first = item_id_of(self._names.project_id, self._job.sector["id"], row, 0)
        ordinal = self._ordinals[first]
        self._ordinals[first] += 1
        return item_id_of(self._names.project_id, self._job.sector["id"], row, ordinal) if ordinal else first

    async def _load(self, kind: str, names: Sequence[tuple[str, ...]]) -> Mapping[tuple[str, ...], Any]:
        found = await self._store.whole.load([Key(kind, each) for each in names])
        return {key.names: value for key, value in found.items()}

    def _imported(self, children: Sequence[Row]) -> list[Row]:
        clients = {client_of(self._names.project_id, user_id) for user_id in [*self._names.actor_ids, self._helper_id]}
        events = [row for row in children if row.entity == "item_events" and row.doc["client"] in clients]
        return sorted(events, key=lambda row: (row.doc["item_version"], row.doc["made_at"]))

    def _plan(self, row: Wanted, item_id: str, item: Row | None, seen: Sequence[Row]) -> list[Step]:
        new_item = {"id": item_id, "sector_id": self._job.sector["id"]}
        plan = plan_row(row, self._names.values(row), new_item, item, seen)
        report = self._report
        report.created += plan.is_new
        report.edited += any(step.name == "item.edit" for step in plan.steps)
        report.moved += not plan.is_new and any(step.name not in ("item.create", "item.edit") for step in plan.steps)
        report.unchanged += not plan.steps and not plan.left_alone
        if plan.left_alone:
            report.left_alone.append(Mistake(row.line, f"its item {plan.left_alone}; left as it is"))
        return plan.steps

    async def _push_all(self, steps: Sequence[Step]) -> None:
        """Three pushes: what the importer does, what the helper submits, what the importer then accepts."""
        submitted = {step.args["id"] for step in steps if step.is_for_other}
        is_last = [step.name == "item.accept" and step.args["id"] in submitted for step in steps]
        mine = [step for step, last in zip(steps, is_last, strict=True) if not last and not step.is_for_other]
        others = [step for step in steps if step.is_for_other]
        accepts = [step for step, last in zip(steps, is_last, strict=True) if last]
        await self._push(self._job.user_id, mine)
        if others:
            await self._enter_helper()
            await self._push(self._helper_id, others)
            await self._push(self._job.user_id, accepts)

    async def _enter_helper(self) -> None:
        """The helper may work in this sector during this one transaction and not a moment longer."""
        if self._has_helper:
            return
        self._has_helper = True
        sector_id = self._job.sector["id"]
        role = admin.grant_membership(
            new_id(), self._helper_id, sector_id, Role.WORKER, self._now, valid_to=self._now + 1
        )
        context = admin.OfficeContext(new_id(), self._job.user_id, self._now, self._names.project_id)
        await admin.administer(self._store, [admin.put_actor(self._helper_id, HELPER), role], context)

    async def _push(self, user_id: str, steps: Sequence[Step]) -> None:
        if not steps:
            return
        client = client_of(self._names.project_id, user_id)
        state = (await self._load("client", [(client,)]))[(client,)]
        first = 1 if state is None else state.last_n + 1
        mutations = tuple(
            Mutation(step.id, client, n, step.name, step.args, step.base, SCHEMA_VERSION, self._now)
            for n, step in enumerate(steps, first)
        )
        request = Request(PROTOCOL_VERSION, SCHEMA_VERSION, client, user_id, self._now, None, mutations, None, limit=1)
        answer = await push(self._store, request, PushContext(user_id, self._now))
        for step, receipt in zip(steps, map(orjson.loads, answer.receipts), strict=True):
            self._report.waiting += receipt["outcome"] == "conflict"
            if receipt["outcome"] in ("refused", "parked"):
                self._mistakes.append(Mistake(step.line, _in_words(step, receipt)))


def client_of(project_id: str, user_id: str) -> str:
    """The client that a user's imports are: one for ever, so that the engine knows what an import has seen."""
    return derived_id("import", project_id, user_id)


def _missing(names: Any, known: Mapping[str, str]) -> list[str]:
    """Names that are not known, each once, as first written."""
    fresh = {name.casefold(): name for name in reversed([name for name in names if name])}
    return sorted(name for key, name in fresh.items() if key not in known)


def _in_words(step: Step, receipt: Document) -> str:
    text = str(receipt.get("text") or receipt["reason"])
    return f"{step.name.removeprefix('item.').replace('_', ' ')} was refused: {text[:1].lower()}{text[1:]}"
