"""PostgreSQL killed in the middle of pushes: what was acknowledged is there, once; what was not can be sent again."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import orjson
import pytest

from server.store import migrate
from server.store.postgres.lines import Limits
from server.store.postgres.punchlist import PunchlistStore
from sync.changes import Unavailable
from sync.parse import parse
from sync.push import PushContext, push
from tests.server.place import Pen, build_place
from tests.services.postgres import Postgres, running
from tests.sync.site import ANA, BO, NOON, SUE

pytestmark = [pytest.mark.anyio, pytest.mark.services]


async def _send(store: PunchlistStore, pen: Pen, request: dict[str, Any]) -> tuple[str, ...]:
    """Push until it is answered, as a phone does."""
    while True:
        try:
            return (await push(store, parse(orjson.dumps(request)), PushContext(pen.user_id, NOON))).receipts
        except Unavailable:
            await anyio.sleep(0.01)


async def _kill(postgres: Postgres, times: int, acknowledged: dict[str, str]) -> None:
    for _ in range(times):
        enough = len(acknowledged) + 20
        while len(acknowledged) < enough:
            await anyio.lowlevel.checkpoint()
        await anyio.to_thread.run_sync(postgres.crash)


@pytest.mark.parametrize("times", [2, pytest.param(15, marks=pytest.mark.full)])
async def test_nothing_acknowledged_is_lost_and_nothing_doubled(times: int) -> None:
    """Invariants 1 and 2."""
    acknowledged: dict[str, str] = {}
    # A kill can cut a page's write in two; only a whole image of it in the log mends that.
    with running(full_page_writes="on") as postgres, postgres.database() as address:
        migrate.upgrade("punchlist", address)
        store = await PunchlistStore.open(address, limits=Limits(connect_ms=2000))
        await build_place(store)
        async with anyio.create_task_group() as tasks:
            is_over = anyio.Event()

            async def work(pen: Pen) -> None:
                while not is_over.is_set():
                    request = pen.request(pen.creation(), pen.creation())
                    receipts = await _send(store, pen, request)
                    made = [str(mutation["id"]) for mutation in request["mutations"]]
                    acknowledged.update(zip(made, receipts, strict=True))

            for client, user_id in enumerate((ANA, BO, SUE), 1):
                tasks.start_soon(work, Pen(user_id, client))
            with anyio.fail_after(300):
                await _kill(postgres, times, acknowledged)
            is_over.set()
        await store.close()
        database = address.rpartition("dbname=")[2]
        kept = dict(postgres.tell("SELECT mutation_id, body FROM receipts", database))
        assert kept == acknowledged
        numbers = [number for (number,) in postgres.tell("SELECT number FROM punch_items ORDER BY 1", database)]
        assert numbers == list(range(1, len(acknowledged) + 1))
