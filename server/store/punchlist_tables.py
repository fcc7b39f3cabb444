"""The tables of the database `punchlist`: one per synced entity, and the engine's own.

Each synced table keeps its document as the JSON text that goes on the wire (`doc`), passed through untouched, and
beside it the typed columns that SQL needs. SQLModel declares; hot paths use SQL of their own.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from sqlalchemy import BigInteger, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

_BIG: Final = BigInteger().with_variant(Integer, "sqlite")
_STRICT: Final = {"sqlite_strict": True}
_STRICT_BY_KEY: Final = {"sqlite_strict": True, "sqlite_with_rowid": False}


class Punchlist(SQLModel, registry=registry()):
    """What all tables of this database share: one metadata, apart from that of `core`."""

    __table_args__: ClassVar[Any] = _STRICT


def _text(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


def _number(**options: Any) -> Any:
    return Field(sa_type=_BIG, **options)


def _where(condition: str) -> dict[str, Any]:
    """Options of an index over some of the rows, on either database."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def _flag() -> Any:
    return Field(sa_type=Integer, default=0, sa_column_kwargs={"server_default": text("0")})


class Synced(Punchlist):
    """Columns of every synced table. `version` counts from 1; `field_versions` is JSON {field: [version, client]}."""

    id: str = _text(primary_key=True)
    version: int = _number()
    doc: str = _text()
    field_versions: str = _text()
    is_deleted: int = _flag()


class Project(Synced, table=True):
    __tablename__ = "projects"


class Trade(Synced, table=True):
    __tablename__ = "trades"
    project_id: str | None = _text()


class Company(Synced, table=True):
    __tablename__ = "companies"
    project_id: str | None = _text()


class Sector(Synced, table=True):
    __tablename__ = "sectors"
    __table_args__ = (Index("ix_sectors_project_id_code", "project_id", "code"), _STRICT)
    project_id: str | None = _text()
    code: str | None = _text()


class Actor(Synced, table=True):
    __tablename__ = "actors"
    name: str | None = _text()
    company_id: str | None = _text()
    is_disabled: int | None = Field(sa_type=Integer)


class Membership(Synced, table=True):
    """A right; `sector_id` null: in the whole project. Instants in ms since 1970 UTC, the end exclusive."""

    __tablename__ = "memberships"
    user_id: str | None = _text(index=True)
    sector_id: str | None = _text(index=True)
    role: str | None = _text()
    valid_from: int | None = _number()
    valid_to: int | None = _number()


class PunchItem(Synced, table=True):
    __tablename__ = "punch_items"
    __table_args__ = (
        Index("ix_punch_items_project_id_external_ref", "project_id", "external_ref"),
        Index("ix_punch_items_sector_id_status", "sector_id", "status"),
        _STRICT,
    )
    project_id: str | None = _text()
    sector_id: str | None = _text()
    company_id: str | None = _text()
    status: str | None = _text()
    number: int | None = _number()
    external_ref: str | None = _text()


class Comment(Synced, table=True):
    __tablename__ = "comments"
    item_id: str = _text(index=True)
    author_id: str | None = _text()


class Photo(Synced, table=True):
    """What is known of a photo; its bytes are in the object store once `state` is `stored` (invariant 5)."""

    __tablename__ = "photos"
    item_id: str = _text(index=True)
    author_id: str | None = _text()
    state: str | None = _text()
    sha256: str | None = _text(index=True)


class ItemEvent(Synced, table=True):
    """One act on a punch item; `received_at` in ms since 1970 UTC."""

    __tablename__ = "item_events"
    __table_args__ = (Index("ix_item_events_item_id_item_version", "item_id", "item_version"), _STRICT)
    item_id: str = _text()
    actor_id: str | None = _text()
    item_version: int | None = _number()
    received_at: int | None = _number()


class Conflict(Synced, table=True):
    __tablename__ = "conflicts"
    item_id: str = _text(index=True)
    state: str | None = _text()


class Refusal(Synced, table=True):
    __tablename__ = "refusals"
    __table_args__ = (
        Index("ix_refusals_waiting_for", "waiting_for", **_where("waiting_for IS NOT NULL")),
        _STRICT,
    )
    user_id: str | None = _text(index=True)
    state: str | None = _text()
    waiting_for: str | None = _text()


class ScopeClock(Punchlist, table=True):
    """The newest number of a scope; taken in commit order (invariant 15)."""

    __tablename__ = "scope_clocks"
    __table_args__ = _STRICT_BY_KEY
    scope: str = _text(primary_key=True)
    number: int = _number()


class Change(Punchlist, table=True):
    """The newest word about one row in one scope; the index answers a pull without touching the table."""

    __tablename__ = "changes"
    __table_args__ = (Index("ix_changes_scope_number", "scope", "number", "is_gone"), _STRICT_BY_KEY)
    scope: str = _text(primary_key=True)
    entity: str = _text(primary_key=True)
    id: str = _text(primary_key=True)
    number: int = _number()
    is_gone: int = _flag()


class Receipt(Punchlist, table=True):
    """What became of a mutation; `body` goes out byte for byte whenever it is asked for again (invariant 2)."""

    __tablename__ = "receipts"
    mutation_id: str = _text(primary_key=True)
    user_id: str = _text()
    client: str = _text()
    n: int = _number()
    content_hash: str = _text()
    body: str = _text()
    received_at: int = _number()


class Client(Punchlist, table=True):
    """One user on one phone, and what that phone last said about itself."""

    __tablename__ = "clients"
    id: str = _text(primary_key=True)
    user_id: str = _text(index=True)
    last_n: int = _number()
    is_revoked: int = _flag()
    seen_at: int | None = _number(default=None)
    app_version: str | None = _text(default=None)
    pending: int | None = _number(default=None)
    oldest_unsent_at: int | None = _number(default=None)


class Upload(Punchlist, table=True):
    """Bytes of one file of a photo on their way; `offset_bytes` is how many of them are durable in parts.

    `file` is `thumb` or `picture`. Instants in ms since 1970 UTC.
    """

    __tablename__ = "uploads"
    __table_args__ = (Index("ix_uploads_photo_id_file", "photo_id", "file"), _STRICT)
    id: str = _text(primary_key=True)
    photo_id: str = _text()
    file: str = _text()
    user_id: str = _text(index=True)
    size_bytes: int = _number()
    offset_bytes: int = _number(default=0, sa_column_kwargs={"server_default": text("0")})
    created_at: int = _number()
    expires_at: int = _number(index=True)
    state: str = _text()


class UploadPart(Punchlist, table=True):
    """A durable piece of an upload, from `offset_bytes` on, and the object that holds it."""

    __tablename__ = "upload_parts"
    __table_args__ = _STRICT_BY_KEY
    upload_id: str = _text(primary_key=True)
    offset_bytes: int = _number(primary_key=True)
    size_bytes: int = _number()
    object_key: str = _text()


class Counter(Punchlist, table=True):
    """The last item number a project gave out."""

    __tablename__ = "counters"
    __table_args__ = _STRICT_BY_KEY
    project_id: str = _text(primary_key=True)
    number: int = _number()


class Outbox(Punchlist, table=True):
    """Words for the other database, written with their cause; delivered at least once, told apart by kind and key."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("kind", "key", name="uq_outbox_kind_key"),
        Index("ix_outbox_undelivered", "id", **_where("delivered_at IS NULL")),
        _STRICT,
    )
    id: int | None = _number(default=None, primary_key=True)
    kind: str = _text()
    key: str = _text()
    payload: str = _text()
    created_at: int = _number()
    delivered_at: int | None = _number(default=None, index=True)


class Meta(Punchlist, table=True):
    """Facts about this database: `epoch` (a restore starts a new one)."""

    __tablename__ = "meta"
    __table_args__ = _STRICT_BY_KEY
    name: str = _text(primary_key=True)
    value: str = _text()
