"""Reads what a pull hands out: documents leave as the text they were stored as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sync.changes import ScopePage
from sync.schema import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from server.store.postgres.lines import Line

_DOC: Final = " ".join(f"WHEN '{name}' THEN (SELECT doc FROM {name} WHERE id = c.id)" for name in ENTITIES)
_PAGE: Final = f"""
    SELECT c.number, c.entity, c.id, c.is_gone, CASE c.entity {_DOC} END
    FROM changes AS c WHERE c.scope = %s AND c.number > %s AND c.number <= %s AND c.is_gone <= %s
    ORDER BY c.number LIMIT %s"""
_TOTAL: Final = "SELECT count(*) FROM changes WHERE scope = %s AND is_gone = 0"
_CLOCK: Final = "SELECT number FROM scope_clocks WHERE scope = %s"


async def page(line: Line, scope: str, after: int, limit: int) -> ScopePage:
    """Changes of `scope` past `after`, about `limit` of them: rows of one number always stay together (15)."""
    clock = await line.run(_CLOCK, (scope,))
    newest = clock[0][0] if clock else 0
    total = (await line.run(_TOTAL, (scope,)))[0][0] if after == 0 else -1
    if newest <= after:
        return ScopePage(scope, after, max(after, newest), total, (), (), is_last=True)
    gone_too = int(after > 0)  # A device that has nothing needs no word of what went.
    found = await line.run(_PAGE, (scope, after, newest, gone_too, limit + 1))
    is_last = len(found) <= limit
    if not is_last:
        found = await _whole_numbers(line, scope, gone_too, found)
    upto = newest if is_last else found[-1][0]
    rows = [(entity, doc) for _, entity, _, is_gone, doc in found if doc is not None and not is_gone]
    gone = [(entity, row_id) for _, entity, row_id, is_gone, doc in found if doc is None or is_gone]
    return ScopePage(scope, after, upto, total, rows, gone, is_last=is_last)


async def _whole_numbers(
    line: Line, scope: str, gone_too: int, found: Sequence[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Cut back to the last number that is there in full; where the first is not, fetch the rest of it."""
    first, last = found[0][0], found[-1][0]
    if first < last:
        return [each for each in found if each[0] < last]
    return await line.run(_PAGE, (scope, first - 1, first, gone_too, None))
