"""The plan while it grows: loaded rows below, planned ones above, and which scope has to hear about which row.

Whoever asks for something that was not loaded gets `Missing`; the push loads it and plans again from the start, so
planning has no effects but the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sync import scopes
from sync.changes import Change, ClientState, Key, OutboxRow, Plan, Receipt, Row
from sync.rules import Actor


class Missing(Exception):
    """The planner needs `keys` that nobody loaded."""

    def __init__(self, *keys: Key) -> None:
        self.keys = keys
        super().__init__(keys)


class Draft:
    """One plan in the making. `loaded` is shared with the push, which adds to it."""

    def __init__(self, loaded: Mapping[Key, Any]) -> None:
        self.loaded = loaded
        self.plan = Plan()
        self.touched: dict[tuple[str, str, str], bool] = {}
        self.revealed: dict[str, None] = {}
        """Items that came into a scope in this plan: what waited for one may go on."""
        self._receipts: dict[str, Receipt] = {}
        self._children: dict[str, dict[tuple[str, str], None]] = {}
        self._waiting: dict[tuple[str, str], dict[str, None]] = {}

    def need(self, kind: str, *names: str) -> Any:
        """What a key names, as loaded. Raises `Missing`."""
        key = Key(kind, names)
        try:
            return self.loaded[key]
        except KeyError:
            raise Missing(key) from None

    def row(self, entity: str, row_id: str) -> Row | None:
        planned = self.plan.rows.get((entity, row_id))
        if planned is not None:
            return planned
        found: Row | None = self.need("row", entity, row_id)
        return found

    def actor(self, user_id: str) -> Actor:
        """The user; one the office has not entered holds no rights."""
        found: Actor | None = self.need("actor", user_id)
        return found if found is not None else Actor(user_id, None, False, ())

    def receipt(self, mutation_id: str) -> Receipt | None:
        planned = self._receipts.get(mutation_id)
        if planned is not None:
            return planned
        found: Receipt | None = self.need("receipt", mutation_id)
        return found

    def client(self, client_id: str) -> ClientState | None:
        planned = self.plan.clients.get(client_id)
        if planned is not None:
            return planned
        found: ClientState | None = self.need("client", client_id)
        return found

    def children(self, item_id: str) -> list[Row]:
        """Comments, events and conflicts of the item, planned versions first choice."""
        loaded: tuple[Row, ...] = () if self._is_new(item_id) else self.need("children", item_id)
        keys = dict.fromkeys((row.entity, row.id) for row in loaded) | self._children.get(item_id, {})
        known = {(row.entity, row.id): row for row in loaded}
        return [self.plan.rows.get(key) or known[key] for key in keys]

    def _is_new(self, item_id: str) -> bool:
        return ("punch_items", item_id) in self.plan.rows and self.loaded.get(
            Key("row", ("punch_items", item_id)), self
        ) is None

    def waiting(self, entity: str, row_id: str) -> list[Row]:
        """Refusals whose `waiting_for` is that row: parked ones, and refused creations of it."""
        loaded: tuple[Row, ...] = self.need("waiting", entity, row_id)
        ids = dict.fromkeys(row.id for row in loaded) | self._waiting.get((entity, row_id), {})
        known = {row.id: row for row in loaded}
        rows = [self.plan.rows.get(("refusals", key)) or known[key] for key in ids]
        return [row for row in rows if row.doc["waiting_for"] == f"{entity}/{row_id}"]

    def next_number(self, project_id: str) -> int:
        """The project's next item number, never given twice."""
        number: int = self.plan.counters.get(project_id) or self.need("counter", project_id)
        self.plan.counters[project_id] = number + 1
        return number + 1

    def put_item(self, old: Row | None, new: Row) -> None:
        """Write a punch item. Where its scopes changed, its children go with it."""
        before = scopes.of_item(old.doc) if old is not None and not old.is_deleted else ()
        after = () if new.is_deleted else scopes.of_item(new.doc)
        self._write(new, before, after)
        if not set(after) <= set(before):
            self.revealed[new.id] = None
        if old is not None and before != after:
            for child in self.children(new.id):
                self._mark(child, scopes.of_child(child, old), scopes.of_child(child, new), is_changed=False)

    def put_child(self, child: Row, item: Row, old: Row | None = None) -> None:
        """Write a comment, event or conflict of `item`."""
        self._children.setdefault(item.id, {})[(child.entity, child.id)] = None
        self._write(child, () if old is None else scopes.of_child(old, item), scopes.of_child(child, item))

    def put_refusal(self, row: Row) -> None:
        """Write a refused or parked mutation, for its author alone."""
        if row.doc["waiting_for"] is not None:
            entity, _, row_id = row.doc["waiting_for"].partition("/")
            self._waiting.setdefault((entity, row_id), {})[row.id] = None
        scope = (scopes.user(row.doc["user_id"]),)
        self._write(row, scope, scope)

    def put_row(self, old: Row | None, new: Row, project_id: str) -> None:
        """Write a row of the office."""
        self._write(new, () if old is None else scopes.of_row(old, project_id), scopes.of_row(new, project_id))

    def put_receipt(self, receipt: Receipt) -> None:
        self._receipts[receipt.mutation_id] = receipt
        self.plan.receipts.append(receipt)

    def put_client(self, client: ClientState) -> None:
        self.plan.clients[client.id] = client

    def tell(self, kind: str, key: str, payload: dict[str, Any]) -> None:
        """Write a word for the other database."""
        self.plan.outbox.append(OutboxRow(kind, key, payload))

    def _write(self, row: Row, before: Iterable[str], after: Iterable[str]) -> None:
        self.plan.rows[(row.entity, row.id)] = row
        self._mark(row, before, after, is_changed=True)

    def _mark(self, row: Row, before: Iterable[str], after: Iterable[str], *, is_changed: bool) -> None:
        for scope in after:
            if is_changed or scope not in before:
                self._touch((scope, row.entity, row.id), is_gone=False)
        for scope in before:
            if scope not in after:
                self._touch((scope, row.entity, row.id), is_gone=True)

    def _touch(self, key: tuple[str, str, str], *, is_gone: bool) -> None:
        self.touched[key] = is_gone

    def number_changes(self) -> None:
        """Give every change its position: after all earlier ones of its scope (15). Raises `Missing` for clocks."""
        names = dict.fromkeys(scope for scope, _, _ in self.touched)
        keys = [Key("clock", (scope,)) for scope in names]
        missing = [key for key in keys if key not in self.loaded]
        if missing:
            raise Missing(*missing)
        clocks = {key.names[0]: int(self.loaded[key]) for key in keys}
        for (scope, entity, row_id), is_gone in self.touched.items():
            clocks[scope] += 1
            self.plan.changes[(scope, entity, row_id)] = Change(scope, clocks[scope], entity, row_id, is_gone)
        self.plan.clocks.update(clocks)
