"""Reads what a push or a pull asks for by keys: a fixed number of statements, whatever the count of keys."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import orjson

from server.store.records import COLUMNS, row_of
from sync.changes import ClientState, Key, Receipt, Row
from sync.rules import Actor, Membership, Role
from sync.schema import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from server.store.postgres.lines import Line

Loaded = dict[tuple[str, ...], Any]

# Texts are ordered by their bytes, whatever the database's language, as on every other store.
_BYTES: Final = 'COLLATE "C"'
_CHILDREN_SQL: Final = (
    "SELECT * FROM ("
    + " UNION ALL ".join(
        f"SELECT {COLUMNS[child.name]} FROM {child.name} WHERE {child.parent} = ANY(%s)"
        for child in ENTITIES.values()
        if child.parent
    )
    + f") AS child (entity, id) ORDER BY entity {_BYTES}, id {_BYTES}"
)
_CHILDREN: Final = _CHILDREN_SQL.count("ANY(%s)")


async def load(line: Line, keys: Iterable[Key]) -> Mapping[Key, Any]:
    """Everything the keys name, as `sync.changes.Key` says; a key that finds nothing has its kind's empty value."""
    names: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for key in keys:
        names[key.kind].append(key.names)
    found: dict[Key, Any] = {}
    for kind, wanted in names.items():
        loader, empty = _KINDS[kind]
        loaded = await loader(line, wanted)
        found.update((Key(kind, each), loaded.get(each, empty)) for each in wanted)
    return found


async def _rows(line: Line, names: Sequence[tuple[str, ...]]) -> Loaded:
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for entity, row_id in names:
        ids[entity].append(row_id)
    found: Loaded = {}
    for entity, wanted in ids.items():
        if entity not in ENTITIES:
            continue
        records = await line.run(f"SELECT {COLUMNS[entity]} FROM {entity} WHERE id = ANY(%s)", (wanted,))
        found.update(((entity, record[1]), row_of(record)) for record in records)
    return found


async def _children(line: Line, names: Sequence[tuple[str, ...]]) -> Loaded:
    found: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for record in await line.run(_CHILDREN_SQL, (_firsts(names),) * _CHILDREN):
        row = row_of(record)
        found[(row.item_id,)].append(row)
    return {key: tuple(rows) for key, rows in found.items()}


async def _receipts(line: Line, names: Sequence[tuple[str, ...]]) -> Loaded:
    columns = "mutation_id, user_id, client, n, content_hash, body, received_at"
    sql = f"SELECT {columns} FROM receipts WHERE mutation_id = ANY(%s)"
    return {(record[0],): Receipt(*record) for record in await line.run(sql, (_firsts(names),))}


async def _clients(line: Line, names: Sequence[tuple[str, ...]]) -> Loaded:
    sql = "SELECT id, user_id, last_n, is_revoked FROM clients WHERE id = ANY(%s)"
    found = await line.run(sql, (_firsts(names),))
    return {(id_,): ClientState(id_, user_id, last_n, bool(revoked)) for id_, user_id, last_n, revoked in found}


async def _actors(line: Line, names: Sequence[tuple[str, ...]]) -> Loaded:
    wanted = _firsts(names)
    held: defaultdict[str, list[Membership]] = defaultdict(list)
    sql = f"""
        SELECT user_id, sector_id, role, valid_from, valid_to FROM memberships
        WHERE user_id = ANY(%s) AND is_deleted = 0 ORDER BY id {_BYTES}"""
    for user_id, sector_id, role, valid_from, valid_to in await line.run(sql, (wanted,)):
        held[user_id].append(Membership(sector_id, Role(role), valid_from, valid_to))
    sql = "SELECT id, company_id, is_disabled FROM actors WHERE id = ANY(%s) AND is_deleted = 0"
    return {
        (id_,): Actor(id_, company_id, bool(is_disabled), tuple(held[id_]))
        for id_, company_id, is_disabled in await line.run(sql, (wanted,))
    }


async def _clocks(line: Line, names: Sequence[tuple[str, ...]]) -> Loaded:
    sql = "SELECT scope, number FROM scope_clocks WHERE scope = ANY(%s)"
    return {(scope,): number for scope, number in await line.run(sql, (_firsts(names),))}


async def _counters(line: Line, names: Sequence[tuple[str, ...]]) -> Loaded:
    sql = "SELECT project_id, number FROM counters WHERE project_id = ANY(%s)"
    return {(project_id,): number for project_id, number in await line.run(sql, (_firsts(names),))}


async def _seen_ats(line: Line, names: Sequence[tuple[str, ...]]) -> Loaded:
    pairs = [(item_id, int(version)) for item_id, version in names if version.isdecimal() and len(version) < 19]
    sql = """
        SELECT item_id, item_version, min(received_at)
        FROM json_to_recordset(%s) AS wanted (item text, version bigint)
        JOIN item_events ON item_id = wanted.item AND item_version = wanted.version GROUP BY 1, 2"""
    wanted = orjson.dumps([{"item": item_id, "version": version} for item_id, version in pairs]).decode()
    return {(item_id, str(version)): seen_at for item_id, version, seen_at in await line.run(sql, (wanted,))}


async def _waiting(line: Line, names: Sequence[tuple[str, ...]]) -> Loaded:
    sql = f"""
        SELECT waiting_for, {COLUMNS["refusals"]} FROM refusals WHERE waiting_for = ANY(%s) ORDER BY id {_BYTES}"""
    found: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for waiting_for, *record in await line.run(sql, ([f"{entity}/{row_id}" for entity, row_id in names],)):
        found[tuple(waiting_for.split("/", 1))].append(row_of(record))
    return {key: tuple(rows) for key, rows in found.items()}


async def _parked(line: Line, names: Sequence[tuple[str, ...]]) -> Loaded:
    sql = f"""
        SELECT user_id, {COLUMNS["refusals"]} FROM refusals
        WHERE user_id = ANY(%s) AND state = 'parked' ORDER BY id {_BYTES}"""
    found: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for user_id, *record in await line.run(sql, (_firsts(names),)):
        found[(user_id,)].append(row_of(record))
    return {key: tuple(rows) for key, rows in found.items()}


_KINDS: Final[Mapping[str, tuple[Callable[[Line, Sequence[tuple[str, ...]]], Awaitable[Loaded]], Any]]] = {
    "row": (_rows, None),
    "children": (_children, ()),
    "receipt": (_receipts, None),
    "client": (_clients, None),
    "actor": (_actors, None),
    "clock": (_clocks, 0),
    "counter": (_counters, 0),
    "seen_at": (_seen_ats, None),
    "waiting": (_waiting, ()),
    "parked": (_parked, ()),
}
"""Kind of key → how it is read, and what stands for nothing."""


def _firsts(names: Iterable[tuple[str, ...]]) -> list[str]:
    return [first for (first,) in names]
