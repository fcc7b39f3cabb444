"""How a checker says that a promise was broken."""

from __future__ import annotations

from typing import NoReturn


class Violation(AssertionError):
    """An invariant (by the number of docs/GUARANTEES.md) that does not hold; `words` say where."""

    def __init__(self, number: int, words: str) -> None:
        self.number = number
        super().__init__(f"invariant {number}: {words}")


def violated(number: int, words: str) -> NoReturn:
    raise Violation(number, words)


def hold(number: int, truth: object, words: str) -> None:
    """Raise `Violation` unless `truth`."""
    if not truth:
        raise Violation(number, words)
