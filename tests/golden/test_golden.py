"""The committed golden steps are what the code does now; `scripts/golden --corpus` rewrites them."""

import json
from collections import Counter

import pytest

from sync.device import _STEPS
from tests.golden.steps import HERE, corpus, lines


@pytest.mark.parametrize("name", ["device.jsonl", "overlay.jsonl", "uploading.jsonl"])
def test_a_change_of_behaviour_shows_in_the_committed_steps(name: str) -> None:
    committed = (HERE / name).read_text(encoding="utf-8")
    assert committed == corpus()[name], "run scripts/golden --corpus and look at the diff"


def test_the_steps_cover_every_input_action_and_shown_entity() -> None:
    seen: Counter[str] = Counter()
    for line in lines(2_000):
        one = json.loads(line)
        if one["kind"] == "device":
            seen[f"input {one['input']['type']}"] += 1
            seen.update(f"action {action['type']}" for action in one["actions"])
            seen[f"trouble {one['state_after']['trouble']}"] += 1
        elif one["kind"] == "uploading":
            seen[f"upload input {one['input']['type']}"] += 1
            seen.update(f"upload {action.get('method', action['type'])}" for action in one["actions"])
            seen[f"upload trouble {one['state_after']['trouble']}"] += 1
        else:
            seen.update(f"shown {entity}" for entity in one["after"])
    actions = "put remove quarantine apply send wait denied".split()
    troubles = "unreachable not_ours storage server sign_in other_user revoked upgrade".split()
    entities = "punch_items comments conflicts refusals".split()
    expected = [f"input {name}" for name in _STEPS]
    expected += [f"action {name}" for name in actions]
    expected += [f"trouble {name}" for name in troubles]
    expected += [f"shown {name}" for name in entities]
    expected += [f"upload {name}" for name in "create part ask put wait".split()]
    expected += [f"upload input {name}" for name in "wake landed urge".split()]
    expected += [f"upload trouble {name}" for name in "unreachable not_ours server store_away sign_in upgrade".split()]
    assert [word for word in expected if seen[word] < 5] == []


def test_the_generator_is_a_function_of_its_seed() -> None:
    assert list(lines(50)) == list(lines(50))
