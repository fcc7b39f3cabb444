"""Runs migrations of one database inside the connection and transaction that `server.store.migrate` hands over."""

from alembic import context

_handed_over = context.config.attributes

context.configure(
    connection=_handed_over["connection"],
    target_metadata=_handed_over["metadata"],
    render_as_batch=True,
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()
