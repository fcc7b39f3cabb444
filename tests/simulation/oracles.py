"""The checkers: at each commit of the server, each answer, each device write and at the end; each cites its number."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from sync.changes import Plan
from sync.cookie import Cookie, unseal
from sync.digest import digest
from sync.memory import MemoryStore, State
from tests.simulation.ledger import Ledger
from tests.simulation.model import Model
from tests.simulation.phone import Client, Disk
from tests.simulation.photos import check_photo, check_photos_at_the_end
from tests.simulation.server import KEY, OldRows, Reply
from tests.simulation.sight import Sight
from tests.simulation.violations import hold, violated

INSIDE = ("applied", "merged", "conflict")


@lru_cache(maxsize=256)
def _read(cookie: str) -> Cookie | None:
    return unseal(cookie, KEY)


class Oracles:
    """Everything that is checked in one history."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._model = Model(ledger)
        self._receipts: dict[str, str] = {}
        self.store: MemoryStore

    # --- the server ---------------------------------------------------------------------------------------------------

    def commit(self, plan: Plan, old: OldRows, clocks: Mapping[str, int]) -> None:
        state = self.store.state
        self._numbers(plan, clocks)
        for receipt in plan.receipts:
            self._receipt(receipt.mutation_id, receipt.user_id, receipt.body, plan, state)
        for client in plan.clients.values():
            count = sum(receipt.client == client.id for receipt in plan.receipts)
            hold(16, client.last_n >= count, f"client {client.id} has more receipts than numbers")
        for key, row in plan.rows.items():
            before = old[key]
            hold(6, before is None or row.version > before.version, f"{key} was written without a new version")
            hold(6, row.doc["version"] == row.version, f"{key} says another version than it has")
        self._model.commit(plan, state)
        for row in plan.rows.values():
            if row.entity == "photos":
                check_photo(row, old[("photos", row.id)], plan, self._ledger)
        for item_id in {row.id if row.entity == "punch_items" else row.item_id for row in plan.rows.values()} - {""}:
            self._counts(state, item_id)
        self._remember_places(plan)

    def _counts(self, state: State, item_id: str) -> None:
        """An item counts what hangs on it (4)."""
        item = state.rows.get(("punch_items", item_id))
        if item is None:
            return
        children = [state.rows[key] for key in state.children.get(item_id, ())]
        for entity, field in (("comments", "comment_count"), ("photos", "photo_count")):
            count = sum(child.entity == entity and not child.is_deleted for child in children)
            hold(4, item.doc[field] == count, f"item {item_id} has {count} {entity} and counts {item.doc[field]}")

    def _numbers(self, plan: Plan, clocks: Mapping[str, int]) -> None:
        """Numbers rise in commit order, and no two changes share one (15)."""
        given: dict[str, list[int]] = {}
        for change in plan.changes.values():
            given.setdefault(change.scope, []).append(change.number)
        for scope, numbers in given.items():
            words = f"{scope} stood at {clocks[scope]} and gave {sorted(numbers)}"
            hold(15, min(numbers) > clocks[scope] and len(set(numbers)) == len(numbers), words)
            hold(15, max(numbers) <= plan.clocks[scope], words)

    def _receipt(self, mutation_id: str, user: str, body: str, plan: Plan, state: State) -> None:
        hold(2, mutation_id not in self._receipts, f"{mutation_id} has a second receipt")
        self._receipts[mutation_id] = body
        outcome = orjson.loads(body)["outcome"]
        saved = self._ledger.saved.get(mutation_id)
        if saved is None:
            return  # a noop
        hold(21, saved.user == user, f"{mutation_id} of {saved.user} was taken as {user}'s")
        if outcome in INSIDE:
            is_there = ("item_events", mutation_id) in state.rows or saved.name in ("refusal.dismiss", "noop")
            hold(1, is_there, f"{saved.name} {mutation_id} is called {outcome} and left nothing")
        else:
            row = state.rows.get(("refusals", mutation_id))
            hold(3, row is not None and row.doc["args"] in saved.versions, f"{mutation_id} is {outcome} and not kept")

    def _remember_places(self, plan: Plan) -> None:
        answered = {
            receipt.mutation_id for receipt in plan.receipts
        }  # what is released later is covered by its refusal
        for change in plan.changes.values():
            if change.id in answered and change.entity in ("item_events", "refusals") and not change.is_gone:
                self._ledger.covered.setdefault(change.id, {}).setdefault(change.scope, change.number)

    def reply(self, reply: Reply) -> None:
        """Nothing leaves for a user that the user may not see, in the state it was read from (7)."""
        if reply.seen is None:
            return
        sight = Sight(reply.seen, reply.user, reply.at)
        body = orjson.loads(reply.text)
        for page in body["scopes"]:
            for row in page["rows"]:
                key = (row["entity"], row["doc"]["id"])
                hold(7, sight.sees(*key), f"{key} went to {reply.user} by {page['scope']}")
                hold(7, row["doc"] == reply.seen.rows[key].doc, f"{key} is not what was committed")
        for receipt in body["receipts"]:
            stored = self.store.state.receipts.get(receipt["id"])
            if receipt["reason"] == "mutation_reused":
                continue
            hold(1, stored is not None, f"a receipt for {receipt['id']} left and is not stored")
            assert stored is not None
            hold(2, orjson.loads(stored.body) == receipt, f"{receipt['id']} got another receipt than the stored one")

    def server_died(self) -> None:
        """What was acknowledged is there after any crash (1, 2)."""
        stored = self.store.state.receipts
        for mutation_id, body in self._receipts.items():
            hold(1, mutation_id in stored and stored[mutation_id].body == body, f"{mutation_id} lost its receipt")

    # --- a device -----------------------------------------------------------------------------------------------------

    def device_wrote(self, client: Client, given: dict[str, Any], actions: dict[str, Any], before: Disk) -> None:
        now = client.disk
        held = {entry["id"] for entry in now.entries()}
        numbers = [entry["n"] for entry in now.entries() if entry["n"] > 0]
        hold(16, numbers == sorted(set(numbers)), f"numbers {numbers}")
        pending = [entry["n"] for entry in now.entries() if entry["state"] != "acked"]
        hold(16, pending == list(range(now.state["next_n"] - len(pending), now.state["next_n"])), f"a hole: {pending}")
        self._nothing_vanished(before, now, held, given)
        self._tried_stay(before, now, given)
        if "apply" in actions:
            self._applied(client, given, before, actions["apply"]["prune"])
        elif now.state["cookie"] != before.state["cookie"]:
            hold(14, False, "the cookie moved without its rows")

    def _nothing_vanished(self, before: Disk, now: Disk, held: set[str], given: dict[str, Any]) -> None:
        for entry in before.entries():
            if entry["id"] in held or entry["name"] == "noop":
                continue
            is_done = entry["id"] in self._receipts or entry["id"] in now.quarantined
            is_asked = given["type"] == "discard" and given["id"] == entry["id"] and entry["state"] == "waiting"
            hold(3, is_done or is_asked, f"{entry['id']} left the outbox by {given['type']} without receipt")

    def _tried_stay(self, before: Disk, now: Disk, given: dict[str, Any]) -> None:
        """Once tried, an entry is immutable: the server may have it (2)."""
        if given["type"] not in ("amend", "discard"):
            return
        after = {entry["id"]: entry for entry in now.entries()}
        for entry in before.entries():
            if entry["state"] != "waiting":
                hold(2, after.get(entry["id"]) == entry, f"{entry['id']} was changed after it was tried")

    def _applied(self, client: Client, given: dict[str, Any], before: Disk, pruned: list[str]) -> None:
        cookie = _read(client.disk.state["cookie"])
        assert cookie is not None
        was = None if before.state["cookie"] is None else _read(before.state["cookie"])
        state = self.store.state
        if was is not None and not given["body"]["reset"]:
            for scope, number in was.scopes.items():
                words = f"{client.user}: {scope} went back from {number} to {cookie.scopes.get(scope)}"
                hold(13, scope in given["body"]["drop"] or cookie.scopes.get(scope, 0) >= number, words)
        for scope, number in cookie.scopes.items():
            self._no_gap(client, state, scope, number)
        for mutation_id in pruned:
            for scope, number in self._ledger.covered.get(mutation_id, {}).items():
                words = f"{mutation_id} was pruned before {scope} came to {number}"
                hold(11, scope not in cookie.scopes or cookie.scopes[scope] >= number, words)

    def _no_gap(self, client: Client, state: State, scope: str, number: int) -> None:
        """Every change up to the cursor is here, unless a newer one of the same row waits (15)."""
        rows = client.disk.scopes.get(scope, {})
        for (entity, row_id), change in state.changes.get(scope, {}).items():
            if change.number > number:
                continue
            is_here = (entity, row_id) in rows
            if is_here == change.is_gone:
                violated(15, f"{client.user} at {number} of {scope}: {entity} {row_id} here {is_here}")

    # --- the end ------------------------------------------------------------------------------------------------------

    def end(self, clients: list[Client], now: int) -> None:
        self.server_died()
        state = self.store.state
        for client in clients:
            left = client.disk.entries()
            hold(8, not left, f"{client.user} still has {[(entry['name'], entry['state']) for entry in left]}")
            self._converged(client, state, now)
        for saved in self._ledger.saved.values():
            is_quarantined = any(saved.id in client.disk.quarantined for client in clients)
            is_taken = saved.id in state.receipts or saved.is_discarded
            hold(3, is_taken or is_quarantined, f"{saved.name} {saved.id} vanished")
            hold(19, is_taken or saved.is_poison, f"{saved.name} {saved.id} was quarantined and is no poison")
        self._conserved(state)
        check_photos_at_the_end(state)

    def _converged(self, client: Client, state: State, now: int) -> None:
        expected = Sight(state, client.user, now).everything()
        found = client.disk.rows()
        for key in [*expected, *found] if found != expected else ():
            words = f"{client.user}: {key} is {found.get(key)}, should be {expected.get(key)}"
            hold(9, found.get(key) == expected.get(key), words)
        here = digest((entity, doc) for (entity, _), doc in found.items())
        there = digest((entity, doc) for (entity, _), doc in expected.items())
        hold(9, here == there, f"{client.user} has another digest")
        shown = {key: doc for docs in client.shown().values() for key, doc in docs.items()}
        parked = any(doc.get("state") == "parked" for (entity, _), doc in found.items() if entity == "refusals")
        hold(11, parked or not shown, f"{client.user} still shows {shown}")

    def _conserved(self, state: State) -> None:
        numbers: dict[int, str] = {}
        for (entity, row_id), row in state.rows.items():
            if entity == "punch_items":
                hold(
                    4,
                    numbers.setdefault(row.doc["number"], row_id) == row_id,
                    f"number {row.doc['number']} given twice",
                )
        last = next(iter(state.counters.values()), 0)
        hold(4, len(numbers) == last, f"{last} numbers for {len(numbers)} items")
        self._parked_have_reason(state)

    def _parked_have_reason(self, state: State) -> None:
        """Nothing stays parked behind an item that was there and in sight since (19)."""
        for (entity, row_id), row in state.rows.items():
            if entity == "refusals" and row.doc["state"] == "parked" and row.doc["reason"] == "waiting":
                target, _, target_id = row.doc["waiting_for"].partition("/")
                item = state.rows.get((target, target_id))
                hold(
                    19,
                    item is None or self._has_been_away(state, row.doc["user_id"]),
                    f"{row_id} waits for {target_id}, which is there",
                )

    def _has_been_away(self, state: State, user: str) -> bool:
        """Whether the user's rights ever changed or are less than all: then an item may be out of sight."""
        docs = [state.rows[("memberships", key)].doc for key in state.memberships.get(user, ())]
        actor = state.rows[("actors", user)]
        is_steady = len(docs) == 1 and docs[0]["valid_to"] is None and docs[0]["sector_id"] is None
        return not (is_steady and docs[0]["role"] != "guest" and actor.version == 1)


__all__ = ["Oracles"]
