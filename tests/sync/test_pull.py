"""A pull gives each user exactly what they may see, without gaps, whatever the pages (invariants 7, 9, 13, 15)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import admin, cookie
from sync.answer import render
from sync.cookie import Cookie
from sync.digest import digest
from sync.memory import MemoryStore
from sync.pull import pull
from sync.push import PushAnswer
from sync.rules import Role
from tests.sync.site import (
    ADA,
    ANA,
    AUD,
    BO,
    EVE,
    GUS,
    NORTH,
    PAINTER,
    PROJECT,
    SOUTH,
    SUE,
    TILER,
    Phone,
    Site,
    build_site,
    membership,
    run,
    uid,
)

KEY = b"k" * 32


def pull_all(phone: Phone, limit: int) -> int:
    """Pull until complete; the number of answers."""
    for count in range(1, 500):
        answer = phone.pull(limit)
        assert sum(len(page.rows) + len(page.gone) for page in answer.scopes) <= limit
        if answer.is_complete:
            return count
    raise AssertionError("the pull does not end")


@pytest.mark.parametrize(
    ("user_id", "scopes"),
    [
        (ANA, [f"user/{ANA}", f"project/{PROJECT}", f"sector/{NORTH}"]),
        (ADA, [f"user/{ADA}", f"project/{PROJECT}", f"sector/{NORTH}", f"sector/{SOUTH}"]),
        (AUD, [f"user/{AUD}", f"project/{PROJECT}", f"sector/{NORTH}", f"sector/{SOUTH}"]),
        (GUS, [f"user/{GUS}", f"project/{PROJECT}", f"guest/{TILER}/{NORTH}"]),
        (uid(4, 99), [f"user/{uid(4, 99)}"]),
    ],
)
def test_a_user_holds_what_the_memberships_say_small_scopes_first(site: Site, user_id: str, scopes: list[str]) -> None:
    answer = site.phone(user_id).pull()
    assert [page.scope for page in answer.scopes] == scopes
    assert list(answer.cookie.scopes) == scopes
    assert answer.is_complete


def test_each_sees_the_items_of_the_own_sectors_and_company_alone(site: Site) -> None:
    """Invariant 7."""
    ana, eve, sue = site.phone(ANA), site.phone(EVE), site.phone(SUE)
    mine, hers = ana.create(), eve.create(SOUTH)
    tiled, painted = sue.create(company_id=TILER), sue.create(company_id=PAINTER)
    expected = {ANA: {mine, tiled, painted}, EVE: {hers}, GUS: {tiled}, ADA: {mine, hers, tiled, painted}}
    for user_id, items in expected.items():
        phone = site.phone(user_id)
        phone.pull()
        assert phone.sees("punch_items").keys() == items
        assert {doc["item_id"] for doc in phone.sees("item_events").values()} == items


def test_refusals_are_their_authors_alone(site: Site) -> None:
    """Invariant 7."""
    ana, ada = site.phone(ANA), site.phone(ADA)
    ana.do("item.create", {"id": site.id(11), "sector_id": SOUTH, "title": "Mine"})
    ana.pull()
    ada.pull()
    assert len(ana.sees("refusals")) == 1
    assert not ada.sees("refusals")


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 1000])
def test_pages_of_any_size_end_with_the_same_rows(site: Site, limit: int) -> None:
    """Invariants 9, 15."""
    ana, ada = site.phone(ANA), site.phone(ADA)
    items = [ana.create() for _ in range(6)]
    for item_id in items[::2]:
        ana.edit(item_id, {"location": ""}, {"location": "Hall"}, 1)
    small, whole = site.phone(ADA), site.phone(ADA)
    pull_all(small, limit)
    whole.pull()
    assert small.rows == whole.rows
    ada.do("item.move", {"id": items[0], "from_sector_id": NORTH, "sector_id": SOUTH}, 2)
    ada.do("item.delete", {"id": items[1]}, 1)
    pull_all(small, limit)
    fresh = site.phone(ADA)
    fresh.pull()
    assert small.rows == fresh.rows
    assert pull_all(small, limit) == 1
    assert not small.pull(limit).scopes, "nothing new is nothing at all"


def test_a_change_between_two_pages_is_not_lost(site: Site) -> None:
    """Invariant 15."""
    ana = site.phone(ANA)
    items = [ana.create() for _ in range(5)]
    reader = site.phone(ANA)
    for number in range(30):
        answer = reader.pull(2)
        if number < 5:
            ana.edit(items[number], {"location": ""}, {"location": "Hall"}, 1)
        if answer.is_complete:
            break
    pull_all(reader, 2)
    assert {doc["location"] for doc in reader.sees("punch_items").values()} == {"Hall"}


def test_totals_are_told_where_a_download_starts_and_only_there(site: Site) -> None:
    ana = site.phone(ANA)
    for _ in range(4):
        ana.create()
    reader = site.phone(ANA)
    totals: dict[str, list[int]] = {}
    while True:
        answer = reader.pull(5)
        for page in answer.scopes:
            totals.setdefault(page.scope, []).append(page.total)
        if answer.is_complete:
            break
    sector = totals[f"sector/{NORTH}"]
    assert sector[0] == sum(scope == f"sector/{NORTH}" for scope in reader.rows for _ in reader.rows[scope])
    assert set(sector[1:]) <= {-1}


def test_a_membership_that_ended_drops_its_scope_at_the_next_pull(site: Site) -> None:
    """Invariant 7."""
    ana = site.phone(ANA)
    ana.create()
    ana.pull()
    site.office(admin.end_membership(membership(ANA), site.now))
    answer = ana.pull()
    assert answer.drop == (f"project/{PROJECT}", f"sector/{NORTH}")
    assert not ana.sees("punch_items")
    assert [doc["valid_to"] for doc in ana.sees("memberships").values()] == [site.now]
    assert not ana.pull().drop


def test_a_membership_that_runs_out_by_itself_drops_its_scope_too(site: Site) -> None:
    eve = site.phone(EVE)
    site.office(admin.grant_membership(site.id(5), EVE, NORTH, Role.WORKER, site.now, site.now + 10))
    eve.pull()
    assert f"sector/{NORTH}" in eve.rows
    site.now += 10
    assert eve.pull().drop == (f"sector/{NORTH}",)


def test_a_membership_given_back_downloads_the_scope_anew(site: Site) -> None:
    ana = site.phone(ANA)
    item_id = ana.create()
    ana.pull()
    site.office(admin.end_membership(membership(ANA), site.now))
    ana.pull()
    site.office(admin.grant_membership(site.id(5), ANA, NORTH, Role.WORKER, site.now))
    ana.pull()
    assert ana.sees("punch_items").keys() == {item_id}


def test_a_disabled_user_keeps_the_own_scope_alone(site: Site) -> None:
    ana = site.phone(ANA)
    ana.create()
    ana.pull()
    site.office(admin.disable_actor(ANA))
    assert set(ana.pull().drop) == {f"project/{PROJECT}", f"sector/{NORTH}"}
    assert not ana.sees("punch_items")


def test_a_guest_who_changes_company_sees_the_new_one(site: Site) -> None:
    sue, gus = site.phone(SUE), site.phone(GUS)
    tiled, painted = sue.create(company_id=TILER), sue.create(company_id=PAINTER)
    gus.pull()
    assert gus.sees("punch_items").keys() == {tiled}
    site.office(admin.put_actor(GUS, "Gus", PAINTER))
    assert gus.pull().drop == (f"guest/{TILER}/{NORTH}",)
    assert gus.sees("punch_items").keys() == {painted}


@pytest.mark.parametrize("foreign", ["epoch", "user_id"])
def test_a_cookie_of_another_epoch_or_user_resets_the_cache(site: Site, foreign: str) -> None:
    """Invariants 21, 24."""
    ana = site.phone(ANA)
    ana.create()
    ana.pull()
    assert ana.cookie is not None
    other = uid(14, 2)
    stale = replace(ana.cookie, epoch=other) if foreign == "epoch" else replace(ana.cookie, user_id=other)
    answer = run(pull(site.store, stale, ANA, site.now, 5000))
    assert answer.is_reset
    assert not answer.drop
    assert sum(len(page.rows) for page in answer.scopes) == sum(map(len, ana.rows.values()))


def test_no_cookie_is_no_reset_and_a_forged_one_is(site: Site) -> None:
    assert not run(pull(site.store, None, ANA, site.now, 10)).is_reset
    assert run(pull(site.store, None, ANA, site.now, 10, is_forged=True)).is_reset


def test_a_restore_starts_a_new_epoch_and_resets_every_device(site: Site) -> None:
    """Invariant 24."""
    ana = site.phone(ANA)
    kept = ana.create()
    assert isinstance(site.store, MemoryStore)
    image = site.store.image()
    ana.create()
    ana.pull()
    site.store.restore(image, uid(14, 2))
    assert ana.pull().is_reset
    assert ana.sees("punch_items").keys() == {kept}


def test_the_answer_is_the_json_that_the_protocol_shows(site: Site) -> None:
    ana = site.phone(ANA)
    item_id = site.id(11)
    pushed = ana.push(ana.mutation("item.create", {"id": item_id, "sector_id": NORTH, "title": 'A "tile" \u2028 ü'}))
    pulled = ana.pull()
    answer = json.loads(render(pushed, pulled, "sealed", 7))
    names = "protocol server_time epoch receipts next_n cookie reset drop scopes complete"
    assert list(answer) == names.split()
    assert (answer["cookie"], answer["server_time"], answer["next_n"], answer["complete"]) == ("sealed", 7, 2, True)
    assert answer["receipts"][0]["row"] == item_id
    page = next(page for page in answer["scopes"] if page["scope"] == f"sector/{NORTH}")
    assert list(page) == ["scope", "total", "rows", "gone"]
    docs = [row["doc"] for row in page["rows"] if row["entity"] == "punch_items"]
    assert docs == [site.doc(item_id)]
    empty = json.loads(render(PushAnswer((), 1), ana.pull(), "sealed", 7))
    assert (empty["receipts"], empty["scopes"], empty["drop"]) == ([], [], [])


def test_a_sealed_cookie_comes_back_and_a_changed_one_does_not() -> None:
    plain = Cookie(uid(14, 1), ANA, 1, {f"user/{ANA}": 5, f"sector/{NORTH}": 0})
    text = cookie.seal(plain, KEY)
    assert cookie.unseal(text, KEY) == plain
    assert cookie.unseal(text, b"x" * 32) is None
    for place in range(len(text)):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        assert cookie.unseal(changed, KEY) in (None, plain), "the last character may carry unused bits"


@given(st.text(max_size=40) | st.text("AZaz09-_.=", max_size=80))
def test_no_text_is_taken_for_a_cookie(text: str) -> None:
    assert cookie.unseal(text, KEY) is None


def test_digests_are_equal_exactly_when_the_rows_are() -> None:
    """Invariant 9."""
    site = build_site(MemoryStore(uid(14, 1)))
    ana, bo = site.phone(ANA), site.phone(BO)
    ana.create()
    item_id = ana.create()
    ana.pull()
    bo.pull()

    def of(phone: Phone) -> str:
        return digest((entity, doc) for (entity, _), doc in phone.rows[f"sector/{NORTH}"].items())

    assert of(ana) == of(bo)
    ana.edit(item_id, {"location": ""}, {"location": "Hall"}, 1)
    ana.pull()
    assert of(ana) != of(bo)
    bo.pull()
    assert of(ana) == of(bo)
    ana.rows[f"sector/{NORTH}"][("punch_items", item_id)]["title"] = "Rotten memory"
    assert of(ana) != of(bo)
