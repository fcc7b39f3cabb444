"""QR codes for a terminal, dark on light whatever the terminal's own colours are."""

from __future__ import annotations

from itertools import zip_longest
from typing import Final

import segno

BORDER: Final = 2
"""Light modules around it. Four are the standard's, two do for every camera and fit small terminals."""

# By (upper half is dark, lower half is dark).
HALVES: Final = {(0, 0): " ", (0, 1): "▄", (1, 0): "▀", (1, 1): "█"}
BLACK_ON_WHITE: Final = "\x1b[38;5;16;48;5;231m"
PLAIN: Final = "\x1b[0m"


def qr_lines(text: str, *, is_colored: bool) -> list[str]:
    """The QR code of a text, two rows of modules in each line. Without colours, dark modules are what is printed."""
    code = segno.make(text, error="m", micro=False)
    rows = [[int(module) for module in row] for row in code.matrix_iter(border=BORDER)]
    pairs = zip_longest(rows[::2], rows[1::2], fillvalue=[0] * len(rows[0]))
    lines = ["".join(HALVES[halves] for halves in zip(*pair, strict=True)) for pair in pairs]
    return [f"{BLACK_ON_WHITE}{line}{PLAIN}" for line in lines] if is_colored else lines
