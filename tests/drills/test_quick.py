"""Every drill in its short form, as anybody would start it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from drills.__main__ import DRILLS

ROOT = Path(__file__).resolve().parents[2]
QUICK_S = 45


@pytest.mark.full
@pytest.mark.parametrize("name", DRILLS)
def test_a_quick_drill_ends_in_time_with_one_line_of_figures(name: str) -> None:
    began = time.monotonic()
    command = [sys.executable, "-m", "drills", name, "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3 * QUICK_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{name}: ")
    assert done.stdout.count("\n") == 1
    assert time.monotonic() - began <= QUICK_S
