"""Alembic migrations, a folder for each database; `server.store.migrate` runs them."""
