"""Planted bugs about photos; see `bugs.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sync import draft, photos, planners, uploads
from sync.acts import Result

_changed: Any = photos.changed


def photo_count_forgotten_on_restore(patch: pytest.MonkeyPatch) -> None:
    original = photos._count

    def count(act: Any, item: Any, step: int) -> Any:
        if act.mutation.name != "photo.restore":
            return original(act, item, step)
        act.record(item, {})
        return item

    patch.setattr(photos, "_count", count)


def photos_left_where_the_item_was(patch: pytest.MonkeyPatch) -> None:
    original = draft.Draft._mark

    def mark(self: Any, row: Any, before: Any, after: Any, *, is_changed: bool) -> None:
        if is_changed or row.entity != "photos":
            original(self, row, before, after, is_changed=is_changed)

    patch.setattr(draft.Draft, "_mark", mark)


def photo_waits_again(patch: pytest.MonkeyPatch) -> None:
    """An edit writes the photo as it was when it was made."""
    patch.setattr(photos, "changed", lambda photo, **values: _changed(photo, **values, state="waiting", stored_at=None))


def stored_with_other_bytes(patch: pytest.MonkeyPatch) -> None:
    """What came is believed to be what was announced."""
    original = uploads.store_photo

    async def store_photo(store: Any, photo_id: str, _sha256: str, at: int) -> bool:
        return await original(store, photo_id, store.state.rows[("photos", photo_id)].doc["sha256"], at)

    patch.setattr("tests.simulation.server.store_photo", store_photo)


def anybody_edits_a_photo(patch: pytest.MonkeyPatch) -> None:
    def edit(act: Any) -> Result:
        item, photo, _ = photos._find(act)
        new = _changed(photo, **act.args["set"])
        act.draft.put_child(new, item, photo)
        act.record(item, {})
        return Result("photos", photo.id, new.version)

    patch.setattr(planners, "PLANNERS", {**planners.PLANNERS, "photo.edit": edit})


def bytes_bring_a_removed_photo_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(uploads, "changed", lambda photo, **values: replace(_changed(photo, **values), is_deleted=False))


def bytes_come_without_a_place_in_the_scopes(patch: pytest.MonkeyPatch) -> None:
    """The row says stored, and no device hears of it."""

    async def number(_transaction: Any, plan: Any, _loaded: Any) -> None:
        plan.touched.clear()

    patch.setattr(uploads, "_number", number)


PLANTS = (
    photo_count_forgotten_on_restore,
    photos_left_where_the_item_was,
    photo_waits_again,
    stored_with_other_bytes,
    anybody_edits_a_photo,
    bytes_bring_a_removed_photo_back,
    bytes_come_without_a_place_in_the_scopes,
)
