"""Signing in and out, and telling from a token who asks.

A token is 256 random bits in a cookie; the database has its SHA-256 only. Every request looks its session and its
user up, at most a second late, so an ended session or a disabled user is out at once.
"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from server.actions import attempts
from server.actions.passwords import LONGEST
from server.actions.sign_in import Asked, hash_of, new_row, note_failure, open_session, reserve
from server.clock import clock_ms
from server.ids import new_id
from server.store import core_accounts as sql
from server.store.core_audit import add_pending
from sync.audit import Entry
from sync.changes import Key, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.actions.passwords import Passwords
    from server.store.core import Core, Transaction
    from server.store.core_accounts import SessionRow
    from sync.changes import Document, Store
    from sync.rules import Actor

FRESH_S: Final = 1.0
"""Seconds a looked-up session may be believed without another look."""

CACHED: Final = 10_000
"""Sessions remembered at most."""

TOUCH_MS: Final = 60_000
"""A session's last use is noted once in this time, not with every request."""

DAY_MS: Final = 86_400_000


class SignInFailed(Exception):
    """Name or password is wrong."""


class AccountDisabled(Exception):
    """This account is switched off. Ask whoever runs this server."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who asks. `roles` are those in force anywhere, sorted; `project_id` None: no membership yet."""

    session_id: str
    user_id: str
    name: str
    company_id: str | None
    project_id: str | None
    roles: tuple[str, ...]

    def as_document(self) -> Document:
        """What the client is told about itself."""
        return {
            "user": {
                "id": self.user_id,
                "name": self.name,
                "company_id": self.company_id,
                "project_id": self.project_id,
            },
            "roles": list(self.roles),
            "session_id": self.session_id,
        }


@dataclass(frozen=True, slots=True)
class Opened:
    """A fresh session: both tokens go into cookies and nowhere else."""

    token: str
    device_token: str
    signed_in: SignedIn


class Sessions:
    """The sessions of one server. `idle_days` and `max_days` as in the settings; `clock` gives ms since 1970 UTC."""

    def __init__(
        self,
        core: Core,
        store: Store,
        passwords: Passwords,
        *,
        idle_days: int = 30,
        max_days: int = 90,
        clock: Callable[[], int] = clock_ms,
    ) -> None:
        self._core = core
        self._store = store
        self._passwords = passwords
        self._idle_ms = idle_days * DAY_MS
        self._max_ms = max_days * DAY_MS
        self._clock = clock
        self._looked_up: dict[str, tuple[float, SignedIn]] = {}

    async def sign_in(self, asked: Asked) -> Opened:
        """Open a session. Raises `SignInFailed`, `AccountDisabled` or `attempts.SlowDown`."""
        now = self._clock()
        reserved = await self._core.write_alone(partial(reserve, asked=asked, now=now))
        if reserved.wait_ms:
            raise attempts.SlowDown(reserved.wait_ms)
        credential, device_id = reserved.credential, reserved.device_id
        is_right = len(asked.password) <= LONGEST * 4 and await self._passwords.is_right(
            credential.password_hash if credential else None, asked.password
        )
        if credential is None or not is_right:
            await self._core.write_alone(partial(note_failure, asked=asked, now=now))
            raise SignInFailed
        session_id = new_id()
        signed_in = await self._signed_in(session_id, credential.user_id)
        if signed_in is None:
            raise AccountDisabled
        token, device_token = secrets.token_urlsafe(32), asked.device_token if device_id else secrets.token_urlsafe(32)
        row = new_row(session_id, credential.user_id, device_id or new_id(), asked, now)
        write = partial(open_session, row=row, tokens=(token, device_token), reserved=reserved)
        if not await self._core.write_alone(write):
            raise SignInFailed
        return Opened(token, device_token, signed_in)

    async def look_up(self, token: str) -> SignedIn | None:
        """Who holds this token; None: nobody (any more)."""
        digest = hash_of(token)
        at, signed_in = self._looked_up.get(digest, (float("-inf"), None))
        if signed_in is not None and time.monotonic() - at < FRESH_S:
            return signed_in
        return await self._look_again(digest)

    async def sign_out(self, token: str) -> bool:
        """End the session of this token; False where it had ended, so that a late repeat does no harm."""
        digest = hash_of(token)
        self._looked_up.pop(digest, None)
        return await self._core.write_alone(partial(_sign_out, digest=digest, now=self._clock()))

    async def of_user(self, user_id: str) -> list[SessionRow]:
        """The user's sessions in force, the newest first."""
        rows = await self._core.read_alone(partial(sql.sessions_of, user_id=user_id))
        return [row for row in rows if self._is_in_force(row)]

    async def end(self, user_id: str, session_id: str) -> bool:
        """End one of the user's own sessions; False where there is none."""
        self._looked_up.clear()
        work = partial(_end, session_id=session_id, user_id=user_id, now=self._clock(), reason="ended_by_user")
        return await self._core.write_alone(work)

    async def _look_again(self, digest: str) -> SignedIn | None:
        began = time.monotonic()
        row = await self._core.read_alone(partial(sql.session_of, token_hash=digest))
        if row is None or not self._is_in_force(row):
            self._looked_up.pop(digest, None)
            return None
        signed_in = await self._signed_in(row.id, row.user_id)
        if signed_in is None:
            self._looked_up.pop(digest, None)
            return None
        await self._touch(row)
        if len(self._looked_up) >= CACHED:
            self._looked_up.clear()
        self._looked_up[digest] = (began, signed_in)
        return signed_in

    async def _signed_in(self, session_id: str, user_id: str) -> SignedIn | None:
        """None where the user is disabled or gone from the punch list."""
        snapshot = await self._store.snapshot()
        try:
            actor_key, row_key = Key("actor", (user_id,)), Key("row", ("actors", user_id))
            found = await snapshot.load([actor_key, row_key])
            project_id = await snapshot.project_of(user_id)
        finally:
            await snapshot.close()
        actor: Actor | None = found[actor_key]
        if actor is None or actor.is_disabled or found[row_key] is None:
            return None
        roles = {held.role.value for held in actor.memberships if held.holds_at(self._clock())}
        name = str(found[row_key].doc["name"])
        return SignedIn(session_id, user_id, name, actor.company_id, project_id, tuple(sorted(roles)))

    def _is_in_force(self, row: SessionRow) -> bool:
        now = self._clock()
        return row.ended_at is None and now - row.seen_at < self._idle_ms and now - row.created_at < self._max_ms

    async def _touch(self, row: SessionRow) -> None:
        if self._clock() - row.seen_at >= TOUCH_MS:
            # A note that cannot be written now is written with a later request; the session itself is as good.
            with suppress(Unavailable):
                await self._core.write_alone(partial(sql.touch_session, session_id=row.id, now=self._clock()))


def _sign_out(plain: Transaction, digest: str, now: int) -> bool:
    row = sql.session_of(plain, digest)
    return row is not None and _end(plain, row.id, row.user_id, now, "sign_out")


def _end(plain: Transaction, session_id: str, user_id: str, now: int, reason: str) -> bool:
    if not sql.end_session(plain, session_id, user_id, now, reason):
        return False
    kind = "sign_out" if reason == "sign_out" else "session_ended"
    payload = {"session_id": session_id, "reason": reason}
    add_pending(plain, Entry(f"{kind}/{session_id}", now, user_id, kind, None, payload))
    return True
