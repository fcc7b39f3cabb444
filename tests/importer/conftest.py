"""The office of the account tests serves here as well."""

from tests.accounts.conftest import clock, folder, office, prepared

__all__ = ["clock", "folder", "office", "prepared"]
