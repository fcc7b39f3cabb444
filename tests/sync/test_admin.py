"""What the office changes reaches phones by the next pull and the chain by the outbox (invariants 7, 12, A1)."""

from __future__ import annotations

from sync import admin
from sync.audit import GENESIS, Entry, Link, first_bad, seal
from sync.changes import ClientState
from sync.memory import MemoryStore
from sync.rules import Role
from tests.sync.site import ANA, BO, NORTH, PROJECT, SOUTH, SUE, Site, membership, run, uid


def test_a_new_sector_a_new_name_and_a_new_colleague_arrive_by_pull(site: Site) -> None:
    ana = site.phone(ANA)
    ana.pull()
    east, zoe = uid(1, 3), uid(4, 50)
    site.office(
        admin.put_sector(east, PROJECT, "B-6", "East", NORTH),
        admin.put_trade(uid(3, 9), PROJECT, "Glass"),
        admin.put_actor(zoe, "Zoe"),
        admin.grant_membership(uid(5, 50), zoe, NORTH, Role.WORKER, site.now),
    )
    ana.pull()
    assert ana.sees("sectors")[east]["parent_id"] == NORTH
    assert ana.sees("trades")[uid(3, 9)]["name"] == "Glass"
    assert ana.sees("actors")[zoe]["name"] == "Zoe"
    assert ana.sees("memberships")[uid(5, 50)]["role"] == "worker"
    site.office(admin.put_actor(zoe, "Zoë"))
    ana.pull()
    assert (ana.sees("actors")[zoe]["name"], ana.sees("actors")[zoe]["version"]) == ("Zoë", 2)


def test_a_grant_opens_the_sector_at_the_next_pull(site: Site) -> None:
    ana, sue = site.phone(ANA), site.phone(SUE)
    site.office(admin.grant_membership(uid(5, 51), SUE, SOUTH, Role.SUPERVISOR, site.now))
    item_id = sue.create(SOUTH)
    ana.pull()
    assert not ana.sees("punch_items")
    site.office(admin.grant_membership(uid(5, 52), ANA, SOUTH, Role.WORKER, site.now))
    ana.pull()
    assert ana.sees("punch_items").keys() == {item_id}
    assert ana.edit(item_id, {"location": ""}, {"location": "x"}, 1)["outcome"] != "refused"


def test_a_change_that_changes_nothing_is_none(site: Site) -> None:
    before = site.row("actors", ANA)
    (row,) = site.office(admin.put_actor(ANA, "Ana"))
    assert row == before
    ana = site.phone(ANA)
    ana.pull()
    site.office(admin.put_actor(ANA, "Ana"))
    assert not ana.pull().scopes


def test_every_act_of_the_office_has_one_audit_row_with_before_and_after(site: Site) -> None:
    assert isinstance(site.store, MemoryStore)
    before = set(site.store.state.outbox)
    site.office(admin.end_membership(membership(BO), site.now), admin.disable_actor(ANA))
    new = [row for key, row in site.store.state.outbox.items() if key not in before and row.kind == "audit"]
    assert [row.payload["name"] for row in new] == ["membership.end", "actor.disable"]
    assert (new[0].payload["before"], new[0].payload["after"]) == ({"valid_to": None}, {"valid_to": site.now})
    assert len({row.key for row in new}) == 2


def test_a_deleted_trade_leaves_the_phones(site: Site) -> None:
    ana = site.phone(ANA)
    ana.pull()
    trade_id = next(iter(ana.sees("trades")))
    site.office(admin.OfficeChange("trade.delete", "trades", trade_id, is_deleted=True))
    ana.pull()
    assert trade_id not in ana.sees("trades")
    item = {"id": site.id(11), "sector_id": NORTH, "title": "T", "trade_id": trade_id}
    assert ana.do("item.create", item)["reason"] == "not_found"


def test_a_device_is_revoked_once(site: Site) -> None:
    ana = site.phone(ANA)
    ana.create()
    context = admin.OfficeContext(uid(8, 900), SUE, site.now, PROJECT)
    assert run(admin.revoke_client(site.store, ana.client, context)) is True
    assert run(admin.revoke_client(site.store, ana.client, context)) is False
    assert run(admin.revoke_client(site.store, uid(12, 99), context)) is False
    assert isinstance(site.store, MemoryStore)
    assert site.store.state.clients[ana.client] == ClientState(ana.client, ANA, 1, is_revoked=True)
    assert site.store.state.outbox[("audit", uid(8, 900))].payload["name"] == "client.revoke"


def _chain(count: int) -> list[Link]:
    entries = [Entry(f"key-{n}", n, None, "item.edit", None, {"n": n, "text": "ü"}) for n in range(count)]
    return seal(entries)


def test_a_sealed_chain_verifies_whole_and_in_parts() -> None:
    links = _chain(6)
    assert first_bad(links) is None
    assert first_bad([]) is None
    assert links == seal([links[0].entry]) + seal([link.entry for link in links[1:]], 1, links[0].hash)
    assert first_bad(links[3:], 3, links[2].hash) is None


def test_every_change_of_a_chain_is_found_at_its_first_bad_position() -> None:
    links = _chain(6)
    third = links[2]
    for changed in (
        third._replace(position=4),
        third._replace(previous_hash=GENESIS),
        third._replace(hash="0" * 64),
        third._replace(entry=third.entry._replace(payload={"n": 2})),
        third._replace(entry=third.entry._replace(actor_id=ANA)),
        third._replace(entry=third.entry._replace(at=9)),
        third._replace(entry=third.entry._replace(source_key="other")),
    ):
        assert first_bad([*links[:2], changed, *links[3:]]) == 3
    assert first_bad([*links[:2], *links[3:]]) == 3, "removed"
    assert first_bad([links[1], links[0], *links[2:]]) == 1, "exchanged"
    forged = seal([third.entry._replace(payload={})], 2, links[1].hash)
    assert first_bad([*links[:2], *forged, *links[3:]]) == 4, "sealed anew, but its successor remembers"
