"""Rows as records of a table and back: the same columns in the same order on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from sync.changes import Row
from sync.schema import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.schema import Entity

COLUMNS: Final = {
    name: f"'{name}', id, version, doc, field_versions, is_deleted, {entity.parent or chr(39) * 2}"
    for name, entity in ENTITIES.items()
}
"""Entity → what to select so that `row_of` reads it."""


def columns_of(entity: Entity) -> list[str]:
    """The columns of the entity's table behind `id`, in the order of `record_of`."""
    parent = [entity.parent] if entity.parent else []
    return ["version", "doc", "field_versions", "is_deleted", *parent, *entity.columns]


def row_of(record: Sequence[Any]) -> Row:
    """The row that a record of `COLUMNS` holds."""
    entity, row_id, version, doc, field_versions, is_deleted, item_id = record
    versions = {name: (at, by) for name, (at, by) in orjson.loads(field_versions).items()}
    return Row(entity, row_id, version, orjson.loads(doc), versions, bool(is_deleted), item_id)


def record_of(row: Row) -> list[Any]:
    """The row's id and then `columns_of` its entity."""
    entity = ENTITIES[row.entity]
    parent = [row.item_id] if entity.parent else []
    typed = (row.doc.get(name) for name in entity.columns)
    columns = (int(value) if isinstance(value, bool) else value for value in typed)
    return [
        row.id,
        row.version,
        json_text(row.doc),
        json_text(row.field_versions),
        int(row.is_deleted),
        *parent,
        *columns,
    ]


def json_text(value: Any) -> str:
    """`value` as the JSON text that is stored and goes out."""
    return orjson.dumps(value).decode()
