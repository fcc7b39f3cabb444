"""What a phone shows before the server has spoken is what the server makes of it, where nobody else interferes (11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sync.overlay import overlay
from tests.simulation.history import History
from tests.simulation.ledger import Saved
from tests.simulation.people import Person
from tests.simulation.phone import Client

NOT_GUESSED = {"version", "number", "updated_at", "raised_at", "submitted_at", "closed_at", "made_at", "received_at"}
NOT_GUESSED |= {"client"}  # of a photo: an entry does not say which device this is
"""The server's own words, and instants that it corrects by the phone's clock."""

ITEM: dict[str, Any] = {
    "id": "i1",
    "version": 3,
    "status": "ready_for_review",
    "tags": ["dry", "wall"],
    "comment_count": 0,
    "disputed_from": None,
    "bounces": 0,
    "title": "tile",
}
CARD: dict[str, Any] = {
    "id": "k1",
    "item_id": "i1",
    "field": "title",
    "state": "noted",
    "current": "tile",
    "other": "crack",
    "current_by": "u1",
    "other_by": "u2",
    "seen_by": [],
}


PHOTO: dict[str, Any] = {"id": "p1", "item_id": "i1", "version": 2, "caption": "", "state": "stored"}
ADDED = {"id": "p2", "item_id": "i1", "kind": "after", "caption": "", "sha256": "00", "size_bytes": 1}


def shown(*work: tuple[str, dict[str, Any]], refusals: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    rows = {("punch_items", "i1"): ITEM, ("conflicts", "k1"): CARD, ("photos", "p1"): PHOTO}
    entries = [{"id": f"m{n}", "name": name, "args": args, "made_at": 1_000 + n} for n, (name, args) in enumerate(work)]
    return overlay(lambda entity, key: rows.get((entity, key)), entries, refusals, "u1")


@pytest.mark.parametrize(
    ("work", "fields", "why"),
    [
        ([("item.accept", {"id": "i1"})], {"status": "closed", "closed_by": "u1"}, "the table allows it"),
        ([("item.start", {"id": "i1"})], {}, "the table does not, and the server will say so"),
        ([("item.send_back", {"id": "i1", "reason": "no"})], {"status": "not_accepted", "bounces": 1}, "it counts"),
        (
            [("item.edit", {"id": "i1", "set": {"tags": ["wall", "wet"]}, "was": {"tags": ["wall"]}})],
            {"tags": ["dry", "wall", "wet"]},
            "tags are additions and removals, so another's stays",
        ),
        ([("comment.add", {"id": "c1", "item_id": "i1", "text": "x"})], {"comment_count": 1}, "the item counts it"),
        ([("photo.add", ADDED)], {"photo_count": 1}, "an item from before there were photos counts from none"),
        (
            [("photo.add", ADDED), ("photo.remove", {"id": "p2", "item_id": "i1"})],
            {"photo_count": 0},
            "it is gone again",
        ),
        ([("photo.remove", {"id": "p9", "item_id": "i1"})], {}, "a photo that is not here is not counted twice"),
        ([("photo.restore", {"id": "p1", "item_id": "i1"})], {}, "nor one that is here"),
        ([("conflict.resolve", {"id": "k1", "choice": "other"})], {"title": "crack"}, "restoring the loser shows it"),
        ([("item.teleport", {"id": "i1"})], {}, "a word of a later version shows nothing"),
    ],
)
def test_a_mutation_shows_at_once(work: list[tuple[str, dict[str, Any]]], fields: dict[str, Any], why: str) -> None:
    item = shown(*work).get("punch_items", {}).get("i1", ITEM)
    assert {name: item[name] for name in fields} == fields, why
    assert item["version"] == 3, "the next edit is based on the row that was seen"
    assert fields or item == ITEM, why


def test_a_deleted_item_is_gone_until_it_is_restored() -> None:
    deleted = ("item.delete", {"id": "i1"})
    edited = ("item.edit", {"id": "i1", "set": {"title": "x"}, "was": {"title": "tile"}})
    assert shown(deleted, edited)["punch_items"] == {"i1": None}
    assert shown(deleted, ("item.restore", {"id": "i1"}))["punch_items"]["i1"]["title"] == "tile"


def test_a_photo_is_shown_waiting_edited_gone_and_back() -> None:
    assert shown(("photo.add", ADDED))["photos"]["p2"] | {"made_at": 0} == ADDED | {
        "version": 0,
        "author_id": "u1",
        "client": "",
        "made_at": 0,
        "received_at": None,
        "is_late": False,
        "state": "waiting",
        "stored_at": None,
        "preview": "none",
    }
    args = {"id": "p1", "item_id": "i1"}
    edited = ("photo.edit", {**args, "set": {"caption": "dry"}, "was": {"caption": ""}})
    assert shown(edited)["photos"] == {"p1": {**PHOTO, "caption": "dry"}}
    assert shown(edited, ("photo.remove", args))["photos"] == {"p1": None}
    assert shown(edited, ("photo.remove", args), edited, ("photo.restore", args))["photos"]["p1"]["caption"] == "dry"


def test_parked_work_shows_unless_its_entry_does() -> None:
    args = {"id": "c1", "item_id": "i1", "text": "x"}
    parked = {"id": "m0", "name": "comment.add", "args": args, "made_at": 1, "received_at": 2, "user_id": "u1"}
    rows = ({**parked, "state": "parked"},)
    assert shown(refusals=rows)["punch_items"]["i1"]["comment_count"] == 1
    assert shown(("comment.add", args), refusals=rows)["punch_items"]["i1"]["comment_count"] == 1
    assert shown(refusals=({**parked, "state": "refused"},)) == {}


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_what_is_shown_is_what_the_server_makes_of_it(start: int) -> None:
    compared = sum(round_trips(seed) for seed in range(start, start + 20))
    assert compared > 100


def round_trips(seed: int) -> int:
    """One phone of a supervisor of the whole project, alone; returns how often screen and server could be compared."""
    history = History(seed)
    history.is_calm = True
    user = history.site.users[0]
    history.phones = [history._new_phone(user)]
    client = history.phones[0].client()
    person = Person(history.chance, history.site, replace(history.faults, odd=0, crowd=2))
    sync(history)
    compared = 0
    for _ in range(12):
        for _ in range(1 + history.chance.below(3)):
            act(history, client, person)
        before, entries = seen(client), client.disk.entries()
        sync(history)
        bodies = [history.server.store.state.receipts[entry["id"]].body for entry in entries]
        is_restored = any(entry["name"].endswith(".restore") for entry in entries)  # the phone no longer has the row
        if not is_restored and all('"outcome":"applied"' in body for body in bodies):
            assert before == seen(client), [(entry["name"], entry["args"]) for entry in entries]
            compared += 1
    return compared


def act(history: History, client: Client, person: Person) -> None:
    work = person.work(client)
    if work is not None:
        name, args, base = work
        given: dict[str, Any] = {
            "id": history.chance.id(),
            "name": name,
            "args": args,
            "base": base,
            "made_at": history.now,
        }
        history.ledger.saved[given["id"]] = Saved(user=client.user, **given)
        client.give(client.tabs[0], {"type": "mutate", **given})


def sync(history: History) -> None:
    """A wake-up and all that follows from it."""
    history._calm_round()


def seen(client: Client) -> dict[tuple[str, str], dict[str, Any]]:
    """What the screens show of items, comments and photos, without what a phone cannot guess."""
    rows = client.disk.rows()
    for entity, docs in client.shown().items():
        for row_id, doc in docs.items():
            rows[(entity, row_id)] = doc or {}
    wanted = {key: doc for key, doc in rows.items() if key[0] in ("punch_items", "comments", "photos") and doc}
    return {
        key: {name: value for name, value in doc.items() if name not in NOT_GUESSED}
        for key, doc in wanted.items()
        if key[0] == "punch_items" or rows.get(("punch_items", doc["item_id"]))
    }
