"""The engine on every store: the same history gives the same receipts, rows and cookies, byte for byte (2, 9)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sync.admin import administer
from sync.pull import PullAnswer, pull
from sync.push import push
from tests.sync.test_random_walk import PEOPLE, Walk

if TYPE_CHECKING:
    from sync.changes import Store

pytestmark = pytest.mark.anyio


def _readable(answer: PullAnswer) -> object:
    pages = [
        (page.scope, page.upto, page.total, [(entity, json.loads(doc)) for entity, doc in page.rows])
        for page in answer.scopes
    ]
    return pages, answer.cookie.scopes, answer.drop, answer.is_complete


@pytest.mark.parametrize("seed", range(3))
async def test_a_history_ends_the_same_on_every_store(store: Store, seed: int) -> None:
    walk = Walk(seed)
    for _ in range(150):
        walk.step()
    walk.settle()
    for entry in walk.site.history:
        if len(entry) == 2:
            await administer(store, *entry)
        elif len(entry) == 4:
            act, photo_id, more, result = entry
            assert await act(store, photo_id, *more) == result
        else:
            request, context, answer = entry
            assert await push(store, request, context) == answer
    for user_id in PEOPLE:
        here = await pull(store, None, user_id, walk.site.now, 100_000)
        there = await pull(walk.site.store, None, user_id, walk.site.now, 100_000)
        assert _readable(here) == _readable(there)
