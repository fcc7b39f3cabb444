"""After an upgrade: mutations that an older server did not know, planned now that their names are known (22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.changes import Key, Store
from sync.draft import Draft, Missing
from sync.intake import WORDS, release, release_revealed
from sync.planners import PLANNERS


async def release_known(store: Store, now: int) -> int:
    """Plan what was parked as unknown and is known now. `now`: ms since 1970 UTC. Returns how many are parked no more.

    To be called when a server starts. Raises `Unstorable` and `Unavailable`.
    """
    transaction = await store.begin(())
    try:
        loaded = dict(await transaction.load(Key("waiting", (WORDS, name)) for name in PLANNERS))
        while True:
            draft = Draft(loaded)
            try:
                _plan(draft, loaded, now)
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


def _plan(draft: Draft, loaded: Mapping[Key, Any], now: int) -> None:
    rows = [row for key, found in loaded.items() if key.kind == "waiting" and key.names[0] == WORDS for row in found]
    release(draft, rows, now)
    release_revealed(draft, now)
    draft.number_changes()
    if draft.touched:
        key = min(row_id for _, row_id in draft.plan.rows)
        draft.tell("poke", f"release/{key}", {"scopes": sorted(draft.plan.clocks)})
