"""What a push will need, told from the request before anything is planned, so that it takes two loads and not many.

A guess too little costs another load, a guess too much a few keys; neither changes what is decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sync import scopes
from sync.acts import ITEMS
from sync.changes import Key
from sync.parse import is_uuid
from sync.refusals import item_of
from sync.schema import ITEM_FIELDS, Kind
from sync.wire import Mutation, Request

_OWN_ROW = {
    "conflict.resolve": "conflicts",
    "refusal.dismiss": "refusals",
    "comment.add": "comments",
    **dict.fromkeys(("photo.add", "photo.edit", "photo.remove", "photo.restore"), "photos"),
}


def scopes_of(request: Request) -> list[str]:
    """The scopes the request names itself, sorted: what a store that locks by scope locks first."""
    named = {scopes.user(request.user)}
    for mutation in request.mutations:
        named.update(scopes.sector(sector_id) for sector_id in _sectors(mutation))
    return sorted(named)


def first_keys(request: Request) -> list[Key]:
    """Keys that the request itself names; each once."""
    keys = [Key("client", (request.client,)), Key("actor", (request.user,)), Key("clock", (scopes.user(request.user),))]
    for mutation in request.mutations:
        keys.append(Key("receipt", (mutation.id,)))
        keys.extend(_keys_of(mutation))
    return list(dict.fromkeys(keys))


def _sectors(mutation: Mutation) -> Iterator[str]:
    for name in ("sector_id", "from_sector_id"):
        if is_uuid(mutation.args.get(name)):
            yield mutation.args[name]


def _keys_of(mutation: Mutation) -> Iterator[Key]:
    name, args = mutation.name, mutation.args
    item_id = item_of(name, args)
    if item_id is not None:
        yield Key("row", (ITEMS, item_id))
        yield Key("waiting", (ITEMS, item_id))
    if name in _OWN_ROW and is_uuid(args.get("id")):
        yield Key("row", (_OWN_ROW[name], args["id"]))
    for sector_id in _sectors(mutation):
        yield Key("row", ("sectors", sector_id))
        yield Key("clock", (scopes.sector(sector_id),))
    yield from _references(args)
    if isinstance(args.get("set"), dict):
        yield from _references(args["set"])


def _references(values: Mapping[str, Any]) -> Iterator[Key]:
    for name, value in values.items():
        field = ITEM_FIELDS.get(name)
        if field is None or not value:
            continue
        if field.kind is Kind.REF and is_uuid(value):
            yield Key("row", (field.entity, value))
        elif field.kind is Kind.REFS and isinstance(value, list):
            yield from (Key("actor", (member,)) for member in value if is_uuid(member))


def second_keys(request: Request, loaded: Mapping[Key, Any]) -> list[Key]:
    """Keys that the rows of the first load name: clocks of their scopes, counters, parents."""
    keys: dict[Key, None] = {}
    for key, row in loaded.items():
        if key.kind != "row" or row is None:
            continue
        if row.entity == ITEMS:
            keys.update((Key("clock", (scope,)), None) for scope in scopes.of_item(row.doc))
        elif row.entity == "sectors":
            keys[Key("counter", (row.doc["project_id"],))] = None
        elif row.entity == "conflicts":
            keys[Key("row", (ITEMS, row.item_id))] = None
            keys[Key("waiting", (ITEMS, row.item_id))] = None
            keys[Key("children", (row.item_id,))] = None
    for mutation in request.mutations:
        item = loaded.get(Key("row", (ITEMS, str(mutation.args.get("id")))))
        if item is not None and mutation.name == "item.accept":
            keys[Key("row", ("projects", item.doc["project_id"]))] = None
            keys[Key("children", (item.id,))] = None
        elif item is not None and mutation.name in ("item.move", "item.delete", "item.restore"):
            keys[Key("children", (item.id,))] = None
    return list(keys)
