"""Who works on the site of the browser tests. A login is the name in lower case."""

from __future__ import annotations

from typing import Final

PASSWORD: Final = "granite lantern 42"
PEOPLE: Final = (
    ("Ana", "supervisor", "B-4"),
    ("Bo", "supervisor", "B-4"),
    ("Cem", "worker", "B-4"),
    ("Dee", "worker", "B-5"),
    ("Ada", "admin", None),
    ("Eva", "auditor", None),
    ("Gil", "guest", "B-4"),
)
"""Name, role, and the sector it holds in; None: in the whole project. The guest is of the one company there is."""
COMPANY: Final = "Glazing Ltd"
