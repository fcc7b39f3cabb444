"""Parked work that may go on although nobody works on its item: after an upgrade, and after a change of rights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sync.changes import Key, Store
from sync.draft import Draft, Missing
from sync.intake import WORDS, release, release_revealed
from sync.planners import PLANNERS


async def release_known(store: Store, now: int) -> int:
    """Plan what an older server parked as unknown and is known now (22). `now`: ms since 1970 UTC. Returns how many
    are parked no more.

    To be called when a server starts. Raises `Unstorable` and `Unavailable`.
    """
    return await _release(store, [Key("waiting", (WORDS, name)) for name in PLANNERS], now)


async def release_of_users(store: Store, user_ids: Iterable[str], now: int) -> int:
    """Plan what these users' parked work may come to with the rights they have now (8, 12). `now`: ms since 1970 UTC.
    Returns how many are parked no more.

    To be called when rights were given. Raises `Unstorable` and `Unavailable`.
    """
    return await _release(store, [Key("parked", (user_id,)) for user_id in user_ids], now)


async def _release(store: Store, keys: Sequence[Key], now: int) -> int:
    """Plan the rows that the keys name, in one transaction."""
    transaction = await store.begin(())
    try:
        loaded = dict(await transaction.load(keys))
        rows = [row for key in keys for row in loaded[key]]
        while True:
            draft = Draft(loaded)
            try:
                release(draft, rows, now)
                release_revealed(draft, now)
                _finish(draft)
                break
            except Missing as missing:
                loaded.update(await transaction.load(missing.keys))
        if draft.plan.rows:
            await transaction.write(draft.plan)
            await transaction.commit()
        else:
            await transaction.rollback()
    except GeneratorExit:  # the process died here; nobody is left to roll back
        raise
    except BaseException:
        await transaction.rollback()
        raise
    return sum(entity == "refusals" for entity, _ in draft.plan.rows)


def _finish(draft: Draft) -> None:
    draft.number_changes()
    if draft.touched:
        key = min(row_id for _, row_id in draft.plan.rows)
        draft.tell("poke", f"release/{key}", {"scopes": sorted(draft.plan.clocks)})
