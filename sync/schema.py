"""What is synced: entities, their fields, the merge policy of each field, and the mutations that may change them.

This module is data. The server's planner, the device's reducer, the importer and the generated
`pwa/sync/rules.ts` all read it, so that a field is named, bounded and merged in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

PROTOCOL_VERSION: Final = 1
"""Version of the wire format of `POST /sync` (see docs/PROTOCOL.md)."""

SCHEMA_VERSION: Final = 1
"""Version of the mutations' vocabulary; each mutation carries the one it was written under."""

MAX_MUTATIONS: Final = 500
"""Mutations one push may carry."""

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Bytes one request body of `POST /sync` may have."""

MAX_DEPTH: Final = 16
"""Nesting of arrays and objects a request may have."""

MAX_INTEGER: Final = 2**53 - 1
"""Largest magnitude of an integer on the wire: what both JavaScript and every database hold exactly."""


class Policy(StrEnum):
    """How a field that both sides changed since `base` is settled (docs/PROTOCOL.md, "Merging")."""

    LATEST = "latest"  # the newcomer wins, the loser is kept and both authors are told
    ASK = "ask"  # the current value stays, the newcomer becomes a conflict card on both phones
    TEXT = "text"  # three-way by line; overlapping lines become a conflict card
    SET = "set"  # additions and removals are applied to the current set; a card only where that is more than `limit`


class Kind(StrEnum):
    """The type of a field's value on the wire."""

    TEXT = "text"  # string, at most `limit` characters
    CHOICE = "choice"  # one of `choices`
    DATE = "date"  # "YYYY-MM-DD" or null
    REF = "ref"  # the id of a row of `entity`, or null
    REFS = "refs"  # a sorted list of distinct ids of rows of `entity`, at most `limit`
    TAGS = "tags"  # a sorted list of distinct strings of 1 to 50 characters, at most `limit`


@dataclass(frozen=True, slots=True)
class Field:
    """One editable field. `limit` counts characters (TEXT) or members (REFS, TAGS)."""

    kind: Kind
    policy: Policy
    limit: int = 0
    choices: tuple[str, ...] = ()
    entity: str = ""
    default: str | None = None
    is_required: bool = False
    is_direct: bool = True
    """False: a worker's change of it is a suggestion that a supervisor answers."""


ITEM_TYPES: Final = ("defect", "incomplete", "damage", "safety", "observation")
PRIORITIES: Final = ("low", "normal", "high", "urgent")

ITEM_FIELDS: Final[Mapping[str, Field]] = MappingProxyType(
    {
        "title": Field(Kind.TEXT, Policy.TEXT, limit=255, default="", is_required=True),
        "description": Field(Kind.TEXT, Policy.TEXT, limit=20_000, default=""),
        "type": Field(Kind.CHOICE, Policy.LATEST, choices=ITEM_TYPES, default="defect"),
        "priority": Field(Kind.CHOICE, Policy.LATEST, choices=PRIORITIES, default="normal", is_direct=False),
        "trade_id": Field(Kind.REF, Policy.LATEST, entity="trades"),
        "company_id": Field(Kind.REF, Policy.ASK, entity="companies", is_direct=False),
        "assignee_ids": Field(Kind.REFS, Policy.ASK, limit=20, entity="actors", is_direct=False),
        "location": Field(Kind.TEXT, Policy.LATEST, limit=255, default=""),
        "due_on": Field(Kind.DATE, Policy.ASK, is_direct=False),
        "tags": Field(Kind.TAGS, Policy.SET, limit=30),
        "external_ref": Field(Kind.TEXT, Policy.LATEST, limit=100, default=""),
    }
)
"""The fields of a punch item that `item.create` and `item.edit` may set. Everything else is the server's."""

COMMENT_LIMIT: Final = 10_000
"""Characters of a comment."""

REASON_LIMIT: Final = 2_000
"""Characters of the reason of a status command."""

PHOTO_KINDS: Final = ("before", "after", "other")
MEDIA_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "image/heic")
"""What the bytes of a photo may be."""

CAPTION_LIMIT: Final = 500
"""Characters of a photo's caption."""

MAX_PHOTO_BYTES: Final = 2**31
"""Bytes a photo may have in the vocabulary; a server takes fewer (its setting `max_photo_bytes`)."""

MAX_THUMB_BYTES: Final = 64 * 1024
"""Bytes of the thumbnail that a phone makes."""

MAX_SIDE: Final = 100_000
"""Pixels of a photo's width or height."""


class Status(StrEnum):
    """States of a punch item; who may move it where stands in `sync.rules.TRANSITIONS`."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    READY_FOR_REVIEW = "ready_for_review"
    NOT_ACCEPTED = "not_accepted"
    DISPUTED = "disputed"
    CLOSED = "closed"
    VOID = "void"


class PhotoState(StrEnum):
    """Whether the bytes of a photo are on the server."""

    WAITING = "waiting"  # → stored; the device that took it has them
    STORED = "stored"  # the object store holds bytes with the recorded SHA-256 (invariant 5)


class Preview(StrEnum):
    """The pictures that the server could make of a photo; it only ever moves down this list."""

    NONE = "none"
    THUMB = "thumb"
    UNREADABLE = "unreadable"  # the bytes are kept, and no picture could be made of them
    VIEW = "view"


class Outcome(StrEnum):
    """What became of a mutation; the word in its receipt."""

    APPLIED = "applied"  # as written
    MERGED = "merged"  # other fields, lines or tags had changed meanwhile; both are in
    CONFLICT = "conflict"  # at least one field waits for a person; the rest is in
    PARKED = "parked"  # waits for something the server does not have yet; it releases itself
    REFUSED = "refused"  # not in; content and reason are kept in the author's refusals


@dataclass(frozen=True, slots=True)
class Entity:
    """A table that is synced. `parent` names the field that holds the id of the punch item a row hangs on."""

    name: str
    parent: str = ""
    columns: tuple[str, ...] = field(default=())
    """Fields of the document that SQL also needs as typed columns."""


ENTITIES: Final[Mapping[str, Entity]] = MappingProxyType(
    {
        entity.name: entity
        for entity in (
            Entity("projects"),
            Entity("trades", columns=("project_id",)),
            Entity("companies", columns=("project_id",)),
            Entity("sectors", columns=("project_id", "code")),
            Entity("actors", columns=("name", "company_id", "is_disabled")),
            Entity("memberships", columns=("user_id", "sector_id", "role", "valid_from", "valid_to")),
            Entity(
                "punch_items", columns=("project_id", "sector_id", "company_id", "status", "number", "external_ref")
            ),
            Entity("comments", parent="item_id", columns=("author_id",)),
            Entity("photos", parent="item_id", columns=("author_id", "state", "sha256")),
            Entity("item_events", parent="item_id", columns=("actor_id", "item_version", "received_at")),
            Entity("conflicts", parent="item_id", columns=("state",)),
            Entity("refusals", columns=("user_id", "state", "waiting_for")),
        )
    }
)

ITEM_COMMANDS: Final = (
    "item.start",
    "item.submit",
    "item.accept",
    "item.send_back",
    "item.dispute",
    "item.resolve",
    "item.void",
    "item.reopen",
)
"""Status moves. Args: `id`, and `reason` where the transition table asks for one."""

MUTATIONS: Final = (
    "noop",
    "item.create",
    "item.edit",
    "item.move",
    *ITEM_COMMANDS,
    "item.delete",
    "item.restore",
    "comment.add",
    "photo.add",
    "photo.edit",
    "photo.remove",
    "photo.restore",
    "conflict.resolve",
    "refusal.dismiss",
)
"""Every mutation of schema 1, in the order docs/PROTOCOL.md explains them."""
