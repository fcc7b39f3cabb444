"""The digest of a scope: equal on two sides exactly when both hold the same rows (invariant 9)."""

from __future__ import annotations

from collections.abc import Iterable

from sync.canonical import canonical, sha256
from sync.changes import Document


def digest(rows: Iterable[tuple[str, Document]]) -> str:
    """SHA-256 hex over the rows, each `(entity, document)`, whatever their order."""
    lines = sorted(f"{entity} {doc['id']} {doc['version']} {sha256(canonical(doc))}" for entity, doc in rows)
    return sha256("\n".join(lines))
