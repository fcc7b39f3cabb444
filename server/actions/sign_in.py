"""The transactions of a sign-in: count the attempt, then open the session or note the failure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.actions import attempts
from server.ids import new_id
from server.store import core_accounts as sql
from server.store.core_audit import add_pending
from sync.audit import Entry

if TYPE_CHECKING:
    from server.actions.attempts import Bucket
    from server.store.core import Transaction
    from server.store.core_accounts import CredentialRow, SessionRow


@dataclass(frozen=True, slots=True)
class Asked:
    """A wish to sign in. `label` is what the person calls the device; `device_token` its cookie's, "" for a new one."""

    login: str
    password: str
    label: str = ""
    user_agent: str = ""
    network: str = ""
    device_token: str = ""


def hash_of(token: str) -> str:
    """What is stored of a token. It has 256 random bits, so a fast hash keeps it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Reserved:
    """What is known before the password is looked at; `wait_ms` 0: it will be."""

    wait_ms: int
    credential: CredentialRow | None
    device_id: str | None
    buckets: list[Bucket]


def reserve(plain: Transaction, asked: Asked, now: int) -> Reserved:
    """Count the attempt as failed before the slow check, so that a burst of guesses cannot slip through together."""
    login = asked.login.strip().casefold()
    credential = sql.credential_of_login(plain, login)
    device_id = sql.device_of(plain, hash_of(asked.device_token)) if asked.device_token else None
    is_known = bool(device_id and credential and sql.is_known_device(plain, device_id, credential.user_id))
    buckets = attempts.buckets_of(login, asked.network, device_id if is_known else None)
    return Reserved(attempts.reserve(plain, buckets, now), credential, device_id, buckets)


def open_session(plain: Transaction, row: SessionRow, tokens: tuple[str, str], reserved: Reserved) -> bool:
    """Write session, device and audit entry; False when the password was changed during the check.

    `tokens` are the session's and the device's.
    """
    token, device_token = tokens
    if sql.credential_of_user(plain, row.user_id) != reserved.credential:
        return False
    attempts.forgive(plain, reserved.buckets, row.created_at)
    if sql.device_of(plain, hash_of(device_token)) is None:
        sql.add_device(plain, row.device_id, hash_of(device_token), row.created_at)
    sql.add_session(plain, row, hash_of(token))
    payload = {"session_id": row.id, "device_id": row.device_id, "label": row.label}
    add_pending(plain, Entry(f"sign_in/{row.id}", row.created_at, row.user_id, "sign_in", None, payload))
    return True


def note_failure(plain: Transaction, asked: Asked, now: int) -> None:
    """Write the audit entry. What was typed as a name may be a password: only names that exist are written down."""
    login = asked.login.strip().casefold()
    is_known = sql.credential_of_login(plain, login) is not None
    payload = {"login": login if is_known else None, "network": asked.network}
    add_pending(plain, Entry(f"sign_in_failed/{new_id()}", now, None, "sign_in_failed", None, payload))


def new_row(session_id: str, user_id: str, device_id: str, asked: Asked, now: int) -> SessionRow:
    """The session as it starts; what the browser says about itself is cut to what a list shows."""
    label, agent = asked.label.strip()[:100], asked.user_agent[:300]
    return sql.SessionRow(session_id, user_id, device_id, label, agent, now, now, None)
