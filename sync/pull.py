"""The server's half of a pull: one snapshot, rights judged in it, rows of the scopes held, oldest change first.

Within one snapshot rights, clocks and rows are of the same commit, so no row leaves for a user who may not see it (7),
and a number handed out covers every change below it (15).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync import scopes
from sync.changes import Key, PullSnapshot, ScopePage, Store
from sync.cookie import Cookie
from sync.schema import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class PullAnswer:
    """`cookie` is to be sealed; `is_complete`: nothing more waits. `drop` and `is_reset` as in docs/PROTOCOL.md."""

    epoch: str
    cookie: Cookie
    is_reset: bool
    drop: tuple[str, ...]
    scopes: tuple[ScopePage, ...]
    is_complete: bool


async def pull(
    store: Store, cookie: Cookie | None, user_id: str, now: int, limit: int, *, is_forged: bool = False
) -> PullAnswer:
    """Read what the user lacks, at most about `limit` rows. `now`: ms since 1970 UTC. Raises `Unavailable`.

    `cookie` `None`: a device that has nothing; with `is_forged`, one whose cookie could not be read and whose cache
    therefore has to go.
    """
    snapshot = await store.snapshot()
    try:
        return await _pull(snapshot, cookie, user_id, now, limit, is_forged=is_forged)
    finally:
        await snapshot.close()


async def _pull(
    snapshot: PullSnapshot, cookie: Cookie | None, user_id: str, now: int, limit: int, *, is_forged: bool
) -> PullAnswer:
    epoch = await snapshot.epoch()
    is_usable = cookie is not None and (cookie.epoch, cookie.user_id) == (epoch, user_id)
    before = dict(cookie.scopes) if cookie is not None and is_usable else {}
    held = await _held(snapshot, user_id, now)
    clocks = await snapshot.load([Key("clock", (scope,)) for scope in held])
    pages, after, is_complete = await _pages(snapshot, held, before, clocks, limit)
    return PullAnswer(
        epoch,
        Cookie(epoch, user_id, SCHEMA_VERSION, after),
        is_forged or (cookie is not None and not is_usable),
        tuple(scope for scope in before if scope not in held),
        tuple(pages),
        is_complete,
    )


async def _held(snapshot: PullSnapshot, user_id: str, now: int) -> list[str]:
    key = Key("actor", (user_id,))
    actor = (await snapshot.load([key]))[key]
    project_id = await snapshot.project_of(user_id)
    is_wide = actor is not None and any(membership.sector_id is None for membership in actor.memberships)
    sectors = await snapshot.sectors(project_id) if is_wide and project_id is not None else ()
    return scopes.held(actor, user_id, project_id, sectors, now)


async def _pages(
    snapshot: PullSnapshot,
    held: Sequence[str],
    before: Mapping[str, int],
    clocks: Mapping[Key, int],
    limit: int,
) -> tuple[list[ScopePage], dict[str, int], bool]:
    """Pages until the rows are used up; scopes not reached keep their place, and new ones are not begun."""
    pages: list[ScopePage] = []
    after = {scope: before[scope] for scope in held if scope in before}
    left, is_complete = limit, True
    for scope in held:
        start = before.get(scope, 0)
        if scope in before and clocks[Key("clock", (scope,))] <= start:
            continue
        if left <= 0:
            is_complete = False
            continue
        page = await snapshot.page(scope, start, left)
        left -= len(page.rows) + len(page.gone)
        after[scope] = page.upto
        is_complete = is_complete and page.is_last
        pages.append(page)
    return pages, after, is_complete
