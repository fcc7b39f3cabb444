"""Each test has an office of its own: both databases, people, a sector."""

from tests.accounts.conftest import clock, folder, office, prepared

__all__ = ["clock", "folder", "office", "prepared"]
