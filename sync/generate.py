"""The tables of `sync.schema` and `sync.rules` as TypeScript: `python -m sync.generate > pwa/sync/rules.ts`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sync.rules import ACTS, TRANSITIONS, Role
from sync.schema import (
    CAPTION_LIMIT,
    COMMENT_LIMIT,
    ITEM_FIELDS,
    MAX_MUTATIONS,
    MAX_THUMB_BYTES,
    PHOTO_KINDS,
    PRIORITIES,
    PROTOCOL_VERSION,
    REASON_LIMIT,
    SCHEMA_VERSION,
    Field,
    Kind,
    Status,
)

_HEAD: Final = """\
/** The engine's tables. Generated from sync/schema.py and sync/rules.py by `python -m sync.generate`; do not edit. */

import type {{ Role, Status }} from "./types.ts";

export type Kind = {kinds};

/** What the screens need to know of an editable field; what is 0, none or false there is left out. */
export interface Field {{
  readonly kind: Kind;
  /** Characters (text) or members (refs, tags). */
  readonly limit?: number;
  readonly choices?: readonly string[];
  readonly default?: string;
  /** Absent: a worker's change of it is a suggestion that a supervisor answers. */
  readonly is_direct?: boolean;
}}

/** One status command. `target` null: back to the state before the dispute. */
export interface Transition {{
  readonly sources: readonly Status[];
  readonly target: Status | null;
  readonly needs_reason: boolean;
}}
"""


def typescript() -> str:
    """The text of `pwa/sync/rules.ts`."""
    head = _HEAD.format(kinds=_union(Kind))
    return "\n".join([head, *_constants(), *_tables(), ""])


def _union(words: Iterable[str]) -> str:
    return " | ".join(json.dumps(str(word)) for word in words)


def _constants() -> Iterable[str]:
    constants = {
        "PROTOCOL_VERSION": PROTOCOL_VERSION,
        "SCHEMA_VERSION": SCHEMA_VERSION,
        "MAX_MUTATIONS": MAX_MUTATIONS,
        "COMMENT_LIMIT": COMMENT_LIMIT,
        "REASON_LIMIT": REASON_LIMIT,
        "CAPTION_LIMIT": CAPTION_LIMIT,
        "MAX_THUMB_BYTES": MAX_THUMB_BYTES,
    }
    for name, value in constants.items():
        yield f"export const {name} = {value};"
    lists: dict[str, tuple[Iterable[str], str]] = {
        "PRIORITIES": (PRIORITIES, "string"),
        "PHOTO_KINDS": (PHOTO_KINDS, "string"),
    }
    for name, (words, kind) in lists.items():
        yield f"export const {name}: readonly {kind}[] = {_list(words)};"


def _list(words: Iterable[str]) -> str:
    return f"[{', '.join(json.dumps(str(word)) for word in words)}]"


def _tables() -> Iterable[str]:
    yield "\n/** The fields of a punch item that a person may set, in the order of the form. */"
    yield from _table("ITEM_FIELDS", "Field", {name: _field(field) for name, field in ITEM_FIELDS.items()})
    yield "\n/** Status command → which way it moves. */"
    transitions = {
        name: {
            "sources": [status.value for status in Status if status in transition.sources],
            "target": transition.target and transition.target.value,
            "needs_reason": transition.needs_reason,
        }
        for name, transition in TRANSITIONS.items()
    }
    yield from _table("TRANSITIONS", "Transition", transitions)
    yield "\n/** Act → the roles that may do it on an item they can see. */"
    acts = {act: [role.value for role in Role if role in roles] for act, roles in ACTS.items()}
    yield from _table("ACTS", "readonly Role[]", acts)


def _field(field: Field) -> dict[str, Any]:
    said = {
        "limit": field.limit,
        "choices": list(field.choices),
        "default": field.default,
        "is_direct": field.is_direct,
    }
    return {"kind": field.kind.value, **{name: value for name, value in said.items() if value or value == ""}}


def _table(name: str, kind: str, rows: Mapping[str, Any]) -> Iterable[str]:
    yield f"export const {name}: Readonly<Record<string, {kind}>> = {{"
    for key, value in rows.items():
        yield f"  {key if key.isidentifier() else json.dumps(key)}: {_value(value)},"
    yield "};"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key}: {_value(member)}' for key, member in value.items())} }}"
    return json.dumps(value)


if __name__ == "__main__":
    sys.stdout.write(typescript())
