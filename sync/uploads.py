"""The server's own acts on photos: bytes have arrived, a picture was made of them; and who may bring bytes.

They are no mutations, since no person makes them, but a photo's row changes in its scopes like any other, so that
every device learns of it by the next pull. Each act is one transaction and may be repeated without effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sync.acts import ITEMS
from sync.changes import Document, Key, PushTransaction, Row, Store
from sync.draft import Draft, Missing
from sync.photos import PHOTOS, changed
from sync.rules import Actor
from sync.schema import PhotoState, Preview

FILES: Final = ("thumb", "picture")
"""The files of a photo: a small JPEG made on the phone, which may be absent, and the photo itself."""

_ORDER: Final = tuple(Preview)

Change = Callable[[Draft, Row], Row | None]
"""Draft and photo → the photo's next version, or None where it stays as it is."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The bytes that a file of a photo must turn out to be."""

    sha256: str
    size_bytes: int
    has_position: bool = False
    """The row says where it was taken, so its bytes may say it, too."""


def expected(doc: Document, file: str) -> Expected | None:
    """What a photo's document says of a file; None where it has no such file."""
    if file == "picture":
        return Expected(doc["sha256"], doc["size_bytes"], doc["position"] is not None)
    if file == "thumb" and doc["thumb_sha256"] is not None:
        return Expected(doc["thumb_sha256"], doc["thumb_bytes"], doc["position"] is not None)
    return None


def may_upload(user: Actor | None, photo: Row | None, file: str) -> bool:
    """Whether the user may bring the bytes of a file: its author alone, whatever became of the rights in the sector.

    The row was accepted when they were judged (12); its bytes only complete it. Rights end with the account.
    """
    if user is None or user.is_disabled or photo is None or photo.is_deleted:
        return False
    return photo.doc["author_id"] == user.id and expected(photo.doc, file) is not None


def is_stored(photo: Row) -> bool:
    """Whether the object store holds the photo's bytes (5)."""
    return bool(photo.doc["state"] == PhotoState.STORED)


def preview_job(photo_id: str, file: str) -> Document:
    """The word that has previews made of a stored file."""
    return {"queue": "uploads", "actor": "make_previews", "args": {"photo_id": photo_id, "file": file}}


async def store_photo(store: Store, photo_id: str, sha256: str, at: int) -> bool:
    """Note that the object store holds bytes of this SHA-256 for the photo. `at`: ms since 1970 UTC.

    To be called when those bytes are durable under a key their uploader cannot overwrite (5). Returns whether the photo
    is stored now, or was already; False where there is no such photo or it is of other bytes, and then nothing changes.
    Raises `Unstorable` and `Unavailable`.
    """

    def note(draft: Draft, photo: Row) -> Row | None:
        if photo.doc["sha256"] != sha256 or is_stored(photo):
            return None
        draft.tell("audit", f"photo.stored/{photo.id}", _audit(photo, at))
        _tell_job(draft, photo.id, "picture")
        return changed(photo, state=PhotoState.STORED.value, stored_at=at)

    photo = await _act(store, photo_id, note)
    return photo is not None and is_stored(photo) and photo.doc["sha256"] == sha256


async def note_thumb(store: Store, photo_id: str) -> bool:
    """Ask for a preview made of the phone's thumbnail; the photo itself stays `waiting`.

    To be called when its bytes are durable. Returns whether there is such a photo. Raises `Unstorable`, `Unavailable`.
    """

    def note(draft: Draft, photo: Row) -> None:
        _tell_job(draft, photo.id, "thumb")

    return await _act(store, photo_id, note) is not None


async def note_preview(store: Store, photo_id: str, preview: str) -> bool:
    """Note which pictures there are of a photo; only forwards: none, thumb, unreadable, view.

    Returns whether there is such a photo. Raises `Unstorable` and `Unavailable`, and ValueError for another word.
    """
    wanted = Preview(preview)

    def note(_draft: Draft, photo: Row) -> Row | None:
        is_forward = _ORDER.index(wanted) > _ORDER.index(Preview(photo.doc["preview"]))
        return changed(photo, preview=wanted.value) if is_forward else None

    return await _act(store, photo_id, note) is not None


def _audit(photo: Row, at: int) -> Document:
    return {
        "user_id": photo.doc["author_id"],
        "name": "photo.stored",
        "entity": PHOTOS,
        "row": photo.id,
        "sha256": photo.doc["sha256"],
        "size_bytes": photo.doc["size_bytes"],
        "received_at": at,
    }


def _tell_job(draft: Draft, photo_id: str, file: str) -> None:
    draft.tell("job", f"previews/{photo_id}/{file}", preview_job(photo_id, file))


async def _act(store: Store, photo_id: str, change: Change) -> Row | None:
    """Change a photo in a transaction of its own. Returns the photo as it stands then; None where there is none."""
    transaction = await store.begin(())
    try:
        photo, draft = await _plan(transaction, photo_id, change)
        if draft.plan.rows or draft.plan.outbox:
            await transaction.write(draft.plan)
            await transaction.commit()
        else:
            await transaction.rollback()
    except GeneratorExit:  # the process died here; nobody is left to roll back
        raise
    except BaseException:
        await transaction.rollback()
        raise
    return photo


async def _plan(transaction: PushTransaction, photo_id: str, change: Change) -> tuple[Row | None, Draft]:
    key = Key("row", (PHOTOS, photo_id))
    loaded = dict(await transaction.load([key]))
    draft = Draft(loaded)
    photo: Row | None = loaded[key]
    if photo is None:
        return None, draft
    new = change(draft, photo)
    if new is None:
        return photo, draft
    loaded.update(await transaction.load([Key("row", (ITEMS, photo.item_id))]))
    draft.put_child(new, _item_of(draft, photo), photo)
    await _number(transaction, draft, loaded)
    if draft.plan.clocks:
        draft.tell("poke", f"{photo_id}/{new.version}", {"scopes": sorted(draft.plan.clocks)})
    return new, draft


def _item_of(draft: Draft, photo: Row) -> Row:
    item = draft.row(ITEMS, photo.item_id)
    if item is None:  # no planner writes a photo without its item, and items are never erased
        raise LookupError(f"photo {photo.id} hangs on no item")
    return item


async def _number(transaction: PushTransaction, draft: Draft, loaded: dict[Key, object]) -> None:
    try:
        draft.number_changes()
    except Missing as missing:
        loaded.update(await transaction.load(missing.keys))
        draft.number_changes()
