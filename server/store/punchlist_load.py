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
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence

Loaded = dict[tuple[str, ...], Any]
Loader = "Callable[[sqlite3.Connection, Sequence[tuple[str, ...]]], Loaded]"

_ONE_OF: Final = "IN (SELECT value FROM json_each(?))"
_CHILDREN: Final = tuple(entity for entity in ENTITIES.values() if entity.parent)
_CHILDREN_SQL: Final = (
    " UNION ALL ".join(
        f"SELECT {COLUMNS[child.name]} FROM {child.name} WHERE {child.parent} {_ONE_OF}" for child in _CHILDREN
    )
    + " ORDER BY 1, 2"
)


def load(plain: sqlite3.Connection, keys: Iterable[Key]) -> Mapping[Key, Any]:
    """Everything the keys name, as `sync.changes.Key` says; a key that finds nothing has its kind's empty value."""
    names: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for key in keys:
        names[key.kind].append(key.names)
    found: dict[Key, Any] = {}
    for kind, wanted in names.items():
        loader, empty = _KINDS[kind]
        loaded = loader(plain, wanted)
        found.update((Key(kind, each), loaded.get(each, empty)) for each in wanted)
    return found


def _rows(plain: sqlite3.Connection, names: Sequence[tuple[str, ...]]) -> Loaded:
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for entity, row_id in names:
        ids[entity].append(row_id)
    found: Loaded = {}
    for entity, wanted in ids.items():
        if entity not in ENTITIES:
            continue
        cursor = plain.execute(f"SELECT {COLUMNS[entity]} FROM {entity} WHERE id {_ONE_OF}", (_json(wanted),))
        found.update(((entity, record[1]), row_of(record)) for record in cursor)
    return found


def _children(plain: sqlite3.Connection, names: Sequence[tuple[str, ...]]) -> Loaded:
    wanted = _json([item_id for (item_id,) in names])
    found: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for record in plain.execute(_CHILDREN_SQL, (wanted,) * len(_CHILDREN)):
        row = row_of(record)
        found[(row.item_id,)].append(row)
    return {key: tuple(rows) for key, rows in found.items()}


def _receipts(plain: sqlite3.Connection, names: Sequence[tuple[str, ...]]) -> Loaded:
    columns = "mutation_id, user_id, client, n, content_hash, body, received_at"
    sql = f"SELECT {columns} FROM receipts WHERE mutation_id {_ONE_OF}"
    return {(record[0],): Receipt(*record) for record in plain.execute(sql, (_firsts(names),))}


def _clients(plain: sqlite3.Connection, names: Sequence[tuple[str, ...]]) -> Loaded:
    sql = f"SELECT id, user_id, last_n, is_revoked FROM clients WHERE id {_ONE_OF}"
    found = plain.execute(sql, (_firsts(names),))
    return {(id_,): ClientState(id_, user_id, last_n, bool(revoked)) for id_, user_id, last_n, revoked in found}


def _actors(plain: sqlite3.Connection, names: Sequence[tuple[str, ...]]) -> Loaded:
    wanted = _firsts(names)
    held: defaultdict[str, list[Membership]] = defaultdict(list)
    columns = "user_id, sector_id, role, valid_from, valid_to"
    sql = f"SELECT {columns} FROM memberships WHERE user_id {_ONE_OF} AND is_deleted = 0 ORDER BY id"
    for user_id, sector_id, role, valid_from, valid_to in plain.execute(sql, (wanted,)):
        held[user_id].append(Membership(sector_id, Role(role), valid_from, valid_to))
    sql = f"SELECT id, company_id, is_disabled FROM actors WHERE id {_ONE_OF} AND is_deleted = 0"
    return {
        (id_,): Actor(id_, company_id, bool(is_disabled), tuple(held[id_]))
        for id_, company_id, is_disabled in plain.execute(sql, (wanted,))
    }


def _clocks(plain: sqlite3.Connection, names: Sequence[tuple[str, ...]]) -> Loaded:
    sql = f"SELECT scope, number FROM scope_clocks WHERE scope {_ONE_OF}"
    return {(scope,): number for scope, number in plain.execute(sql, (_firsts(names),))}


def _counters(plain: sqlite3.Connection, names: Sequence[tuple[str, ...]]) -> Loaded:
    sql = f"SELECT project_id, number FROM counters WHERE project_id {_ONE_OF}"
    return {(project_id,): number for project_id, number in plain.execute(sql, (_firsts(names),))}


def _seen_ats(plain: sqlite3.Connection, names: Sequence[tuple[str, ...]]) -> Loaded:
    pairs = [(item_id, int(version)) for item_id, version in names if version.isdecimal() and len(version) < 19]
    sql = """
        SELECT wanted.value ->> 0, wanted.value ->> 1, min(event.received_at)
        FROM json_each(?) AS wanted
        JOIN item_events AS event ON event.item_id = wanted.value ->> 0 AND event.item_version = wanted.value ->> 1
        GROUP BY 1, 2"""
    return {(item_id, str(version)): seen_at for item_id, version, seen_at in plain.execute(sql, (_json(pairs),))}


def _waiting(plain: sqlite3.Connection, names: Sequence[tuple[str, ...]]) -> Loaded:
    sql = f"SELECT waiting_for, {COLUMNS['refusals']} FROM refusals WHERE waiting_for {_ONE_OF} ORDER BY id"
    wanted = _json([f"{entity}/{row_id}" for entity, row_id in names])
    found: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for waiting_for, *record in plain.execute(sql, (wanted,)):
        found[tuple(waiting_for.split("/", 1))].append(row_of(record))
    return {key: tuple(rows) for key, rows in found.items()}


def _parked(plain: sqlite3.Connection, names: Sequence[tuple[str, ...]]) -> Loaded:
    sql = f"""
        SELECT user_id, {COLUMNS["refusals"]} FROM refusals
        WHERE user_id {_ONE_OF} AND state = 'parked' ORDER BY id"""
    found: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for user_id, *record in plain.execute(sql, (_firsts(names),)):
        found[(user_id,)].append(row_of(record))
    return {key: tuple(rows) for key, rows in found.items()}


_KINDS: Final[Mapping[str, tuple[Callable[[sqlite3.Connection, Sequence[tuple[str, ...]]], Loaded], Any]]] = {
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


def _firsts(names: Iterable[tuple[str, ...]]) -> str:
    return _json([first for (first,) in names])


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
