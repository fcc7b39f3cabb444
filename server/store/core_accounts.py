"""SQL of sign-ins: credentials, known devices, sessions and counted failures. Each function runs in a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """What a user signs in with; `changed_at` in ms since 1970 UTC."""

    user_id: str
    login: str
    password_hash: str
    changed_at: int
    must_change: bool


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One sign-in, instants in ms since 1970 UTC; `ended_at` None while it lasts."""

    id: str
    user_id: str
    device_id: str
    label: str
    user_agent: str
    created_at: int
    seen_at: int
    ended_at: int | None


_CREDENTIAL = "SELECT user_id, login, password_hash, changed_at, must_change FROM credentials"
_SESSION = "SELECT id, user_id, device_id, label, user_agent, created_at, seen_at, ended_at FROM sessions"


def credential_of_login(plain: sqlite3.Connection, login: str) -> CredentialRow | None:
    """The credential with this case-folded login."""
    return _credential(plain.execute(f"{_CREDENTIAL} WHERE login = ?", (login,)).fetchone())


def credential_of_user(plain: sqlite3.Connection, user_id: str) -> CredentialRow | None:
    """The credential of this user."""
    return _credential(plain.execute(f"{_CREDENTIAL} WHERE user_id = ?", (user_id,)).fetchone())


def credentials(plain: sqlite3.Connection) -> list[CredentialRow]:
    """All credentials, by login."""
    return [
        CredentialRow(user_id, login, password_hash, changed_at, bool(must_change))
        for user_id, login, password_hash, changed_at, must_change in plain.execute(f"{_CREDENTIAL} ORDER BY login")
    ]


def add_credential(plain: sqlite3.Connection, row: CredentialRow) -> None:
    """Insert; a login that is taken breaks the constraint."""
    plain.execute(
        "INSERT INTO credentials (user_id, login, password_hash, changed_at, must_change) VALUES (?, ?, ?, ?, ?)",
        (row.user_id, row.login, row.password_hash, row.changed_at, row.must_change),
    )


def set_password(plain: sqlite3.Connection, user_id: str, password_hash: str, now: int, *, must_change: bool) -> None:
    """Replace the hash."""
    plain.execute(
        "UPDATE credentials SET password_hash = ?, changed_at = ?, must_change = ? WHERE user_id = ?",
        (password_hash, now, must_change, user_id),
    )


def device_of(plain: sqlite3.Connection, token_hash: str) -> str | None:
    """The id of the device whose cookie hashes to this."""
    row = plain.execute("SELECT id FROM devices WHERE token_hash = ?", (token_hash,)).fetchone()
    return str(row[0]) if row else None


def add_device(plain: sqlite3.Connection, device_id: str, token_hash: str, now: int) -> None:
    """Insert a browser that signs in for the first time."""
    plain.execute(
        "INSERT INTO devices (id, token_hash, created_at, seen_at) VALUES (?, ?, ?, ?)",
        (device_id, token_hash, now, now),
    )


def is_known_device(plain: sqlite3.Connection, device_id: str, user_id: str) -> bool:
    """Whether this user signed in on this device before."""
    sql = "SELECT 1 FROM sessions WHERE device_id = ? AND user_id = ? LIMIT 1"
    return plain.execute(sql, (device_id, user_id)).fetchone() is not None


def add_session(plain: sqlite3.Connection, row: SessionRow, token_hash: str) -> None:
    """Insert a new session and mark its device as seen."""
    plain.execute(
        "INSERT INTO sessions (id, token_hash, user_id, device_id, label, user_agent, created_at, seen_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (row.id, token_hash, row.user_id, row.device_id, row.label, row.user_agent, row.created_at, row.seen_at),
    )
    plain.execute("UPDATE devices SET seen_at = ? WHERE id = ?", (row.seen_at, row.device_id))


def session_of(plain: sqlite3.Connection, token_hash: str) -> SessionRow | None:
    """The session whose token hashes to this, ended or not."""
    row = plain.execute(f"{_SESSION} WHERE token_hash = ?", (token_hash,)).fetchone()
    return SessionRow(*row) if row else None


def sessions_of(plain: sqlite3.Connection, user_id: str) -> list[SessionRow]:
    """The user's sessions that nobody ended, the newest first."""
    sql = f"{_SESSION} WHERE user_id = ? AND ended_at IS NULL ORDER BY created_at DESC, id"
    return [SessionRow(*row) for row in plain.execute(sql, (user_id,))]


def touch_session(plain: sqlite3.Connection, session_id: str, now: int) -> None:
    """Note that the session was used."""
    plain.execute("UPDATE sessions SET seen_at = max(seen_at, ?) WHERE id = ?", (now, session_id))


def end_session(plain: sqlite3.Connection, session_id: str, user_id: str, now: int, reason: str) -> bool:
    """End one session of this user; False where there is none, or it had ended."""
    sql = "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE id = ? AND user_id = ? AND ended_at IS NULL"
    return plain.execute(sql, (now, reason, session_id, user_id)).rowcount == 1


def end_sessions(plain: sqlite3.Connection, user_id: str, now: int, reason: str, but: str = "") -> int:
    """End all sessions of this user except `but`; how many there were."""
    sql = "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE user_id = ? AND id <> ? AND ended_at IS NULL"
    return plain.execute(sql, (now, reason, user_id, but)).rowcount


def open_at(plain: sqlite3.Connection, buckets: list[str]) -> int:
    """The instant from which sign-ins counted in all these buckets are let in again; 0: now."""
    marks = ",".join("?" * len(buckets))
    sql = f"SELECT max(open_at) FROM sign_in_attempts WHERE bucket IN ({marks})"
    return int(plain.execute(sql, buckets).fetchone()[0] or 0)


def failures_of(plain: sqlite3.Connection, bucket: str, since: int) -> int:
    """Failures counted in a bucket, 0 where the last one lies before `since`."""
    sql = "SELECT failures FROM sign_in_attempts WHERE bucket = ? AND failed_at >= ?"
    row = plain.execute(sql, (bucket, since)).fetchone()
    return int(row[0]) if row else 0


def count_failure(plain: sqlite3.Connection, bucket: str, failures: int, now: int, opens_at: int) -> None:
    """Write how many failures a bucket has and when it opens again."""
    plain.execute(
        "INSERT INTO sign_in_attempts (bucket, failures, failed_at, open_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (bucket) DO UPDATE SET failures = excluded.failures, failed_at = excluded.failed_at,"
        " open_at = excluded.open_at",
        (bucket, failures, now, opens_at),
    )


def forget_failures(plain: sqlite3.Connection, buckets: list[str], before: int) -> None:
    """Empty these buckets, and all whose last failure lies before `before`."""
    marks = ",".join("?" * len(buckets))
    plain.execute(f"DELETE FROM sign_in_attempts WHERE bucket IN ({marks}) OR failed_at < ?", (*buckets, before))


def _credential(row: tuple[str, str, str, int, int] | None) -> CredentialRow | None:
    return CredentialRow(*row[:4], bool(row[4])) if row else None
