"""Revisions of the database `core`."""
