"""Golden steps: what the Python reducer and overlay do, written down so that their TypeScript twins can be held to it.

One JSON object a line, keys sorted, made from pinned seeds, so that the same code always writes the same bytes:

    {"kind": "device", "state": …, "input": …, "state_after": …, "actions": […]}
    {"kind": "overlay", "user": id, "docs": {entity: {id: doc}}, "entries": […], "refusals": […],
     "after": {entity: {id: doc | null}}}
    {"kind": "uploading", "state": …, "input": …, "state_after": …, "actions": […]}

`scripts/golden [COUNT]` prints COUNT steps of each kind (default 2,000). `scripts/golden --corpus` rewrites the small
committed files beside this module, which exist so that a change of behaviour is visible in review.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tests.golden.device_steps import device_steps
from tests.golden.overlay_steps import overlay_steps
from tests.golden.uploading_steps import uploading_steps

HERE = Path(__file__).parent
CORPUS_STEPS = 100
MAKERS = {"device": device_steps, "overlay": overlay_steps, "uploading": uploading_steps}
SEED = 20_261_123


def lines(count: int) -> Iterator[str]:
    """`count` steps of each kind as JSON lines without line ends."""
    for kind in MAKERS:
        yield from lines_of(kind, count)


def lines_of(kind: str, count: int) -> Iterator[str]:
    for one in islice(MAKERS[kind](random.Random(SEED)), count):
        yield json.dumps(one, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def corpus() -> dict[str, str]:
    """File name → text of the committed files."""
    return {f"{kind}.jsonl": "".join(f"{line}\n" for line in lines_of(kind, CORPUS_STEPS)) for kind in MAKERS}


def main(arguments: list[str]) -> None:
    if arguments == ["--corpus"]:
        for name, text in corpus().items():
            (HERE / name).write_text(text, encoding="utf-8")
        return
    out: Any = sys.stdout
    out.reconfigure(encoding="utf-8", newline="\n")
    for line in lines(int(arguments[0]) if arguments else 2_000):
        out.write(f"{line}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
