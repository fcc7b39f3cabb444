"""What a push must hold so that nothing it read changes before it commits.

Every push holds *the whole* together with the others; an act of the office, of the bytes of a photo or of a start holds
it alone, so rights, sectors and people never change under a push (12). Beside that a push holds names, taken before it
reads what they stand for:

    sector/…  user/…  guest/…     a scope: its clock, and all rows whose writers must come one after the other
    counter/{project}             the numbers of a project's items
    {entity}/{id}                 a row that is not there (two may want to make it, or to wait for it)

The locks are PostgreSQL's advisory ones, on a hash of the name: they also stand for clocks and rows that do not exist
yet, write nothing, and are given back after the commit is visible. So numbers of a scope are in commit order (15).
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from sync import scopes
from sync.changes import Moved
from sync.schema import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from server.store.postgres.lines import Asked, Line
    from sync.changes import Key

_SPACE: Final = 0x486F6C64
"""The first half of the locks that are numbered; names have a lock of 64 bits, in another space."""
_WHOLE: Final = 0
MIGRATION: Final = 1

TAKE_MIGRATION: Final = f"SELECT pg_advisory_xact_lock({_SPACE}, {MIGRATION})"
"""Waits until no other process migrates this database."""

_COUNTER: Final = "counter/"
"""All who make items in a project meet here, and only once they have read where: so it can still be waited for then."""
_HALF: Final = 2**62

_TAKE: Final = "SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key"
_TRY: Final = "SELECT pg_try_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key"

_PLACES: Final = {
    "punch_items": "SELECT id, sector_id FROM punch_items WHERE id = ANY(%s)",
    "refusals": "SELECT id, user_id FROM refusals WHERE id = ANY(%s)",
    **{
        child.name: f"""
            SELECT child.id, item.sector_id FROM {child.name} AS child
            JOIN punch_items AS item ON item.id = child.{child.parent} WHERE child.id = ANY(%s)"""
        for child in ENTITIES.values()
        if child.parent
    },
}
"""Entity → where its rows are: in a sector, or with a user. All others only the office writes, holding the whole."""
_WAITERS: Final = "SELECT DISTINCT user_id FROM refusals WHERE waiting_for = ANY(%s)"


class Locks:
    """The locks of one transaction."""

    def __init__(self, line: Line, scopes: Iterable[str]) -> None:
        self._line = line
        self._asked = frozenset(scopes)
        self._is_alone = not self._asked
        self._held: set[str] = set()

    @property
    def is_alone(self) -> bool:
        """Whether no other transaction writes."""
        return self._is_alone

    async def begin(self) -> None:
        """Begin, with the whole: alone where no scope was named. Raises `Unavailable` when that takes too long."""
        kind = "" if self._is_alone else "_shared"
        whole = f"SELECT pg_advisory_xact_lock{kind}({_SPACE}, {_WHOLE})"
        await self._line.run_all([("BEGIN ISOLATION LEVEL READ COMMITTED", ()), (whole, ())])

    async def cover(self, keys: Iterable[Key]) -> None:
        """Hold whatever the keys stand for; what is read after this stays as it is. Raises `Moved`, `Unavailable`."""
        if self._is_alone:
            return
        wanted = tuple(keys)
        missing = self._asked | await self._names(wanted)
        while missing := missing - self._held:
            await self._take(missing)
            missing = await self._names(wanted)  # A row may have gone elsewhere before we held its place.

    async def _take(self, names: frozenset[str]) -> None:
        """The first names are waited for in order; later ones too if they are behind all that is held.

        Else waiting could close a circle: then what is not free at once is asked for from the beginning.
        """
        numbers = sorted(map(_number, names))
        if not self._held or numbers[0] > max(map(_number, self._held)):
            await self._line.run(_TAKE, (numbers,))
        elif not all(is_free for (is_free,) in await self._line.run(_TRY, (numbers,))):
            raise Moved(self._held | names)
        self._held |= names

    async def _names(self, keys: Iterable[Key]) -> frozenset[str]:
        rows: defaultdict[str, set[str]] = defaultdict(set)
        waited: list[str] = []
        found: set[str] = set()
        for key in keys:
            if key.kind == "row" and key.names[0] in _PLACES:
                rows[key.names[0]].add(key.names[1])
            elif key.kind in ("children", "seen_at"):
                rows["punch_items"].add(key.names[0])
            elif key.kind == "waiting":
                waited.append("/".join(key.names))
            else:
                found.update(_plain_names(key))
        return frozenset(found | await self._places(rows, waited))

    async def _places(self, rows: Mapping[str, set[str]], waited: Sequence[str]) -> set[str]:
        """Where rows are, and whose refusals wait; rows that are not there stand for themselves."""
        asked: list[Asked] = [(_PLACES[entity], (sorted(ids),)) for entity, ids in rows.items()]
        asked += [(_WAITERS, (waited,))] if waited else []
        came = await self._line.run_all(asked) if asked else []
        found = {scopes.user(user_id) for (user_id,) in (came[-1] if waited else ())}
        for (entity, ids), records in zip(rows.items(), came, strict=False):
            place = scopes.user if entity == "refusals" else scopes.sector
            found |= {place(holder) for _, holder in records}
            found |= {f"{entity}/{row_id}" for row_id in ids.difference(row_id for row_id, _ in records)}
        return found


def _plain_names(key: Key) -> Iterable[str]:
    match key.kind:
        case "clock":
            return key.names
        case "counter":
            return (f"{_COUNTER}{key.names[0]}",)
        case "parked":
            return (scopes.user(key.names[0]),)
    # Rights hold still under the whole; a client and its receipts are written under its user's scope, which each push
    # names; and of two that bring one receipt, the database takes the first.
    return ()


def _number(name: str) -> int:
    """The lock of a name, a signed integer of 64 bits; those of counters come behind all others."""
    number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) % _HALF
    return number + _HALF if name.startswith(_COUNTER) else number
