"""What every store promises the engine (`sync.changes`): the same on each backend, nothing decided by any."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from sync.changes import Change, ClientState, Key, OutboxRow, Plan, Receipt, Row, Store, Unstorable
from sync.rules import Actor, Membership, Role
from sync.uploads import note_preview, note_thumb, store_photo
from tests.sync.site import NOON, uid

pytestmark = pytest.mark.anyio

PROJECT, SECTOR, ITEM, USER, CLIENT = (uid(group, 1) for group in (0, 1, 11, 4, 12))
HOSTILE = "Übergröße \U0001f9f1 \u202e \uffff \r\n\t\"\\ \u0001 </script> '; DROP TABLE receipts; -- e\u0301"


def item_row(item_id: str = ITEM, version: int = 1, **fields: Any) -> Row:
    doc = {
        "id": item_id,
        "version": version,
        "project_id": PROJECT,
        "sector_id": SECTOR,
        "company_id": None,
        "status": "open",
        "number": 1,
        "external_ref": "",
        **fields,
    }
    return Row("punch_items", item_id, version, doc, {"": (1, CLIENT), "title": (version, CLIENT)})


def event_row(event_id: str, item_version: int, received_at: int, item_id: str = ITEM) -> Row:
    doc = {
        "id": event_id,
        "version": 1,
        "item_id": item_id,
        "actor_id": USER,
        "item_version": item_version,
        "received_at": received_at,
    }
    return Row("item_events", event_id, 1, doc, {}, False, item_id)


def comment_row(comment_id: str, item_id: str = ITEM) -> Row:
    doc = {"id": comment_id, "version": 1, "item_id": item_id, "author_id": USER, "text": HOSTILE}
    return Row("comments", comment_id, 1, doc, {}, False, item_id)


def photo_row(photo_id: str, version: int = 1, *, is_deleted: bool = False, **fields: Any) -> Row:
    doc = {
        "id": photo_id,
        "version": version,
        "item_id": ITEM,
        "author_id": USER,
        "state": "waiting",
        "sha256": "ab" * 32,
        "size_bytes": 9,
        "thumb_sha256": None,
        "preview": "none",
        "position": {"lat_e7": -1, "lon_e7": 1_800_000_000, "accuracy_m": 0},
        "caption": HOSTILE,
        **fields,
    }
    return Row("photos", photo_id, version, doc, {"is_deleted": (3, CLIENT)}, is_deleted, ITEM)


def refusal_row(refusal_id: str, state: str, waiting_for: str | None) -> Row:
    doc = {"id": refusal_id, "version": 1, "user_id": USER, "state": state, "waiting_for": waiting_for}
    return Row("refusals", refusal_id, 1, doc, {})


def office_rows() -> list[Row]:
    docs: list[tuple[str, dict[str, Any]]] = [
        ("projects", {"id": PROJECT, "name": "Quay"}),
        ("actors", {"id": USER, "name": "Ana", "company_id": None, "is_disabled": False}),
    ]
    return [Row(entity, doc["id"], 1, {**doc, "version": 1}, {}) for entity, doc in docs]


def membership_row(number: int, sector_id: str | None, valid_to: int | None, *, is_deleted: bool = False) -> Row:
    doc = {
        "id": uid(5, number),
        "version": 1,
        "user_id": USER,
        "sector_id": sector_id,
        "role": "worker",
        "valid_from": 5,
        "valid_to": valid_to,
    }
    return Row("memberships", uid(5, number), 1, doc, {}, is_deleted)


def plan_of(rows: Iterable[Row] = (), changes: Iterable[Change] = (), **more: Any) -> Plan:
    plan = Plan(**more)
    plan.rows = {(row.entity, row.id): row for row in rows}
    plan.changes = {(change.scope, change.entity, change.id): change for change in changes}
    for change in plan.changes.values():
        plan.clocks[change.scope] = max(change.number, plan.clocks.get(change.scope, 0))
    return plan


async def commit(store: Store, plan: Plan) -> None:
    transaction = await store.begin(())
    await transaction.write(plan)
    await transaction.commit()


async def load(store: Store, *keys: Key) -> list[Any]:
    transaction = await store.begin(())
    loaded = await transaction.load(keys)
    await transaction.rollback()
    return [loaded[key] for key in keys]


def key(kind: str, *names: str) -> Key:
    return Key(kind, names)


@pytest.mark.parametrize(
    ("wanted", "nothing"),
    [
        (key("row", "punch_items", ITEM), None),
        (key("children", ITEM), ()),
        (key("receipt", uid(10, 1)), None),
        (key("client", CLIENT), None),
        (key("actor", USER), None),
        (key("clock", f"sector/{SECTOR}"), 0),
        (key("counter", PROJECT), 0),
        (key("seen_at", ITEM, "1"), None),
        (key("seen_at", ITEM, "9007199254740991"), None),
        (key("waiting", "punch_items", ITEM), ()),
        (key("parked", USER), ()),
    ],
    ids=lambda value: value.kind if isinstance(value, Key) else "",
)
async def test_what_is_not_there_loads_as_nothing(store: Store, wanted: Key, nothing: Any) -> None:
    assert await load(store, wanted) == [nothing]


async def test_no_keys_load_nothing(store: Store) -> None:
    assert await load(store) == []


async def test_a_row_comes_back_as_it_was_written(store: Store) -> None:
    row = item_row(title=HOSTILE, number=2**53 - 1, tags=["a", "b"], due_on=None, deep={"list": [[{"x": -1}]]})
    await commit(store, plan_of([row]))
    assert await load(store, key("row", "punch_items", ITEM)) == [row]


async def test_a_newer_version_replaces_the_older_and_a_deleted_row_is_still_there(store: Store) -> None:
    await commit(store, plan_of([item_row()]))
    doc = item_row(version=2).doc
    gone = Row("punch_items", ITEM, 2, doc, {}, is_deleted=True)
    await commit(store, plan_of([gone]))
    assert await load(store, key("row", "punch_items", ITEM)) == [gone]


async def test_a_rollback_leaves_nothing(store: Store) -> None:
    transaction = await store.begin(())
    await transaction.write(plan_of([item_row()], counters={PROJECT: 7}))
    await transaction.rollback()
    assert await load(store, key("row", "punch_items", ITEM), key("counter", PROJECT)) == [None, 0]


async def test_children_are_those_of_the_item_by_entity_and_id(store: Store) -> None:
    other = uid(11, 2)
    rows = [
        event_row(uid(10, 2), 1, 5),
        comment_row(uid(9, 2)),
        comment_row(uid(9, 1)),
        comment_row(uid(9, 3), other),
        event_row(uid(10, 1), 2, 6),
        photo_row(uid(13, 2)),
        photo_row(uid(13, 1), is_deleted=True),
    ]
    await commit(store, plan_of([item_row(), item_row(other), *rows]))
    children = (await load(store, key("children", ITEM)))[0]
    assert children == (rows[2], rows[1], rows[4], rows[0], rows[6], rows[5]), "removed ones too"


async def test_seen_at_is_when_the_version_was_first_written(store: Store) -> None:
    """Work that changes nothing has an event of the same version later; it does not make the version younger."""
    rows = [event_row(uid(10, 1), 1, 100), event_row(uid(10, 2), 1, 900), event_row(uid(10, 3), 2, 950)]
    await commit(store, plan_of([item_row(), *rows]))
    assert await load(store, key("seen_at", ITEM, "1"), key("seen_at", ITEM, "2")) == [100, 950]


async def test_waiting_names_refusals_of_any_state_by_what_they_wait_for(store: Store) -> None:
    here = f"punch_items/{ITEM}"
    rows = [
        refusal_row(uid(10, 3), "parked", here),
        refusal_row(uid(10, 1), "refused", here),
        refusal_row(uid(10, 2), "parked", f"punch_items/{uid(11, 2)}"),
        refusal_row(uid(10, 4), "refused", None),
    ]
    await commit(store, plan_of(rows))
    assert await load(store, key("waiting", "punch_items", ITEM)) == [(rows[1], rows[0])]
    await commit(store, plan_of([refusal_row(uid(10, 3), "applied", None)]))
    assert await load(store, key("waiting", "punch_items", ITEM)) == [(rows[1],)]


async def test_parked_names_a_users_refusals_that_still_wait(store: Store) -> None:
    here = f"punch_items/{ITEM}"
    rows = [
        refusal_row(uid(10, 3), "parked", here),
        refusal_row(uid(10, 1), "refused", here),
        refusal_row(uid(10, 2), "parked", "mutations/item.split"),
    ]
    await commit(store, plan_of(rows))
    assert await load(store, key("parked", USER), key("parked", ITEM)) == [(rows[2], rows[0]), ()]
    await commit(store, plan_of([refusal_row(uid(10, 3), "applied", None)]))
    assert await load(store, key("parked", USER)) == [(rows[2],)]


async def test_an_actor_has_all_memberships_the_ended_ones_too(store: Store) -> None:
    rows = [
        *office_rows(),
        membership_row(1, SECTOR, 10),
        membership_row(2, None, None),
        membership_row(3, SECTOR, None, is_deleted=True),
    ]
    await commit(store, plan_of(rows))
    memberships = (Membership(SECTOR, Role.WORKER, 5, 10), Membership(None, Role.WORKER, 5, None))
    assert await load(store, key("actor", USER)) == [Actor(USER, None, False, memberships)]


async def test_receipts_clients_clocks_and_counters_come_back(store: Store) -> None:
    receipt = Receipt(uid(10, 1), USER, CLIENT, 1, "0" * 64, json.dumps({"text": HOSTILE}, ensure_ascii=False), NOON)
    client = ClientState(CLIENT, USER, 1)
    plan = plan_of(receipts=[receipt], clients={CLIENT: client}, clocks={"sector/x": 12}, counters={PROJECT: 3})
    await commit(store, plan)
    keys = (key("receipt", uid(10, 1)), key("client", CLIENT), key("clock", "sector/x"), key("counter", PROJECT))
    assert await load(store, *keys) == [receipt, client, 12, 3]
    revoked = ClientState(CLIENT, USER, 5, is_revoked=True)
    await commit(store, plan_of(clients={CLIENT: revoked}, clocks={"sector/x": 13}, counters={PROJECT: 4}))
    assert await load(store, *keys) == [receipt, revoked, 13, 4]


async def test_a_second_receipt_for_a_mutation_cannot_be_stored_and_nothing_of_its_plan_is(store: Store) -> None:
    """Invariant 2 is held by the store as well."""
    receipt = Receipt(uid(10, 1), USER, CLIENT, 1, "0" * 64, "{}", NOON)
    await commit(store, plan_of(receipts=[receipt]))
    transaction = await store.begin(())
    with pytest.raises(Unstorable):
        await transaction.write(plan_of([item_row()], receipts=[receipt]))
        await transaction.commit()
    await transaction.rollback()
    assert await load(store, key("row", "punch_items", ITEM)) == [None]


async def test_an_audit_row_is_written_once_and_a_poke_may_ring_again(store: Store) -> None:
    """A1: the key is the mutation's id."""
    await commit(store, plan_of(outbox=[OutboxRow("audit", "a", {"x": 1}), OutboxRow("poke", "p", {"scopes": []})]))
    await commit(store, plan_of(outbox=[OutboxRow("poke", "p", {"scopes": ["user/x"]})]))
    transaction = await store.begin(())
    with pytest.raises(Unstorable):
        await transaction.write(plan_of(outbox=[OutboxRow("audit", "a", {"x": 1})]))
        await transaction.commit()
    await transaction.rollback()


async def test_a_job_told_again_is_the_same_job(store: Store) -> None:
    """Bytes may be announced again after a crash; their previews are made once."""
    for _ in range(2):
        await commit(store, plan_of(outbox=[OutboxRow("job", "previews/x/thumb", {"queue": "uploads"})]))
    await commit(store, plan_of(outbox=[OutboxRow("audit", "previews/x/thumb", {})]))


async def test_the_bytes_of_a_photo_are_noted_once(store: Store) -> None:
    """Invariant 5, and J1: row, audit word and job commit together."""
    photo = photo_row(uid(13, 1))
    await commit(store, plan_of([item_row(), photo]))
    assert not await store_photo(store, photo.id, "ef" * 32, NOON)
    for _ in range(2):
        assert await store_photo(store, photo.id, "ab" * 32, NOON)
        assert await note_thumb(store, photo.id)
        assert await note_preview(store, photo.id, "view")
    (found,) = await load(store, key("row", "photos", photo.id))
    assert found.doc == photo.doc | {"version": 3, "state": "stored", "stored_at": NOON, "preview": "view"}
    snapshot = await store.snapshot()
    page = await snapshot.page(f"sector/{SECTOR}", 0, 10)
    await snapshot.close()
    assert [json.loads(text) for _, text in page.rows] == [found.doc]


async def test_an_act_that_cannot_be_stored_leaves_nothing_and_holds_up_nobody(store: Store) -> None:
    photo = photo_row(uid(13, 1))
    taken = OutboxRow("audit", f"photo.stored/{photo.id}", {})
    await commit(store, plan_of([item_row(), photo], outbox=[taken]))
    with pytest.raises(Unstorable):
        await store_photo(store, photo.id, "ab" * 32, NOON)
    with anyio.fail_after(5):
        assert await note_preview(store, photo.id, "thumb")
    (found,) = await load(store, key("row", "photos", photo.id))
    assert (found.doc["state"], found.doc["preview"]) == ("waiting", "thumb")


async def test_of_many_who_note_the_same_bytes_one_writes(store: Store) -> None:
    photo = photo_row(uid(13, 1))
    await commit(store, plan_of([item_row(), photo]))
    answers = []

    async def note() -> None:
        answers.append(await store_photo(store, photo.id, "ab" * 32, NOON))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(note)
    assert answers == [True] * 5
    assert (await load(store, key("row", "photos", photo.id)))[0].version == 2


async def test_a_half_surrogate_cannot_be_stored_and_the_next_push_can(store: Store) -> None:
    """Invariant 20: should one get past the parser, it costs only its own transaction."""
    transaction = await store.begin(())
    with pytest.raises(Unstorable):
        await transaction.write(plan_of([item_row(title="\ud800")]))
        await transaction.commit()
    await transaction.rollback()
    await commit(store, plan_of([item_row()]))
    assert (await load(store, key("row", "punch_items", ITEM)))[0].version == 1


async def test_writers_come_one_after_the_other(store: Store) -> None:
    """Invariant 15: numbers are read and written under the lock, so none is given twice."""

    async def count() -> None:
        transaction = await store.begin(())
        counter = key("counter", PROJECT)
        number = (await transaction.load([counter]))[counter]
        await anyio.lowlevel.checkpoint()
        await transaction.write(plan_of(counters={PROJECT: number + 1}))
        await transaction.commit()

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(count)
    assert await load(store, key("counter", PROJECT)) == [20]


def _put(scope: str, number: int, row_id: str, *, is_gone: bool = False) -> Change:
    return Change(scope, number, "punch_items", row_id, is_gone)


async def _filled(store: Store, count: int) -> str:
    scope = f"sector/{SECTOR}"
    rows = [item_row(uid(11, number), number=number) for number in range(1, count + 1)]
    changes = [_put(scope, place, row.id) for place, row in enumerate(rows, start=1)]
    await commit(store, plan_of(rows, changes))
    return scope


async def test_a_page_gives_rows_as_json_oldest_change_first(store: Store) -> None:
    scope = await _filled(store, 3)
    await commit(store, plan_of([item_row(uid(11, 1), 2, number=9)], [_put(scope, 4, uid(11, 1))]))
    snapshot = await store.snapshot()
    page = await snapshot.page(scope, 0, 100)
    await snapshot.close()
    assert [json.loads(text)["number"] for _, text in page.rows] == [2, 3, 9]
    assert {entity for entity, _ in page.rows} == {"punch_items"}
    assert (page.scope, page.after, page.upto, page.total, page.is_last) == (scope, 0, 4, 3, True)
    assert not page.gone


async def test_a_page_tells_what_went(store: Store) -> None:
    scope = await _filled(store, 3)
    await commit(store, plan_of((), [_put(scope, 4, uid(11, 2), is_gone=True)]))
    snapshot = await store.snapshot()
    page, first = await snapshot.page(scope, 3, 100), await snapshot.page(scope, 0, 100)
    await snapshot.close()
    assert (list(page.gone), list(page.rows), page.upto, page.total) == ([("punch_items", uid(11, 2))], [], 4, -1)
    assert (first.total, len(first.rows)) == (2, 2)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_together_give_every_change_once(store: Store, limit: int) -> None:
    """Invariant 15."""
    scope = await _filled(store, 7)
    snapshot = await store.snapshot()
    seen, after, pages = [], 0, 0
    while True:
        page = await snapshot.page(scope, after, limit)
        seen += [json.loads(text)["number"] for _, text in page.rows]
        assert len(page.rows) <= limit
        pages += 1
        after = page.upto
        if page.is_last:
            break
    await snapshot.close()
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert after == 7
    assert pages == -(-7 // limit)


async def test_an_unknown_scope_is_an_empty_last_page(store: Store) -> None:
    snapshot = await store.snapshot()
    page = await snapshot.page("sector/none", 0, 10)
    await snapshot.close()
    assert (list(page.rows), list(page.gone), page.upto, page.total, page.is_last) == ([], [], 0, 0, True)


async def test_a_snapshot_stays_as_it_was_while_others_write(store: Store) -> None:
    """Invariants 7, 15: rights, clocks and rows of one commit."""
    scope = await _filled(store, 2)
    snapshot = await store.snapshot()
    clock = key("clock", scope)
    assert (await snapshot.load([clock]))[clock] == 2
    await commit(store, plan_of([*office_rows(), item_row(uid(11, 3))], [_put(scope, 3, uid(11, 3))]))
    actor = key("actor", USER)
    loaded = await snapshot.load([clock, actor])
    assert (loaded[clock], loaded[actor]) == (2, None)
    page = await snapshot.page(scope, 0, 10)
    await snapshot.close()
    assert (len(page.rows), page.upto) == (2, 2)
    later = await store.snapshot()
    assert len((await later.page(scope, 0, 10)).rows) == 3
    await later.close()


async def test_a_snapshot_knows_epoch_project_and_sectors_by_code(store: Store) -> None:
    docs = [{"id": uid(1, n), "version": 1, "project_id": PROJECT, "code": code} for n, code in enumerate("CaB", 1)]
    rows = [Row("sectors", str(doc["id"]), 1, doc, {}, is_deleted=doc["code"] == "B") for doc in docs]
    await commit(store, plan_of([*office_rows(), *rows]))
    snapshot = await store.snapshot()
    assert await snapshot.project_of(USER) is None
    assert list(await snapshot.sectors(PROJECT)) == [uid(1, 1), uid(1, 2)], "by bytes, in every language"
    assert list(await snapshot.sectors(uid(0, 9))) == []
    assert len(await snapshot.epoch()) == 36
    await snapshot.close()
    await commit(store, plan_of([membership_row(1, SECTOR, None)]))
    later = await store.snapshot()
    assert await later.project_of(USER) == PROJECT
    await later.close()
