"""The server's acts on photos: said after the bytes are there, once, and never back (invariants 5, 26)."""

from __future__ import annotations

from typing import Any

import pytest

from sync.canonical import compact
from sync.changes import Row
from sync.memory import MemoryStore
from sync.rules import Actor
from sync.uploads import Expected, expected, is_stored, may_upload, note_preview, note_thumb, store_photo
from tests.sync.site import ANA, BO, EVE, NORTH, SOUTH, SUE, Phone, Site, run, uid

HASH, OTHER = "ab" * 32, "ef" * 32
NOWHERE = uid(15, 1)


def outbox(site: Site, kind: str) -> dict[str, dict[str, Any]]:
    assert isinstance(site.store, MemoryStore)
    return {row.key: row.payload for row in site.store.state.outbox.values() if row.kind == kind}


def state_of(site: Site) -> str:
    """All that is committed, as text."""
    assert isinstance(site.store, MemoryStore)
    state = site.store.state
    return compact([sorted(state.texts.items()), state.clocks, sorted(f"{row}" for row in state.outbox.values())])


@pytest.fixture
def ana(site: Site) -> Phone:
    return site.phone(ANA)


@pytest.fixture
def photo_id(ana: Phone) -> str:
    return ana.shoot(ana.create())


def test_a_photo_is_stored_once_its_bytes_are_and_everybody_hears_of_it(site: Site, ana: Phone, photo_id: str) -> None:
    """Invariant 5."""
    ana.pull()
    site.now += 1_000
    pokes = len(outbox(site, "poke"))
    assert site.act(store_photo, photo_id, HASH)
    ana.pull()
    doc = ana.sees("photos")[photo_id]
    assert (doc["state"], doc["stored_at"], doc["version"], doc["preview"]) == ("stored", site.now, 2, "none")
    assert outbox(site, "audit")[f"photo.stored/{photo_id}"] == {
        "user_id": ANA,
        "name": "photo.stored",
        "entity": "photos",
        "row": photo_id,
        "sha256": HASH,
        "size_bytes": 300_000,
        "received_at": site.now,
    }
    assert outbox(site, "job") == {
        f"previews/{photo_id}/picture": {
            "queue": "uploads",
            "actor": "make_previews",
            "args": {"photo_id": photo_id, "file": "picture"},
        }
    }
    assert len(outbox(site, "poke")) == pokes + 1


def test_storing_again_changes_nothing_and_is_still_true(site: Site, photo_id: str) -> None:
    site.act(store_photo, photo_id, HASH)
    before = state_of(site)
    site.now += 5
    assert site.act(store_photo, photo_id, HASH)
    assert state_of(site) == before


@pytest.mark.parametrize("is_stored_before", [False, True])
def test_other_bytes_are_not_the_photo(site: Site, photo_id: str, is_stored_before: bool) -> None:
    """Invariant 5."""
    if is_stored_before:
        site.act(store_photo, photo_id, HASH)
    before = state_of(site)
    assert not site.act(store_photo, photo_id, OTHER)
    assert state_of(site) == before


def test_a_photo_that_is_not_there_is_not_stored(site: Site) -> None:
    before = state_of(site)
    assert not site.act(store_photo, NOWHERE, HASH)
    assert not site.act(note_preview, NOWHERE, "view")
    assert not run(note_thumb(site.store, NOWHERE))
    assert state_of(site) == before


def test_a_stored_photo_stays_stored_whatever_its_author_does(site: Site, ana: Phone, photo_id: str) -> None:
    """Invariant 5."""
    site.act(store_photo, photo_id, HASH)
    item_id = site.row("photos", photo_id).item_id
    named = {"id": photo_id, "item_id": item_id}
    ana.do("photo.edit", {**named, "set": {"caption": "x"}, "was": {"caption": ""}}, 2)
    ana.do("photo.remove", named, 2)
    ana.do("photo.restore", named, 3)
    doc = site.row("photos", photo_id).doc
    assert (doc["state"], doc["caption"], doc["sha256"]) == ("stored", "x", HASH)


def test_bytes_of_a_removed_photo_are_kept_and_bring_it_back_to_nobody(site: Site, ana: Phone, photo_id: str) -> None:
    """Invariant 10: an upload that was under way ends, and the photo stays away until it is restored."""
    named = {"id": photo_id, "item_id": site.row("photos", photo_id).item_id}
    ana.do("photo.remove", named, 2)
    assert site.act(store_photo, photo_id, HASH)
    ana.pull()
    assert not ana.sees("photos")
    site.phone(SUE).do("photo.restore", named, 3)
    ana.pull()
    assert ana.sees("photos")[photo_id]["state"] == "stored"


def test_only_those_in_sight_hear_of_the_bytes(site: Site, photo_id: str) -> None:
    """Invariant 7: the item has moved meanwhile."""
    bo, eve = site.phone(BO), site.phone(EVE)
    item_id = site.row("photos", photo_id).item_id
    admin = site.phone(uid(4, 8))
    admin.do("item.move", {"id": item_id, "from_sector_id": NORTH, "sector_id": SOUTH}, 2)
    bo.pull()
    site.act(store_photo, photo_id, HASH)
    bo.pull()
    eve.pull()
    assert (bo.sees("photos"), eve.sees("photos")[photo_id]["state"]) == ({}, "stored")


@pytest.mark.parametrize(
    ("words", "last", "why"),
    [
        (("thumb", "view"), "view", "as it mostly goes"),
        (("view", "thumb"), "view", "the thumbnail's job was slow"),
        (("view", "unreadable"), "view", "what was seen can be seen"),
        (("thumb", "unreadable"), "unreadable", "the phone could show it, we cannot"),
        (("unreadable", "thumb"), "unreadable", "in any order"),
        (("unreadable", "view"), "view", "a later server reads more"),
        (("none",), "none", "nothing new"),
    ],
)
def test_previews_only_move_forward(site: Site, photo_id: str, words: tuple[str, ...], last: str, why: str) -> None:
    for word in (*words, *words):
        assert site.act(note_preview, photo_id, word)
    doc = site.row("photos", photo_id).doc
    assert (doc["preview"], doc["state"]) == (last, "waiting"), why
    assert doc["version"] <= 1 + len(words), "the same again is no change"


def test_a_preview_that_is_none_is_a_mistake_of_ours(site: Site, photo_id: str) -> None:
    with pytest.raises(ValueError, match="huge"):
        site.act(note_preview, photo_id, "huge")


def test_a_thumbnail_asks_for_a_picture_once_and_stores_nothing(site: Site, photo_id: str) -> None:
    version = site.row("photos", photo_id).version
    for _ in range(2):
        assert run(note_thumb(site.store, photo_id))
    assert [payload["args"] for payload in outbox(site, "job").values()] == [{"photo_id": photo_id, "file": "thumb"}]
    assert (site.row("photos", photo_id).version, site.row("photos", photo_id).doc["state"]) == (version, "waiting")


def person(user_id: str, *, is_disabled: bool = False) -> Actor:
    return Actor(user_id, None, is_disabled, ())


@pytest.mark.parametrize(
    ("user", "file", "is_allowed", "why"),
    [
        (person(ANA), "picture", True, "its author, whatever became of her memberships"),
        (person(ANA), "thumb", True, "its author"),
        (person(ANA), "original", False, "no such file"),
        (person(ANA, is_disabled=True), "picture", False, "rights end with the account"),
        (person(SUE), "picture", False, "nobody else has the bytes"),
        (None, "picture", False, "nobody"),
    ],
)
def test_its_author_alone_brings_the_bytes(
    site: Site, photo_id: str, user: Actor | None, file: str, is_allowed: bool, why: str
) -> None:
    assert may_upload(user, site.row("photos", photo_id), file) is is_allowed, why


def test_nobody_brings_bytes_of_what_is_not_there(site: Site, ana: Phone, photo_id: str) -> None:
    plain = site.row("photos", ana.shoot(ana.create(), thumb_sha256=None, thumb_bytes=0))
    assert not may_upload(person(ANA), None, "picture")
    assert not may_upload(person(ANA), plain, "thumb")
    ana.do("photo.remove", {"id": photo_id, "item_id": site.row("photos", photo_id).item_id}, 2)
    assert not may_upload(person(ANA), site.row("photos", photo_id), "picture")


def test_what_the_bytes_must_be_stands_in_the_row(site: Site, photo_id: str) -> None:
    photo: Row = site.row("photos", photo_id)
    assert expected(photo.doc, "picture") == Expected(HASH, 300_000)
    assert expected(photo.doc, "thumb") == Expected("cd" * 32, 9_000)
    assert not is_stored(photo)
    site.act(store_photo, photo_id, HASH)
    assert is_stored(site.row("photos", photo_id))
