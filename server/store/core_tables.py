"""The tables of the database `core`: who may sign in, who is signed in, the audit chain, and jobs.

No row here is ever synced, and no right depends on one: rights live in `punchlist`, beside the rows they protect.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from sqlalchemy import BigInteger, Index, Integer, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

_BIG: Final = BigInteger().with_variant(Integer, "sqlite")
_STRICT: Final = {"sqlite_strict": True}
_STRICT_BY_KEY: Final = {"sqlite_strict": True, "sqlite_with_rowid": False}


class Core(SQLModel, registry=registry()):
    """What all tables of this database share: one metadata, apart from that of `punchlist`."""

    __table_args__: ClassVar[Any] = _STRICT


def _text(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


def _number(**options: Any) -> Any:
    return Field(sa_type=_BIG, **options)


class Credential(Core, table=True):
    """What a user signs in with. `login` is stored case-folded; `user_id` is the id of an actor in `punchlist`."""

    __tablename__ = "credentials"
    user_id: str = _text(primary_key=True)
    login: str = _text(unique=True)
    password_hash: str = _text()
    changed_at: int = _number()
    must_change: int = Field(sa_type=Integer, default=0, sa_column_kwargs={"server_default": text("0")})


class Device(Core, table=True):
    """A browser that signed in before; `token_hash` is the SHA-256 of the random token its cookie carries."""

    __tablename__ = "devices"
    id: str = _text(primary_key=True)
    token_hash: str = _text(unique=True)
    created_at: int = _number()
    seen_at: int = _number()


class Session(Core, table=True):
    """One sign-in. Only the SHA-256 of its token is stored, so a stolen database opens no session."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_user_id_created_at", "user_id", "created_at"),
        Index("ix_sessions_device_id_user_id", "device_id", "user_id"),
        _STRICT,
    )
    id: str = _text(primary_key=True)
    token_hash: str = _text(unique=True)
    user_id: str = _text()
    device_id: str = _text()
    label: str = _text()
    user_agent: str = _text()
    created_at: int = _number()
    seen_at: int = _number()
    ended_at: int | None = _number(default=None)
    end_reason: str | None = _text(default=None)


class SignInAttempt(Core, table=True):
    """Failures counted against an account, a network, or an account on a known device; `bucket` is a SHA-256."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = _STRICT_BY_KEY
    bucket: str = _text(primary_key=True)
    failures: int = _number()
    failed_at: int = _number(index=True)
    open_at: int = _number()


class AuditPending(Core, table=True):
    """An audit entry written in the same transaction as its cause in this database, waiting for the sealer."""

    __tablename__ = "audit_pending"
    id: int | None = Field(sa_type=Integer, default=None, primary_key=True)
    source_key: str = _text(unique=True)
    at: int = _number()
    actor_id: str | None = _text()
    kind: str = _text()
    cause: str | None = _text()
    payload: str = _text()


class AuditLog(Core, table=True):
    """One link of the chain; triggers refuse to change or remove it. `source_key` makes delivery idempotent."""

    __tablename__ = "audit_logs"
    position: int = Field(sa_type=Integer, primary_key=True)
    source_key: str = _text(unique=True)
    at: int = _number()
    actor_id: str | None = _text()
    kind: str = _text(index=True)
    cause: str | None = _text()
    payload: str = _text()
    previous_hash: str = _text()
    hash: str = _text()


class Meta(Core, table=True):
    """Facts about this database: `demo` (what the demonstration made, while nobody has changed it)."""

    __tablename__ = "meta"
    __table_args__ = _STRICT_BY_KEY
    name: str = _text(primary_key=True)
    value: str = _text()


class Job(Core, table=True):
    """A piece of background work. This row alone says what becomes of it; a doorbell only makes it sooner.

    state      from                          by
    queued     (new), running                its cause; a failed try with attempts left, or one given back
    running    queued, running               a claim; again when the lease ran out and attempts are left
    done       running                       its holder
    failed     running, (new)                its holder; a word that is no job starts here
    parked     running                       a claim that found the lease run out at the last attempt
    cancelled  queued, failed, parked        a person
    queued     failed, parked                a person
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_state_queue_run_at", "state", "queue", "run_at", "id"), _STRICT)
    id: str = _text(primary_key=True)
    source_key: str = _text(unique=True)
    queue: str = _text()
    actor: str = _text()
    args: str = _text()
    state: str = _text(sa_column_kwargs={"server_default": text("'queued'")})
    attempts: int = _number(sa_column_kwargs={"server_default": text("0")})
    max_attempts: int = _number()
    run_at: int = _number()
    lease_until: int | None = _number(default=None)
    fencing: int = _number(sa_column_kwargs={"server_default": text("0")})
    result: str | None = _text(default=None)
    error: str | None = _text(default=None)
    tags: str = _text(sa_column_kwargs={"server_default": text("'[]'")})
    batch: str | None = _text(default=None)
    progress: str | None = _text(default=None)
    created_at: int = _number()
    started_at: int | None = _number(default=None)
    finished_at: int | None = _number(default=None)
