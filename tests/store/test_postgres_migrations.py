"""Migrations of `punchlist` on PostgreSQL: to the tables the code declares, whole or not at all, in turns."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.operations.ops import CreateIndexOp

from server.store import migrate
from server.store.postgres.locks import TAKE_MIGRATION
from server.store.punchlist_tables import Punchlist
from sync.changes import Unavailable
from tests.services.postgres import Postgres

pytestmark = pytest.mark.services


@pytest.fixture
def address(postgres: Postgres) -> Iterator[str]:
    """The address of a database without tables."""
    with postgres.database() as address:
        yield address


def _tables(address: str) -> set[str]:
    with psycopg.connect(address) as plain:
        return {name for (name,) in plain.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def _die(*_: object) -> None:
    raise RuntimeError("the power went")


def test_the_migrated_database_is_what_the_models_declare(address: str) -> None:
    migrate.upgrade("punchlist", address)
    assert migrate.differences(address, Punchlist.metadata) == []
    assert _tables(address) == {*Punchlist.metadata.tables, "alembic_version"}


def test_a_missing_table_would_be_seen(address: str) -> None:
    assert len(migrate.differences(address, Punchlist.metadata)) >= len(Punchlist.metadata.tables)


def test_indexes_over_some_rows_are_over_those_alone(address: str) -> None:
    """Autogenerate does not compare their conditions."""
    migrate.upgrade("punchlist", address)
    with psycopg.connect(address) as plain:
        found = plain.execute("SELECT indexname FROM pg_indexes WHERE indexdef LIKE '% WHERE %' ORDER BY 1").fetchall()
    assert found == [("ix_outbox_undelivered",), ("ix_refusals_waiting_for",)]


def test_every_number_has_64_bits_and_the_outbox_too(address: str) -> None:
    migrate.upgrade("punchlist", address)
    sql = """
        SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'
        AND data_type NOT IN ('text', 'bigint', 'character varying') AND column_name NOT LIKE 'is\\_%' ORDER BY 1, 2"""
    with psycopg.connect(address) as plain:
        assert plain.execute(sql).fetchall() == []


def test_state_tells_empty_pending_current_and_ahead(address: str) -> None:
    empty = migrate.state("punchlist", address)
    assert (empty.current, empty.is_pending, empty.is_ahead) == (None, True, False)
    migrate.upgrade("punchlist", address)
    now = migrate.state("punchlist", address)
    assert (now.current, now.is_pending, now.is_ahead) == (now.head, False, False)
    with psycopg.connect(address) as plain:
        plain.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    migrate.upgrade("punchlist", address)
    ahead = migrate.state("punchlist", address)
    assert (ahead.is_pending, ahead.is_ahead) == (False, True)


def test_several_starts_at_once_migrate_once(address: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migrate.upgrade("punchlist", address), range(4)))
    assert migrate.differences(address, Punchlist.metadata) == []


def test_a_start_waits_for_another_only_so_long(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "WAIT_S", 1)
    with psycopg.connect(address) as plain:
        plain.execute(TAKE_MIGRATION)
        with pytest.raises(Unavailable, match="lock timeout"):
            migrate.upgrade("punchlist", address)


def test_a_migration_that_dies_in_the_middle_leaves_nothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(CreateIndexOp, "to_index", _die)
        with pytest.raises(RuntimeError, match="the power went"):
            migrate.upgrade("punchlist", address)
    assert _tables(address) == set()
    migrate.upgrade("punchlist", address)
    assert migrate.differences(address, Punchlist.metadata) == []
