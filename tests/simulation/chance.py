"""Chance of one seed: integers only, so that a history is the same on every machine and version."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """All that is random in one history."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._ids = 0

    def below(self, stop: int) -> int:
        """An integer from 0 to `stop` - 1."""
        return self._random.randrange(stop)

    def hits(self, permille: int) -> bool:
        """True `permille` times in a thousand."""
        return permille > 0 and self._random.randrange(1_000) < permille

    def one_of(self, values: Sequence[T]) -> T:
        return values[self._random.randrange(len(values))]

    def some_of(self, values: Sequence[T], permille: int) -> list[T]:
        return [value for value in values if self.hits(permille)]

    def id(self) -> str:
        """A UUID that was never given out; their order says nothing, as with many phones."""
        self._ids += 1
        return f"{self._random.getrandbits(32):08x}-0000-7000-8000-{self._ids:012x}"
