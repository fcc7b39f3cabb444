"""What the simulator remembers beside the system: every mutation that was called saved, and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Saved:
    """A mutation at the moment the screen said "saved on this device"."""

    id: str
    user: str
    name: str
    args: dict[str, Any]
    base: int | None
    made_at: int
    is_poison: bool = False
    is_discarded: bool = False
    versions: list[dict[str, Any]] = field(default_factory=list)
    """All `args` it ever had; a copied phone may amend its own copy."""

    def __post_init__(self) -> None:
        self.versions.append(self.args)


@dataclass
class Ledger:
    """Never changed by the system under test."""

    saved: dict[str, Saved] = field(default_factory=dict)
    receipts: dict[str, str] = field(default_factory=dict)
    """Mutation id → the receipt as the first device saw it, JSON text with sorted keys."""
    covered: dict[str, dict[str, int]] = field(default_factory=dict)
    """Mutation id → scope → number at which its event or refusal was first put there."""
    bytes_of: dict[str, set[str]] = field(default_factory=dict)
    """Photo → SHA-256 of the bytes that came for it, its own and others'."""
    steps: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    """What came up: errors of the server, faults and crashes; a history that shows nothing proves nothing."""
