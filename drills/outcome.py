"""What a drill is, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(slots=True)
class Outcome:
    """`figures` is the closing line; `broken` says each broken promise in words."""

    figures: str
    broken: list[str] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        """Whether every promise held."""
        return not self.broken


class Run(Protocol):
    """Runs a drill; `seed` decides its choices."""

    def __call__(self, *, seed: int, is_quick: bool) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill and the promise it shows."""

    promise: str
    run: Run
