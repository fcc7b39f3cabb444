"""The site that the engine's tests work on, in memory."""

from __future__ import annotations

import pytest

from sync.memory import MemoryStore
from tests.sync.site import Site, build_site, uid


@pytest.fixture
def site() -> Site:
    """A project with two sectors and a person of every role."""
    return build_site(MemoryStore(uid(14, 1)))
