"""The server with a planted bug: it acknowledges a push before the commit, as a careless cache would."""

import asyncio
import sys

from server.cli import main
from server.store.punchlist import Transaction

_commit = Transaction.commit
_late: set[asyncio.Task[None]] = set()


async def acknowledge_first(transaction: Transaction) -> None:
    """Return at once; what was written becomes durable a little later, if anybody is left to do it."""

    async def later() -> None:
        await asyncio.sleep(0.15)
        await _commit(transaction)

    task = asyncio.create_task(later())
    _late.add(task)
    task.add_done_callback(_late.discard)


if __name__ == "__main__":
    Transaction.commit = acknowledge_first  # type: ignore[assignment,method-assign]
    sys.exit(main())
