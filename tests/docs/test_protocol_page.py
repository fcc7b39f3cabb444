"""docs/PROTOCOL.md is true: its request is taken, its answer has those keys, and its tables name what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from server.errors import KINDS
from sync import admin, errors
from sync.answer import render
from sync.memory import MemoryStore
from sync.parse import parse
from sync.pull import pull
from sync.push import PushContext, push
from sync.rules import Role
from sync.schema import (
    CAPTION_LIMIT,
    ENTITIES,
    ITEM_FIELDS,
    MAX_SIDE,
    MAX_THUMB_BYTES,
    MEDIA_TYPES,
    MUTATIONS,
    PHOTO_KINDS,
    Outcome,
    PhotoState,
    Policy,
    Preview,
)

PAGE = (Path(__file__).parents[2] / "docs/PROTOCOL.md").read_text("utf-8")
REQUEST, ANSWER = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)][:2]
PROJECT = "0192f0c1-7a4e-7cc0-8000-000000000009"


def run(coroutine: Any) -> Any:
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stop:
        return stop.value


def send_the_example() -> dict[str, Any]:
    """Send the page's own request to an engine where its user is a worker in its sector."""
    store = MemoryStore(PROJECT)
    user, sector, now = REQUEST["user"], REQUEST["mutations"][0]["args"]["sector_id"], REQUEST["sent_at"]
    office = (
        admin.put_project(PROJECT, "Quay 7"),
        admin.put_sector(sector, PROJECT, "B-4", "Block B"),
        admin.put_actor(user, "Ana", None),
        admin.grant_membership(PROJECT, user, sector, Role.WORKER, now - 1000),
    )
    run(admin.administer(store, office, admin.OfficeContext("setup", None, now - 1000, PROJECT)))
    pushed = run(push(store, parse(json.dumps(REQUEST).encode()), PushContext(user, now + 77)))
    pulled = run(pull(store, None, user, now + 77, REQUEST["limit"]))
    answer: dict[str, Any] = json.loads(render(pushed, pulled, "opaque", now + 77))
    return answer


def section(title: str) -> str:
    """The text under a heading, up to the next of the same depth."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found.group(2)


def words(text: str) -> set[str]:
    """Everything written as code."""
    return {part for span in re.findall(r"`([^`]+)`", text) for part in re.split(r"[^\w.]+", span)}


def test_the_request_is_taken_and_the_answer_has_the_keys_of_the_page() -> None:
    answer = send_the_example()
    assert answer.keys() == ANSWER.keys()
    assert answer["receipts"][0].keys() >= ANSWER["receipts"][0].keys()
    assert answer["receipts"][0]["outcome"] == "applied"
    assert answer["scopes"][0].keys() == ANSWER["scopes"][0].keys()
    assert answer["next_n"] == ANSWER["next_n"]


def test_each_document_of_the_answer_has_the_fields_of_the_page() -> None:
    answer = send_the_example()
    rows = [line for line in section("Documents").splitlines() if line.startswith("| `")]
    documented = {name: words(row) for row in rows for name in words(row.split("|")[1])}
    assert documented.keys() == ENTITIES.keys()
    sent = [row for page in answer["scopes"] for row in page["rows"]]
    assert {row["entity"] for row in sent} >= {"punch_items", "item_events", "sectors", "memberships", "actors"}
    for row in sent:
        editable = set(ITEM_FIELDS) if row["entity"] == "punch_items" else set()
        assert row["doc"].keys() - {"id", "version"} - editable <= documented[row["entity"]], row["entity"]


@pytest.mark.parametrize("error", [kind.error for kind in errors.RequestError.__subclasses__()])
def test_every_error_of_the_engine_is_on_the_page_with_its_status(error: str) -> None:
    lines = [line for line in section("Errors").splitlines() if error in words(line)]
    assert lines, error
    assert any(str(KINDS[error].status) in line for line in lines), lines


def test_the_bounds_of_a_photo_are_those_of_the_page() -> None:
    text = section("Photos")
    for bound in (CAPTION_LIMIT, MAX_THUMB_BYTES, MAX_SIDE):
        assert f"{bound:,}" in text, bound
    assert words(text) >= {*PHOTO_KINDS, *PhotoState, *Preview}
    assert all(f"`{name}`" in text for name in MEDIA_TYPES)


def test_every_mutation_outcome_and_policy_is_on_the_page() -> None:
    named = words(section("Mutations of schema 1"))
    short = {name.removeprefix("item.") for name in MUTATIONS}
    assert {word.removeprefix("item.") for word in named} >= short
    assert words(section("Receipts")) >= set(Outcome)
    assert words(section("Merging")) >= set(Policy)
