"""Migrations of both databases: they lead to the tables the code declares, whole or not at all."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.operations.ops import CreateIndexOp
from sqlalchemy import MetaData

from server.store import migrate
from server.store.core_tables import Core
from server.store.punchlist import PunchlistStore
from server.store.punchlist_tables import Punchlist
from server.store.punchlist_write import write
from sync.changes import Key, Plan, Unavailable
from sync.memory import MemoryStore
from sync.push import PushContext, push
from sync.schema import ENTITIES
from tests.sync.site import ANA, BO, NOON, build_site, photo_args, uid

DATABASES: dict[str, MetaData] = {"punchlist": Punchlist.metadata, "core": Core.metadata}


@pytest.fixture(params=sorted(DATABASES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


def _die(*_: object) -> None:
    raise RuntimeError("the power went")


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as plain:
        return {row[0] for row in plain.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_the_migrated_database_is_what_the_models_declare(name: str, path: Path) -> None:
    migrate.upgrade(name, path)
    assert migrate.differences(path, DATABASES[name]) == []


def test_every_table_is_strict(name: str, path: Path) -> None:
    migrate.upgrade(name, path)
    with closing(sqlite3.connect(path)) as plain:
        lax = [row[1] for row in plain.execute("PRAGMA table_list") if row[2] == "table" and not row[5]]
    assert [table for table in lax if table != "alembic_version" and not table.startswith("sqlite_")] == []


@pytest.mark.parametrize("entity", sorted(ENTITIES))
def test_every_entity_has_its_table_with_the_typed_columns(entity: str) -> None:
    columns = set(Punchlist.metadata.tables[entity].columns.keys())
    parent = {ENTITIES[entity].parent} - {""}
    assert columns == {"id", "version", "doc", "field_versions", "is_deleted", *ENTITIES[entity].columns, *parent}


def test_state_tells_empty_pending_current_and_ahead(name: str, path: Path) -> None:
    empty = migrate.state(name, path)
    assert (empty.current, empty.is_pending, empty.is_ahead) == (None, True, False)
    assert not path.exists(), "looking makes no file"
    migrate.upgrade(name, path)
    now = migrate.state(name, path)
    assert (now.current, now.is_pending, now.is_ahead) == (now.head, False, False)
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    ahead = migrate.state(name, path)
    assert (ahead.is_pending, ahead.is_ahead) == (False, True)


def test_a_database_of_newer_code_is_left_alone(name: str, path: Path) -> None:
    migrate.upgrade(name, path)
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    migrate.upgrade(name, path)
    assert migrate.state(name, path).is_ahead


def test_migrating_again_changes_nothing(name: str, path: Path) -> None:
    migrate.upgrade(name, path)
    before = path.read_bytes()
    migrate.upgrade(name, path)
    assert path.read_bytes() == before


def test_several_starts_at_once_migrate_once(name: str, path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migrate.upgrade(name, path), range(4)))
    assert migrate.differences(path, DATABASES[name]) == []


def test_a_migration_that_dies_in_the_middle_leaves_nothing(
    name: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(CreateIndexOp, "to_index", _die)
        with pytest.raises(RuntimeError, match="the power went"):
            migrate.upgrade(name, path)
    assert tables(path) == set()
    migrate.upgrade(name, path)
    assert migrate.differences(path, DATABASES[name]) == []


def _schema(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as plain:
        return dict(plain.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall())


def _upgrade_to(revision: str, path: Path) -> None:
    engine = migrate._engine(path)
    with engine.begin() as connection:
        command.upgrade(migrate._config("punchlist", connection), revision)
    engine.dispose()


def test_photos_come_beside_what_is_there(path: Path) -> None:
    """The code of the revision before goes on working on the new tables: what it knows is as it was."""
    _upgrade_to("punchlist_0001", path)
    before = _schema(path)
    migrate.upgrade("punchlist", path)
    after = _schema(path)
    assert {name: after[name] for name in before} == before
    assert {name for name in after.keys() - before.keys() if not name.startswith("ix_")} == {
        "photos",
        "uploads",
        "upload_parts",
    }


@pytest.mark.anyio
async def test_items_from_before_there_were_photos_take_some(path: Path) -> None:
    """No document is rewritten by the migration; an item without a count has none."""
    _upgrade_to("punchlist_0001", path)
    site = build_site(MemoryStore(uid(14, 1)))
    item_id = site.phone(ANA).create()
    old = {name: value for name, value in site.doc(item_id).items() if name != "photo_count"}
    rows = [row for entity in ("actors", "memberships", "sectors", "projects") for row in site.rows(entity)]
    rows.append(replace(site.row("punch_items", item_id), doc=old))
    with closing(sqlite3.connect(path)) as plain, plain:
        write(plain, Plan(rows={(row.entity, row.id): row for row in rows}), NOON)
    migrate.upgrade("punchlist", path)
    store = await PunchlistStore.open(path)
    phone = site.phone(BO)
    request = phone.request(phone.mutation("photo.add", photo_args(site, item_id), 1))
    answer = await push(store, request, PushContext(BO, site.now))
    snapshot = await store.snapshot()
    row = (await snapshot.load([key := Key("row", ("punch_items", item_id))]))[key]
    await snapshot.close()
    await store.close()
    assert json.loads(answer.receipts[0])["outcome"] == "applied"
    assert (row.doc["photo_count"], row.version) == (1, 2)


def test_what_is_no_database_is_said_and_left_alone(name: str, path: Path) -> None:
    path.write_bytes(rubbish := b"no database at all, " * 500)
    with pytest.raises(Unavailable, match=r"some\.db: file is not a database"):
        migrate.upgrade(name, path)
    assert path.read_bytes() == rubbish
