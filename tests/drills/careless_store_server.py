"""The server with a planted bug: it calls a photo stored and writes it later, as a careless cache would."""

import asyncio
import sys
from collections.abc import AsyncIterable

from server.cli import main
from server.external.folder import Folder

_put = Folder.put
_late: set[asyncio.Task[int]] = set()


async def acknowledge_first(
    self: Folder, key: str, chunks: AsyncIterable[bytes] | bytes, *, if_absent: bool = False
) -> int:
    """Return at once; an original is on the disk a little later, if anybody is left to write it."""
    if not key.startswith("originals/"):
        return await _put(self, key, chunks, if_absent=if_absent)
    body = chunks if isinstance(chunks, bytes) else b"".join([chunk async for chunk in chunks])

    async def later() -> int:
        await asyncio.sleep(3)
        return await _put(self, key, body, if_absent=if_absent)

    task = asyncio.create_task(later())
    _late.add(task)
    task.add_done_callback(_late.discard)
    return len(body)


if __name__ == "__main__":
    Folder.put = acknowledge_first  # type: ignore[method-assign]
    sys.exit(main())
