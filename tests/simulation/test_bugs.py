"""The simulator earns its keep: each planted bug is caught by its pinned seed, and from fresh seeds in full runs."""

import time

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.history import run
from tests.simulation.violations import Violation

CAUGHT_BY = {
    "no_fork_check": (1012, 1),
    "receipt_not_stored": (1002, 1),
    "effect_without_its_place_in_the_scopes": (1010, 7),
    "cursor_one_ahead": (1001, 15),
    "two_writers": (1004, 15),
    "rights_on_the_old_place_only": (1009, 12),
    "rights_read_without_their_end": (1006, 7),
    "late_work_without_limit": (1070, 12),
    "late_work_of_any_base": (1070, 12),
    "session_not_compared": (1001, 21),
    "pruned_by_half_an_answer": (1000, 11),
    "answer_without_cookie_check": (1000, 13),
    "server_error_counts_as_sent": (1000, 3),
    "tried_entry_amended": (1004, 2),
    "discard_leaves_a_hole": (1001, 16),
    "poison_blocks_the_lane": (1005, 8),
    "neighbours_of_poison_dropped": (1005, 8),
    "renumbering_keeps_numbers": (1015, 8),
    "clock_put_back_wedges": (1017, 8),
    "field_versions_lost": (1024, 18),
    "own_edits_forgotten": (1006, 6),
    "loser_not_kept": (1024, 18),
    "newcomer_wins_everything": (1025, 18),
    "tags_overwritten": (1046, 6),
    "edit_brings_back_the_deleted": (1008, 10),
    "parked_for_ever": (1010, 19),
    "comment_not_counted": (1001, 6),
    "scope_not_dropped": (1004, 13),
    "half_an_answer_called_whole": (1018, 11),
    "rights_older_than_rows": (1007, 7),
    "photo_count_forgotten_on_restore": (1001, 4),
    "photos_left_where_the_item_was": (1025, 7),
    "photo_waits_again": (1001, 5),
    "stored_with_other_bytes": (1001, 5),
    "anybody_edits_a_photo": (1024, 12),
    "bytes_bring_a_removed_photo_back": (1000, 10),
    "bytes_come_without_a_place_in_the_scopes": (1000, 9),
}
"""Bug → the seed that shows it and the invariant it breaks there."""

RARE = ["pruned_before_covered"]
"""Takes two senders at odds at one moment; `test_device.py` has the example."""

HUNT_SECONDS = 60


@pytest.mark.parametrize("name", CAUGHT_BY)
def test_a_planted_bug_is_caught_by_its_seed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seed, number = CAUGHT_BY[name]
    BUGS[name](monkeypatch)
    with pytest.raises(Violation) as caught:
        run(seed)
    assert caught.value.number == number
    assert f"scripts/simulate {seed}" in caught.value.__notes__


def test_without_the_bugs_their_seeds_hold() -> None:
    for seed in sorted({seed for seed, _ in CAUGHT_BY.values()}):
        run(seed)


def test_every_planted_bug_has_its_seed() -> None:
    assert set(BUGS) == {*CAUGHT_BY, *RARE}


@pytest.mark.full
@pytest.mark.parametrize("name", CAUGHT_BY)
def test_a_planted_bug_is_found_again_from_fresh_seeds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BUGS[name](monkeypatch)
    seed = time.time_ns() // 1_000
    stop_at = time.monotonic() + HUNT_SECONDS
    while time.monotonic() < stop_at:
        try:
            run(seed)
        except Violation:
            return
        seed += 1
    pytest.fail(f"{name} was not found in {HUNT_SECONDS} s")
