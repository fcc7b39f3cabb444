"""Punch lists go through the engine: all or nothing, and a second time without effect."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from server.actions import accounts, columns, importing, row_values, sheets
from server.actions.accounts import NewUser
from server.actions.importing import ImportRefused, Job, Report
from server.actions.office import Office
from sync.changes import Document
from sync.rules import Role
from tests.accounts.site import PASSWORD, HandClock, pen_of

LIST = """No,Title,Description,Trade,Company,Priority,Due,Room
1,Cracked tile,Beside the shower,Tiling,Northside,High,2026-11-30,Flat 1
2,Door binds,,Joinery,Keel,Normal,,Flat 2
3,Paint runs,"Left reveal,
from the head down",Painting,Keel,Low,2026-12-04,Flat 2
"""


async def imported(office: Office, text: str, login: str = "max", sector: str = "B-4") -> Report:
    reading = row_values.read_rows(columns.find(sheets.read(text.encode()), {}))
    assert reading.mistakes == []
    user_id = (await accounts.credential(office, login)).user_id
    return await importing.import_rows(office, Job(reading.rows, await office.sector(sector), user_id))


async def items(office: Office) -> dict[str, Document]:
    return {item["external_ref"] or item["title"]: item for item in await office.documents("punch_items")}


async def everything(office: Office) -> dict[str, list[Document]]:
    return {name: await office.documents(name) for name in ("punch_items", "item_events", "trades", "companies")}


async def test_a_list_becomes_items_with_numbers_trades_and_companies(office: Office) -> None:
    report = await imported(office, LIST)
    assert (report.created, report.new_trades, report.new_companies) == (
        3,
        ["Joinery", "Painting", "Tiling"],
        ["Keel", "Northside"],
    )
    item = (await items(office))["1"]
    trades = {row["id"]: row["name"] for row in await office.documents("trades")}
    assert (item["title"], item["priority"], item["due_on"], item["location"], trades[item["trade_id"]]) == (
        "Cracked tile",
        "high",
        "2026-11-30",
        "Flat 1",
        "Tiling",
    )
    assert sorted(row["number"] for row in (await items(office)).values()) == [1, 2, 3]


async def test_the_same_list_again_changes_nothing(office: Office, clock: HandClock) -> None:
    await imported(office, LIST)
    before = await everything(office)
    clock.pass_(days=1)
    report = await imported(office, LIST)
    assert (report.created, report.edited, report.unchanged) == (0, 0, 3)
    assert (report.new_trades, report.new_companies) == ([], [])
    assert await everything(office) == before


async def test_what_people_changed_meanwhile_is_not_undone(office: Office, clock: HandClock) -> None:
    await imported(office, LIST)
    item = (await items(office))["2"]
    pen = await pen_of(office, "sam")
    change = {"id": item["id"], "set": {"priority": "urgent"}, "was": {"priority": "normal"}}
    await pen.push("item.edit", change, 1)
    report = await imported(office, LIST)
    assert (report.edited, report.unchanged) == (0, 3)
    assert (await items(office))["2"]["priority"] == "urgent"


async def test_a_row_edited_in_the_file_is_an_edit_of_what_the_file_had_changed(
    office: Office, clock: HandClock
) -> None:
    await imported(office, LIST)
    item = (await items(office))["2"]
    change = {"id": item["id"], "set": {"priority": "urgent"}, "was": {"priority": "normal"}}
    await (await pen_of(office, "sam")).push("item.edit", change, 1)
    clock.pass_(seconds=1)
    newer = LIST.replace("Door binds,,", "Door binds badly,Top edge,")
    report = await imported(office, newer)
    assert (report.edited, report.unchanged, report.waiting) == (1, 2, 0)
    after = (await items(office))["2"]
    assert (after["title"], after["description"], after["priority"]) == ("Door binds badly", "Top edge", "urgent")
    clock.pass_(seconds=1)
    assert (await imported(office, newer)).unchanged == 3
    clock.pass_(seconds=1)
    assert (await imported(office, LIST)).edited == 1, "the file went back"
    assert (await items(office))["2"]["title"] == "Door binds"


async def test_a_field_both_sides_changed_waits_for_a_person_once(office: Office, clock: HandClock) -> None:
    await imported(office, LIST)
    item = (await items(office))["1"]
    change = {"id": item["id"], "set": {"due_on": "2026-12-01"}, "was": {"due_on": "2026-11-30"}}
    await (await pen_of(office, "sam")).push("item.edit", change, 1)
    newer = LIST.replace("2026-11-30", "2026-12-24")
    clock.pass_(seconds=1)
    assert (await imported(office, newer)).waiting == 1
    assert (await items(office))["1"]["due_on"] == "2026-12-01"
    (conflict,) = await office.documents("conflicts")
    assert (conflict["current"], conflict["other"]) == ("2026-12-01", "2026-12-24")
    clock.pass_(seconds=1)
    assert (await imported(office, newer)).unchanged == 3, "it was said once"


async def test_a_mistake_in_the_last_row_leaves_nothing_behind(office: Office) -> None:
    before = await everything(office)
    text = "Title,Trade,Assigned To\n" + "".join(f"T{n},Roofing,Ana\n" for n in range(1200))
    with pytest.raises(ImportRefused) as refused:
        await imported(office, f"{text}last,Roofing,Zoe\nmore,Roofing,Yan\n")
    assert [(mistake.line, "nobody here" in mistake.text) for mistake in refused.value.mistakes] == [
        (1202, True),
        (1203, True),
    ]
    assert await everything(office) == before


async def test_two_people_of_one_name_are_not_guessed_between(office: Office) -> None:
    sector_id = (await office.sector("B-4"))["id"]
    await accounts.add(office, NewUser("ana2", "ANA", PASSWORD, Role.WORKER, sector_id))
    with pytest.raises(ImportRefused) as refused:
        await imported(office, "Title,Assignee\na,Bo\nb,Ana\n")
    (mistake,) = refused.value.mistakes
    assert (mistake.line, "several people" in mistake.text) == (3, True)


async def test_what_the_engine_refuses_is_said_by_line_and_undoes_everything(office: Office) -> None:
    await accounts.grant(office, "bo", Role.WORKER, (await office.sector("B-4"))["id"])
    before = await everything(office)
    with pytest.raises(ImportRefused) as refused:
        await imported(office, "Title,Trade,Assignee\na,Roofing,Ana\nb,Roofing,Sam\nc,Roofing,Bo\n", sector="C-2")
    assert [mistake.line for mistake in refused.value.mistakes] == [2, 4]
    assert "does not work in this sector" in str(refused.value.mistakes[0])
    assert await everything(office) == before


async def test_somebody_without_the_right_imports_nothing(office: Office) -> None:
    with pytest.raises(ImportRefused):
        await imported(office, LIST, login="ana", sector="C-2")
    assert await office.documents("punch_items") == []
    assert await office.documents("refusals") == []


async def test_rows_without_a_reference_are_told_apart_by_their_words(office: Office) -> None:
    text = "Title,Room\nScratch,Flat 1\nScratch,Flat 1\nScratch,Flat 2\n"
    assert (await imported(office, text)).created == 3
    assert (await imported(office, text)).unchanged == 3
    assert (await imported(office, f"{text}Scratch,Flat 3\n")).created == 1
    places = sorted(item["location"] for item in await office.documents("punch_items"))
    assert places == ["Flat 1", "Flat 1", "Flat 2", "Flat 3"]


async def test_every_status_arrives_and_nobody_accepts_the_own_work(office: Office, clock: HandClock) -> None:
    states = ["Open", "In Progress", "Ready for review", "Rejected", "Disputed", "Closed", "Void"]
    text = "No,Title,Status\n" + "".join(f"{n},Item {n},{state}\n" for n, state in enumerate(states))
    report = await imported(office, text)
    assert report.created == 7
    by_status = Counter(item["status"] for item in (await items(office)).values())
    assert set(by_status) == {
        "open",
        "in_progress",
        "ready_for_review",
        "not_accepted",
        "disputed",
        "closed",
        "void",
    }
    closed = (await items(office))["5"]
    assert closed["submitted_by"] != closed["closed_by"]
    clock.pass_(seconds=1)
    assert (await imported(office, text)).unchanged == 7


async def test_a_status_follows_the_file_unless_people_went_on(office: Office, clock: HandClock) -> None:
    text = "No,Title,Status\n1,One,Open\n2,Two,Open\n3,Three,Closed\n"
    await imported(office, text)
    two = (await items(office))["2"]
    await (await pen_of(office, "ana")).push("item.start", {"id": two["id"]}, 1)
    clock.pass_(seconds=1)
    newer = text.replace("1,One,Open", "1,One,Closed").replace("3,Three,Closed", "3,Three renamed,Closed")
    report = await imported(office, newer)
    assert report.moved == 1
    after = await items(office)
    assert (after["1"]["status"], after["2"]["status"]) == ("closed", "in_progress")
    assert [left.line for left in report.left_alone] == [4], "a closed item keeps its words"


async def test_a_deleted_item_does_not_come_back(office: Office, clock: HandClock) -> None:
    await imported(office, LIST)
    item = (await items(office))["1"]
    await (await pen_of(office, "sam")).push("item.delete", {"id": item["id"]}, 1)
    clock.pass_(seconds=1)
    assert (await imported(office, LIST)).unchanged == 3
    report = await imported(office, LIST.replace("Cracked tile", "Broken tile"))
    assert "deleted" in str(report.left_alone[0])
    assert "1" not in await items(office)


async def test_ten_thousand_rows_take_seconds_and_tell_how_far_they_are(office: Office) -> None:
    rows = "".join(f"P-{n},Defect {n},Tiling,{n % 28 + 1}.12.2026,Room {n % 50}\n" for n in range(10_000))
    reading = row_values.read_rows(columns.find(sheets.read(f"No,Title,Trade,Due,Room\n{rows}".encode()), {}))
    user_id = (await accounts.credential(office, "max")).user_id
    told: list[Any] = []
    await importing.import_rows(office, Job(reading.rows, await office.sector("B-4"), user_id, told.append))
    assert (told[0], told[-1], len(told)) == (500, 10_000, 20)
    assert len(await office.documents("punch_items")) == 10_000
