"""Revisions of the database `punchlist`."""
