"""Three-way merging of one field: what was seen, what is there now, what is wanted → what becomes of it.

Only the server merges. `settle` is the table of docs/PROTOCOL.md, "Merging"; nothing in it knows rows or rights.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sync.schema import Field, Policy

LINES_BUDGET: Final = 40_000
"""Pairs of lines a text merge may compare; beyond it both versions are kept for a person."""


class Verdict(StrEnum):
    """What became of a field; the words but the first two appear under `fields` in receipts."""

    SAME = "same"  # nothing to write: it has this value already
    TAKEN = "taken"  # written as wanted
    MERGED = "merged"  # both sides are in the value
    KEPT = "kept"  # written as wanted; the value it replaced is kept as a noted conflict
    CONFLICT = "conflict"  # the current value stays, a person decides
    SUGGESTED = "suggested"  # the current value stays, a supervisor decides


class Settled(NamedTuple):
    """A verdict and the field's value after it."""

    verdict: Verdict
    value: Any


class Hunk(NamedTuple):
    """Lines `start` to `stop` (exclusive) of the base became `lines`."""

    start: int
    stop: int
    lines: Sequence[str]


def settle(field: Field, was: Any, current: Any, wanted: Any, *, is_seen: bool, is_own: bool) -> Settled:
    """Settle one field.

    `is_seen`: its last change is not newer than the edit's base. `is_own`: the same client made that change. An edit
    is never overruled by what its author had seen (6), so a current value equal to `was` counts as seen as well.
    """
    if wanted == current:
        return Settled(Verdict.SAME, current)
    if field.policy is Policy.SET:
        return _settle_set(field, was, current, wanted)
    if is_seen or was == current:
        return Settled(Verdict.TAKEN, wanted)
    if field.policy is Policy.TEXT:  # a client's own change may carry another's lines that it has not seen
        return _settle_text(field, was, current, wanted)
    if is_own:
        return Settled(Verdict.TAKEN, wanted)
    if field.policy is Policy.LATEST:
        return Settled(Verdict.KEPT, wanted)
    return Settled(Verdict.CONFLICT, current)


def _settle_set(field: Field, was: list[str], current: list[str], wanted: list[str]) -> Settled:
    value = merge_set(was, current, wanted)
    if value == current:
        return Settled(Verdict.SAME, current)
    if len(value) > field.limit:  # a value that nobody could edit any more
        return Settled(Verdict.CONFLICT, current)
    return Settled(Verdict.TAKEN if value == wanted else Verdict.MERGED, value)


def _settle_text(field: Field, was: str, current: str, wanted: str) -> Settled:
    value = merge_text(was, current, wanted)
    if value is None or len(value) > field.limit or (field.is_required and not value.strip()):
        return Settled(Verdict.CONFLICT, current)
    if value == current:
        return Settled(Verdict.SAME, current)
    return Settled(Verdict.TAKEN if value == wanted else Verdict.MERGED, value)


def merge_set(was: list[str], current: list[str], wanted: list[str]) -> list[str]:
    """Apply the additions and removals between `was` and `wanted` to `current`; in order."""
    kept = {member for member in current if member in wanted or member not in was}
    return in_order(kept | {member for member in wanted if member not in was})


def in_order(members: Iterable[str]) -> list[str]:
    """Sorted by UTF-16 units, as the phones sort."""
    return sorted(members, key=lambda member: member.encode("utf-16-be"))


def merge_text(was: str, one: str, other: str) -> str | None:
    """Merge two descendants of `was` by line; `None` where they touch the same lines. Symmetric in its last two."""
    if one == other:
        return one
    base = was.split("\n")
    merged = _apply_all(base, [_span(base, one.split("\n"))], [_span(base, other.split("\n"))])
    if merged is None:
        hunks = [_hunks(base, text.split("\n")) for text in (one, other)]
        if hunks[0] is None or hunks[1] is None:
            return None
        merged = _apply_all(base, hunks[0], hunks[1])
    return None if merged is None else "\n".join(merged)


def _span(base: Sequence[str], lines: Sequence[str]) -> Hunk:
    """The one hunk from the first line that differs to the last."""
    start, limit = 0, min(len(base), len(lines))
    while start < limit and base[start] == lines[start]:
        start += 1
    end = 0
    while end < limit - start and base[-1 - end] == lines[-1 - end]:
        end += 1
    return Hunk(start, len(base) - end, lines[start : len(lines) - end])


def _hunks(base: Sequence[str], lines: Sequence[str]) -> list[Hunk] | None:
    """All hunks, by longest common subsequence of what differs; `None` where that costs too much."""
    span = _span(base, lines)
    old, new = base[span.start : span.stop], span.lines
    if len(old) * len(new) > LINES_BUDGET:
        return None
    hunks: list[Hunk] = []
    i = j = 0
    for match_i, match_j in [*_common(old, new), (len(old), len(new))]:
        if i < match_i or j < match_j:
            hunks.append(Hunk(span.start + i, span.start + match_i, new[j:match_j]))
        i, j = match_i + 1, match_j + 1
    return hunks


def _common(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Index pairs of a longest common subsequence."""
    lengths = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        row, below, line = lengths[i], lengths[i + 1], old[i]
        for j in range(len(new) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if line == new[j] else max(below[j], row[j + 1])
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _apply_all(base: Sequence[str], one: Sequence[Hunk], other: Sequence[Hunk]) -> list[str] | None:
    merged: list[str] = []
    at = 0
    last: Hunk | None = None
    for hunk in sorted([*one, *other], key=lambda hunk: (hunk.start, hunk.stop)):
        if hunk == last:
            continue  # both sides made the same change
        if last is not None and _overlap(last, hunk):
            return None
        merged += base[at : hunk.start]
        merged += hunk.lines
        at, last = hunk.stop, hunk
    return [*merged, *base[at:]]


def _overlap(first: Hunk, second: Hunk) -> bool:
    """Whether the order or the content of two hunks is ambiguous; `first` does not start after `second`."""
    return second.start < first.stop or (first.start == second.start and first.stop == second.stop)
