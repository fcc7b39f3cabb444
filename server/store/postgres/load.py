"""Reads what a push or a pull asks for by keys: a fixed number of statements, whatever the count of keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from server.store.records import COLUMNS, row_of
from sync.changes import ClientState, Key, Receipt, Row
from sync.rules import Actor, Membership, Role
from sync.schema import ENTITIES

if TYPE_CHECKING:
    from server.store.postgres.lines import Asked, Line, Records

Names = Sequence[tuple[str, ...]]
Loaded = dict[tuple[str, ...], Any]
Loading = Generator["Sequence[Asked]", "Sequence[Records]", Loaded]
"""Asks once, is told what came, and returns what it makes of that: so all kinds ask in one round trip."""

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
    loadings = {kind: _KINDS[kind][0](wanted) for kind, wanted in names.items()}
    asked = {kind: next(loading) for kind, loading in loadings.items()}
    came = iter(await line.run_all([each for asks in asked.values() for each in asks]) if any(asked.values()) else ())
    found: dict[Key, Any] = {}
    for kind, wanted in names.items():
        loaded = _told(loadings[kind], [next(came) for _ in asked[kind]])
        found.update((Key(kind, each), loaded.get(each, _KINDS[kind][1])) for each in wanted)
    return found


def _told(loading: Loading, came: Sequence[Records]) -> Loaded:
    try:
        loading.send(came)
    except StopIteration as stop:
        loaded: Loaded = stop.value
        return loaded
    raise RuntimeError("a loader asks once")


def _rows(names: Names) -> Loading:
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for entity, row_id in names:
        ids[entity].append(row_id)
    came = yield [
        (f"SELECT {COLUMNS[entity]} FROM {entity} WHERE id = ANY(%s)", (wanted,))
        for entity, wanted in ids.items()
        if entity in ENTITIES
    ]
    return {(record[0], record[1]): row_of(record) for records in came for record in records}


def _children(names: Names) -> Loading:
    found: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    (records,) = yield [(_CHILDREN_SQL, (_firsts(names),) * _CHILDREN)]
    for record in records:
        row = row_of(record)
        found[(row.item_id,)].append(row)
    return {key: tuple(rows) for key, rows in found.items()}


def _receipts(names: Names) -> Loading:
    columns = "mutation_id, user_id, client, n, content_hash, body, received_at"
    sql = f"SELECT {columns} FROM receipts WHERE mutation_id = ANY(%s)"
    (records,) = yield [(sql, (_firsts(names),))]
    return {(record[0],): Receipt(*record) for record in records}


def _clients(names: Names) -> Loading:
    sql = "SELECT id, user_id, last_n, is_revoked FROM clients WHERE id = ANY(%s)"
    (found,) = yield [(sql, (_firsts(names),))]
    return {(id_,): ClientState(id_, user_id, last_n, bool(revoked)) for id_, user_id, last_n, revoked in found}


def _actors(names: Names) -> Loading:
    wanted = _firsts(names)
    memberships = f"""
        SELECT user_id, sector_id, role, valid_from, valid_to FROM memberships
        WHERE user_id = ANY(%s) AND is_deleted = 0 ORDER BY id {_BYTES}"""
    actors = "SELECT id, company_id, is_disabled FROM actors WHERE id = ANY(%s) AND is_deleted = 0"
    came = yield [(memberships, (wanted,)), (actors, (wanted,))]
    held: defaultdict[str, list[Membership]] = defaultdict(list)
    for user_id, sector_id, role, valid_from, valid_to in came[0]:
        held[user_id].append(Membership(sector_id, Role(role), valid_from, valid_to))
    return {
        (id_,): Actor(id_, company_id, bool(is_disabled), tuple(held[id_])) for id_, company_id, is_disabled in came[1]
    }


def _clocks(names: Names) -> Loading:
    sql = "SELECT scope, number FROM scope_clocks WHERE scope = ANY(%s)"
    (records,) = yield [(sql, (_firsts(names),))]
    return {(scope,): number for scope, number in records}


def _counters(names: Names) -> Loading:
    sql = "SELECT project_id, number FROM counters WHERE project_id = ANY(%s)"
    (records,) = yield [(sql, (_firsts(names),))]
    return {(project_id,): number for project_id, number in records}


def _seen_ats(names: Names) -> Loading:
    pairs = [(item_id, int(version)) for item_id, version in names if version.isdecimal() and len(version) < 19]
    sql = """
        SELECT item_id, item_version, min(received_at)
        FROM json_to_recordset(%s) AS wanted (item text, version bigint)
        JOIN item_events ON item_id = wanted.item AND item_version = wanted.version GROUP BY 1, 2"""
    wanted = orjson.dumps([{"item": item_id, "version": version} for item_id, version in pairs]).decode()
    (records,) = yield [(sql, (wanted,))]
    return {(item_id, str(version)): seen_at for item_id, version, seen_at in records}


def _waiting(names: Names) -> Loading:
    sql = f"""
        SELECT waiting_for, {COLUMNS["refusals"]} FROM refusals WHERE waiting_for = ANY(%s) ORDER BY id {_BYTES}"""
    found: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    (records,) = yield [(sql, ([f"{entity}/{row_id}" for entity, row_id in names],))]
    for waiting_for, *record in records:
        found[tuple(waiting_for.split("/", 1))].append(row_of(record))
    return {key: tuple(rows) for key, rows in found.items()}


def _parked(names: Names) -> Loading:
    sql = f"""
        SELECT user_id, {COLUMNS["refusals"]} FROM refusals
        WHERE user_id = ANY(%s) AND state = 'parked' ORDER BY id {_BYTES}"""
    found: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    (records,) = yield [(sql, (_firsts(names),))]
    for user_id, *record in records:
        found[(user_id,)].append(row_of(record))
    return {key: tuple(rows) for key, rows in found.items()}


_KINDS: Final[Mapping[str, tuple[Callable[[Names], Loading], Any]]] = {
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
