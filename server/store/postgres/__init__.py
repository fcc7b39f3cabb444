"""The database `punchlist` on PostgreSQL: the same port as on SQLite, for many server processes at once."""
