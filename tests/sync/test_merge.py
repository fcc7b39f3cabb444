"""One field, two authors: the table of docs/PROTOCOL.md, "Merging", and what holds for all of it (invariant 6)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.merge import Verdict, merge_set, merge_text, settle
from sync.schema import ITEM_FIELDS, Policy

A_TAGS, B_TAGS = ([f"{letter}{number:02}" for number in range(20)] for letter in "ab")
SEEN, OWN, UNSEEN = (
    {"is_seen": True, "is_own": False},
    {"is_seen": False, "is_own": True},
    {"is_seen": False, "is_own": False},
)


@pytest.mark.parametrize(
    ("field", "was", "current", "wanted", "how", "verdict", "value", "why"),
    [
        ("priority", "low", "low", "high", SEEN, "taken", "high", "nobody touched it"),
        ("priority", "low", "normal", "high", SEEN, "taken", "high", "the base says the author had seen it"),
        ("priority", "low", "urgent", "high", UNSEEN, "kept", "high", "latest: the newcomer wins, the loser is kept"),
        ("priority", "low", "high", "high", UNSEEN, "same", "high", "both want the same"),
        ("priority", "low", "urgent", "high", OWN, "taken", "high", "a client has seen its own edits"),
        ("priority", "low", "low", "high", UNSEEN, "taken", "high", "changed and changed back: as the author saw it"),
        ("due_on", "2026-01-01", "2026-01-02", "2026-01-03", UNSEEN, "conflict", "2026-01-02", "ask: people decide"),
        ("due_on", None, "2026-01-02", None, UNSEEN, "conflict", "2026-01-02", "clearing is an edit as well"),
        ("due_on", "2026-01-01", None, "2026-01-03", UNSEEN, "conflict", None, "so is having cleared"),
        ("due_on", "2026-01-01", "2026-01-02", "2026-01-02", UNSEEN, "same", "2026-01-02", "both want the same"),
        ("due_on", "2026-01-01", "2026-01-02", "2026-01-03", OWN, "taken", "2026-01-03", "its own edit"),
        ("assignee_ids", ["a"], ["b"], ["c"], UNSEEN, "conflict", ["b"], "two assigns are a question for people"),
        ("tags", ["a", "b"], ["a", "b", "x"], ["b", "c"], UNSEEN, "merged", ["b", "c", "x"], "set: adds and removes"),
        ("tags", ["a"], [], ["a"], UNSEEN, "same", [], "nothing added, nothing brought back"),
        ("tags", ["a"], ["a"], ["b"], SEEN, "taken", ["b"], "nobody touched it"),
        ("tags", [], ["x"], ["b"], SEEN, "merged", ["b", "x"], "was tells what was meant, whatever the base"),
        ("tags", [], A_TAGS, B_TAGS, UNSEEN, "conflict", A_TAGS, "both would be more than a phone could send back"),
        ("title", "a\nb", "b", "a", UNSEEN, "conflict", "b", "nothing would be left, and a title must not be blank"),
        ("title", "Tile", "Tile broken", "Tile loose", UNSEEN, "conflict", "Tile broken", "one line, two texts"),
        ("description", "a\nb\nc", "A\nb\nc", "a\nb\nC", UNSEEN, "merged", "A\nb\nC", "other lines"),
        ("description", "a\nb\nc", "A\nb\nc", "X\nb\nc", UNSEEN, "conflict", "A\nb\nc", "the same line"),
        ("description", "a\nb", "a\nb\nx", "A\nb", OWN, "merged", "A\nb\nx", "own text that carries another's lines"),
        ("description", "a", "a\nb", "a\nb", UNSEEN, "same", "a\nb", "both want the same"),
        ("description", "", "x", "y", SEEN, "taken", "y", "seen and replaced"),
    ],
)
def test_a_field_is_settled_by_its_policy(
    field: str, was: Any, current: Any, wanted: Any, how: dict[str, bool], verdict: str, value: Any, why: str
) -> None:
    assert settle(ITEM_FIELDS[field], was, current, wanted, **how) == (Verdict(verdict), value)


@pytest.mark.parametrize(
    ("was", "one", "other", "merged", "why"),
    [
        ("", "", "", "", "nothing at all"),
        ("a", "b", "b", "b", "the same change"),
        ("a\nb\nc", "a\nc", "a\nb\nc\nd", "a\nc\nd", "one deletes, one appends"),
        ("a\nb\nc\nd", "A\nb\nc\nd", "a\nB\nc\nd", "A\nB\nc\nd", "neighbouring lines"),
        ("a\nb", "a\nx\nb", "a\ny\nb", None, "two insertions at one place"),
        ("a\nb", "a\nx\nb", "a\nx\nb", "a\nx\nb", "the same insertion"),
        ("a\nb\nc\nd\ne", "A\nb\nc\nd\nE", "a\nb\nC\nd\ne", "A\nb\nC\nd\nE", "inside the other's span"),
        ("a\nb\nc\nd\ne", "A\nb\nc\nd\nE", "A\nb\nC\nd\ne", "A\nb\nC\nd\nE", "one change in common"),
        ("a\nb\nc", "", "a\nB\nc", None, "one deletes what the other edits"),
        ("a\nb\nc", "a\nb\nc\n", "x\na\nb\nc", "x\na\nb\nc\n", "top and bottom"),
        ("a\r\nb", "a\r\nB", "A\r\nb", "A\r\nB", "line ends stay as they are"),
    ],
)
def test_texts_merge_by_line(was: str, one: str, other: str, merged: str | None, why: str) -> None:
    assert merge_text(was, one, other) == merged
    assert merge_text(was, other, one) == merged


def test_a_merge_longer_than_the_field_is_a_conflict() -> None:
    long = "x" * 9_000
    was, current, wanted = "a\nb\nc", f"{long}\nb\nc", f"a\nb\n{long}\n{long}"
    verdict, value = settle(ITEM_FIELDS["description"], was, current, wanted, **UNSEEN)
    assert (verdict, value) == (Verdict.CONFLICT, current)


def test_merging_the_worst_texts_takes_no_time_to_speak_of() -> None:
    """20,000 characters of blank lines on all sides, changed at both ends: kept for a person instead of compared."""
    blank = "\n" * 9_990
    started = time.perf_counter()
    assert merge_text(blank + "a", "x\n" + blank + "y\n" * 300, "z" + blank + "b") is None
    assert time.perf_counter() - started < 0.5


LINES = st.lists(st.sampled_from("abcd"), max_size=6).map("\n".join)
TAGS = st.lists(st.sampled_from("abcdefgh"), max_size=6, unique=True).map(sorted)
VALUES: dict[Policy, st.SearchStrategy[Any]] = {
    Policy.LATEST: st.sampled_from(["low", "normal", "high"]),
    Policy.ASK: st.sampled_from([None, "2026-01-01", "2026-01-02"]),
    Policy.TEXT: LINES,
    Policy.SET: TAGS,
}
FIELD_OF = {Policy.LATEST: "priority", Policy.ASK: "due_on", Policy.TEXT: "description", Policy.SET: "tags"}


@st.composite
def _edits(draw: st.DrawFn) -> tuple[str, Any, Any, Any]:
    policy = draw(st.sampled_from(list(Policy)))
    return (FIELD_OF[policy], *(draw(VALUES[policy]) for _ in range(3)))


@given(LINES, LINES, LINES)
def test_merging_texts_is_symmetric(was: str, one: str, other: str) -> None:
    assert merge_text(was, one, other) == merge_text(was, other, one)


@given(LINES, LINES)
def test_merging_with_an_unchanged_text_gives_the_changed_one(was: str, other: str) -> None:
    assert merge_text(was, was, other) == other


@given(LINES, LINES, LINES)
def test_a_merged_text_holds_every_line_that_either_side_added(was: str, one: str, other: str) -> None:
    merged = merge_text(was, one, other)
    if merged is not None:
        added = {line for text in (one, other) for line in text.split("\n")} - set(was.split("\n"))
        assert added <= set(merged.split("\n"))


@given(TAGS, TAGS, TAGS)
def test_sets_end_the_same_in_both_orders(was: list[str], one: list[str], other: list[str]) -> None:
    first = merge_set(was, merge_set(was, was, one), other)
    second = merge_set(was, merge_set(was, was, other), one)
    assert first == second == sorted((set(one) & set(other)) | (set(one) - set(was)) | (set(other) - set(was)))


@given(_edits(), st.booleans(), st.booleans())
def test_settling_twice_changes_nothing_more(edit: tuple[str, Any, Any, Any], is_seen: bool, is_own: bool) -> None:
    name, was, current, wanted = edit
    field = ITEM_FIELDS[name]
    once = settle(field, was, current, wanted, is_seen=is_seen, is_own=is_own)
    if once.verdict in (Verdict.TAKEN, Verdict.KEPT, Verdict.SAME):
        again = settle(field, was, once.value, wanted, is_seen=is_seen, is_own=is_own)
        assert again.value == once.value


@given(_edits())
def test_an_edit_that_saw_the_current_value_is_never_overruled_by_it(edit: tuple[str, Any, Any, Any]) -> None:
    """Invariant 6: knowledge wins, whether the base or the value seen tells of it."""
    name, was, current, wanted = edit
    field = ITEM_FIELDS[name]
    if field.policy is not Policy.SET:
        assert settle(field, was, current, wanted, **SEEN).value == wanted
    assert settle(field, current, current, wanted, **UNSEEN).value == wanted
