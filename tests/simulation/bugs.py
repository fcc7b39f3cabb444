"""Planted bugs: each takes one promise out of the shipped code by substitution, here only; the simulator has to notice.

`test_bugs.py` pins a seed for each, and hunts each again from fresh seeds in full runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sync import acts, comments, device, draft, intake, items, memory, merge, planners, push, scopes
from sync import pull as pulling
from sync.merge import Settled, Verdict
from sync.receipts import body_of_refusal
from sync.rules import Membership
from sync.schema import ITEM_FIELDS, Outcome, Policy
from tests.simulation.photo_bugs import PLANTS as PHOTO_BUGS
from tests.simulation.server import WatchedStore

_send: Any = device._send
_back_off: Any = device._back_off
Plant = Callable[[pytest.MonkeyPatch], None]


def no_fork_check(patch: pytest.MonkeyPatch) -> None:
    """A number used by another phone is taken again; the newer mutation counts as known."""

    def answer(self: Any, mutation: Any) -> None:
        known = self.draft.receipt(mutation.id)
        if known is None and mutation.n <= self.client.last_n:
            mutation_body = body_of_refusal(mutation.id, Outcome.REFUSED, "invalid")
            self.receipts.append(mutation_body)
            return
        original(self, mutation)

    original = push.Batch._answer
    patch.setattr(push.Batch, "_answer", answer)


def receipt_not_stored(patch: pytest.MonkeyPatch) -> None:
    def put(self: Any, receipt: Any) -> None:
        self._receipts[receipt.mutation_id] = receipt

    patch.setattr(draft.Draft, "put_receipt", put)


def effect_without_its_place_in_the_scopes(patch: pytest.MonkeyPatch) -> None:
    """Children of an item are not told that it moved or changed its company."""
    original = draft.Draft.put_item

    def put(self: Any, old: Any, new: Any) -> None:
        before = () if old is None or old.is_deleted else scopes.of_item(old.doc)
        after = () if new.is_deleted else scopes.of_item(new.doc)
        if old is not None and before != after:
            self._write(new, before, after)
        else:
            original(self, old, new)

    patch.setattr(draft.Draft, "put_item", put)


def cursor_one_ahead(patch: pytest.MonkeyPatch) -> None:
    original = memory.State.page

    def page(self: Any, scope: str, after: int, limit: int) -> Any:
        found = original(self, scope, after, limit)
        return found if not found.is_last else replace(found, upto=found.upto + 1)

    patch.setattr(memory.State, "page", page)


def two_writers(patch: pytest.MonkeyPatch) -> None:
    """Numbers are taken without the lock."""

    async def begin(self: Any, names: Any) -> Any:
        await memory.pause()
        self._writer = memory.MemoryTransaction(self)
        return self._writer

    patch.setattr(WatchedStore, "begin", begin)


def rights_on_the_old_place_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(items, "check_move", lambda act, item, sector_id: None)


def rights_read_without_their_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Membership, "holds_at", lambda self, instant: self.valid_from <= instant)


def late_work_without_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(acts, "LATE_MS", 10**12)


def late_work_of_any_base(patch: pytest.MonkeyPatch) -> None:
    def is_late(self: Any, membership: Any, item_id: Any) -> bool:
        ended_at = membership.valid_to
        return ended_at is not None and ended_at <= self.now and membership.holds_at(self.corrected_at)

    patch.setattr(acts.Act, "_is_late_under", is_late)


def session_not_compared(patch: pytest.MonkeyPatch) -> None:
    """Entries are taken as whoever is signed in."""
    original = push._run
    check = push._check_client

    async def run(store: Any, request: Any, context: Any, *rest: Any, **more: Any) -> Any:
        return await original(store, replace(request, user=context.user_id), context, *rest, **more)

    async def pushed(store: Any, request: Any, context: Any) -> Any:
        return await run(store, request, context) if request.mutations else await push._look(store, request)

    patch.setattr(
        push, "_check_client", lambda client, request: check(client and replace(client, user_id=request.user), request)
    )
    patch.setattr("tests.simulation.server.push", pushed)


def pruned_before_covered(patch: pytest.MonkeyPatch) -> None:
    """The end of an answer ends the overlay of all that is acknowledged, also by another tab meanwhile."""
    original: Any = device._apply

    def apply(state: Any, flight: Any, body: Any, now: int) -> Any:
        ids = [entry["id"] for entry in state["entries"]]
        return original(state, {**flight, "acked": ids}, body, now)

    patch.setattr(device, "_apply", apply)


def pruned_by_half_an_answer(patch: pytest.MonkeyPatch) -> None:
    original: Any = device._apply
    patch.setattr(
        device, "_apply", lambda state, flight, body, now: original(state, flight, {**body, "complete": True}, now)
    )


def answer_without_cookie_check(patch: pytest.MonkeyPatch) -> None:
    original: Any = device._STEPS["answer"]

    def answer(state: Any, given: Any) -> Any:
        if state["flight"] is not None:
            state = {**state, "flight": {**state["flight"], "cookie": state["cookie"]}}
        return original(state, given)

    patch.setitem(device._STEPS, "answer", answer)


def server_error_counts_as_sent(patch: pytest.MonkeyPatch) -> None:
    """As background-sync queues do that drop before they know."""
    original: Any = device._STEPS["failure"]

    def failure(state: Any, given: Any) -> Any:
        flight = state["flight"]
        if flight is not None and flight["request"] == given["request"] and given["status"] == 503:
            kept = [entry for entry in state["entries"] if entry["id"] not in flight["ids"]]
            return {**state, "entries": kept, "flight": None}, [{"type": "put", "entry": None}]
        return original(state, given)

    patch.setitem(device._STEPS, "failure", failure)


def tried_entry_amended(patch: pytest.MonkeyPatch) -> None:
    original: Any = device._STEPS["amend"]

    def amend(state: Any, given: Any) -> Any:
        entries = [{**entry, "state": "waiting"} if entry["id"] == given["id"] else entry for entry in state["entries"]]
        return original({**state, "entries": entries}, given)

    patch.setitem(device._STEPS, "amend", amend)


def discard_leaves_a_hole(patch: pytest.MonkeyPatch) -> None:
    def discard(state: Any, given: Any) -> Any:
        kept = [entry for entry in state["entries"] if entry["id"] != given["id"] or entry["state"] != "waiting"]
        return {**state, "entries": kept}, [{"type": "remove", "id": given["id"]}]

    patch.setitem(device._STEPS, "discard", discard)


def poison_blocks_the_lane(patch: pytest.MonkeyPatch) -> None:
    def narrow(state: Any, flight: Any, given: Any) -> Any:
        return _back_off(state, "server", given["now"], 0, given["jitter"])

    patch.setattr(device, "_narrow", narrow)


def neighbours_of_poison_dropped(patch: pytest.MonkeyPatch) -> None:
    """The whole batch goes to "needs you" for one bad entry."""
    original: Any = device._narrow

    def narrow(state: Any, flight: Any, given: Any) -> Any:
        return original(state, {**flight, "ids": flight["ids"][-1:]}, given)

    patch.setattr(device, "_narrow", narrow)


def renumbering_keeps_numbers(patch: pytest.MonkeyPatch) -> None:
    def renumber(state: Any, given: Any) -> Any:
        return _send({**state, "client": given["fresh_id"]}, given["now"])

    patch.setattr(device, "_renumber", renumber)


def clock_put_back_wedges(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(device, "is_too_early", lambda retry_at, now: retry_at is not None and now < retry_at)


def field_versions_lost(patch: pytest.MonkeyPatch) -> None:
    original = acts.Act.edited
    patch.setattr(
        acts.Act, "edited", lambda self, item, values, tracked, **more: original(self, item, values, (), **more)
    )


def own_edits_forgotten(patch: pytest.MonkeyPatch) -> None:
    original = merge.settle

    def settle(*given: Any, is_seen: bool, is_own: bool) -> Settled:
        return original(*given, is_seen=is_seen, is_own=False)

    patch.setattr(items, "settle", settle)


def loser_not_kept(patch: pytest.MonkeyPatch) -> None:
    original = items._enter

    def enter(act: Any, item: Any, name: str, settled: Settled, result: Any) -> None:
        original(act, item, name, Settled(Verdict.TAKEN, None) if settled.verdict is Verdict.KEPT else settled, result)

    patch.setattr(items, "_enter", enter)


def newcomer_wins_everything(patch: pytest.MonkeyPatch) -> None:
    original = merge.settle

    def settle(field: Any, *given: Any, **more: Any) -> Settled:
        return original(replace(field, policy=Policy.LATEST) if field.policy is Policy.ASK else field, *given, **more)

    patch.setattr(items, "settle", settle)


def tags_overwritten(patch: pytest.MonkeyPatch) -> None:
    original = merge.settle

    def settle(field: Any, was: Any, current: Any, wanted: Any, **more: Any) -> Settled:
        if field is ITEM_FIELDS["tags"]:
            return Settled(Verdict.TAKEN, wanted)
        return original(field, was, current, wanted, **more)

    patch.setattr(items, "settle", settle)


def edit_brings_back_the_deleted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(acts.Act, "live_item", acts.Act.item)
    original = acts.Act.edited

    def edited(self: Any, item: Any, values: Any, tracked: Any, **more: Any) -> Any:
        return original(self, item, values, tracked, **{"is_deleted": False, **more})

    patch.setattr(acts.Act, "edited", edited)


def parked_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(intake, "release_revealed", lambda draft, now: None)


def comment_not_counted(patch: pytest.MonkeyPatch) -> None:
    original = comments.add

    def add(act: Any) -> Any:
        item = act.draft.row("punch_items", act.args["item_id"])
        if item is not None and item.version % 3 == 0:
            act.draft.plan.rows[("punch_items", item.id)] = replace(item, doc={**item.doc, "comment_count": 0})
        return original(act)

    patch.setattr(planners, "PLANNERS", {**planners.PLANNERS, "comment.add": add})


def scope_not_dropped(patch: pytest.MonkeyPatch) -> None:
    original = pulling._pull

    async def pull(*given: Any, **more: Any) -> Any:
        return replace(await original(*given, **more), drop=())

    patch.setattr(pulling, "_pull", pull)


def half_an_answer_called_whole(patch: pytest.MonkeyPatch) -> None:
    original = pulling._pull

    async def pull(*given: Any, **more: Any) -> Any:
        return replace(await original(*given, **more), is_complete=True)

    patch.setattr(pulling, "_pull", pull)


def rights_older_than_rows(patch: pytest.MonkeyPatch) -> None:
    """The scopes of everybody in the project are given to each member."""
    original = scopes.held

    def held(actor: Any, user_id: str, project_id: Any, sectors: Any, now: int) -> list[str]:
        found = original(actor, user_id, project_id, sectors, now)
        ended = [m.sector_id for m in (actor.memberships if actor else ()) if m.valid_to is not None and m.sector_id]
        return [*found, *(name for name in map(scopes.sector, ended) if name not in found)]

    patch.setattr(scopes, "held", held)


BUGS: dict[str, Plant] = {
    plant.__name__: plant
    for plant in (
        no_fork_check,
        receipt_not_stored,
        effect_without_its_place_in_the_scopes,
        cursor_one_ahead,
        two_writers,
        rights_on_the_old_place_only,
        rights_read_without_their_end,
        late_work_without_limit,
        late_work_of_any_base,
        session_not_compared,
        pruned_before_covered,
        pruned_by_half_an_answer,
        answer_without_cookie_check,
        server_error_counts_as_sent,
        tried_entry_amended,
        discard_leaves_a_hole,
        poison_blocks_the_lane,
        neighbours_of_poison_dropped,
        renumbering_keeps_numbers,
        clock_put_back_wedges,
        field_versions_lost,
        own_edits_forgotten,
        loser_not_kept,
        newcomer_wins_everything,
        tags_overwritten,
        edit_brings_back_the_deleted,
        parked_for_ever,
        comment_not_counted,
        scope_not_dropped,
        half_an_answer_called_whole,
        rights_older_than_rows,
        *PHOTO_BUGS,
    )
}
