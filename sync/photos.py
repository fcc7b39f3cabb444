"""Photos: what is known of them, apart from their bytes, which follow on their own (invariant 26).

A photo attaches to an item in any state but deleted. It has one author, who alone may change its words, so that no two
people can contradict each other. A removed photo stays in history, and so do its bytes (10). `base` of every mutation
here is a version of the item, and so are the versions in a photo's `field_versions`.
"""

from __future__ import annotations

from sync.acts import Act, Refused, Result, last_change
from sync.changes import Document, Row
from sync.rules import Role, may
from sync.schema import PhotoState, Preview

PHOTOS = "photos"


def add(act: Act) -> Result:
    """Attach a photo. The item counts it, which is how an acceptance learns of new evidence."""
    args = act.args
    known = act.draft.row(PHOTOS, args["id"])
    item, _ = act.live_item(args["item_id"], "photo.add")
    if known is not None:
        raise Refused("exists")
    new = _count(act, item, 1)
    versions = {"": (new.version, act.mutation.client)}
    act.draft.put_child(Row(PHOTOS, args["id"], 1, _new_document(act), versions, False, item.id), new)
    return Result(PHOTOS, args["id"], 1)


def _new_document(act: Act) -> Document:
    args = act.args
    return {
        "id": args["id"],
        "version": 1,
        "item_id": args["item_id"],
        "author_id": act.actor.id,
        "client": act.mutation.client,
        "kind": args["kind"],
        "caption": args.get("caption", ""),
        "media_type": args["media_type"],
        "sha256": args["sha256"],
        "size_bytes": args["size_bytes"],
        "width": args.get("width", 0),
        "height": args.get("height", 0),
        "taken_at": args.get("taken_at"),
        "position": args.get("position"),
        "thumb_sha256": args.get("thumb_sha256"),
        "thumb_bytes": args.get("thumb_bytes", 0),
        "made_at": act.corrected_at,
        "received_at": act.now,
        "is_late": act.is_late,
        "state": PhotoState.WAITING.value,
        "stored_at": None,
        "preview": Preview.NONE.value,
    }


def edit(act: Act) -> Result:
    """Change caption or kind; the author alone. What was there stays in the item's history."""
    item, photo, _ = _find(act)
    if photo.doc["author_id"] != act.actor.id:
        raise Refused("forbidden")
    if photo.is_deleted:
        raise Refused("deleted")
    wanted = act.args["set"]
    changes = {name: [photo.doc[name], value] for name, value in wanted.items() if value != photo.doc[name]}
    if changes:
        old, photo = photo, changed(photo, **wanted)
        act.draft.put_child(photo, item, old)
    act.record(item, changes)
    return Result(PHOTOS, photo.id, photo.version)


def remove(act: Act) -> Result:
    """Take a photo from every device; its row and its bytes are kept (10)."""
    item, photo = _find_mine(act)
    if photo.is_deleted:
        act.record(item, {})
        return Result(PHOTOS, photo.id, photo.version)
    return _set_deleted(act, item, photo, is_deleted=True)


def restore(act: Act) -> Result:
    """Bring a removed photo back, unless it was removed again since the author looked (10)."""
    item, photo = _find_mine(act)
    if not photo.is_deleted:
        act.record(item, {})
        return Result(PHOTOS, photo.id, photo.version)
    version, client = last_change(photo, "is_deleted")
    if act.mutation.base is not None and version > act.base and client != act.mutation.client:
        raise Refused("deleted")
    return _set_deleted(act, item, photo, is_deleted=False)


def _find(act: Act) -> tuple[Row, Row, frozenset[Role]]:
    """The item, the photo on it, and the author's roles there. Raises `Refused` or `Parked`."""
    photo = act.draft.row(PHOTOS, act.args["id"])
    item, roles = act.live_item(act.args["item_id"], act.mutation.name)
    if photo is None and act.creation_was_refused(PHOTOS, act.args["id"]):
        raise Refused("depends_on")
    if photo is None or photo.item_id != item.id:  # a photo elsewhere answers as one that does not exist
        raise Refused("not_found")
    return item, photo, roles


def _find_mine(act: Act) -> tuple[Row, Row]:
    """As `_find`, for those who may remove and restore: the author, and whoever decides on the item."""
    item, photo, roles = _find(act)
    if photo.doc["author_id"] != act.actor.id and not may("photo.decide", roles):
        raise Refused("forbidden")
    return item, photo


def _set_deleted(act: Act, item: Row, photo: Row, *, is_deleted: bool) -> Result:
    new_item = _count(act, item, -1 if is_deleted else 1)
    versions = {**photo.field_versions, "is_deleted": (new_item.version, act.mutation.client)}
    version = photo.version + 1
    new = Row(PHOTOS, photo.id, version, {**photo.doc, "version": version}, versions, is_deleted, photo.item_id)
    act.draft.put_child(new, new_item, photo)
    return Result(PHOTOS, photo.id, version)


def _count(act: Act, item: Row, step: int) -> Row:
    """Write the item's next version, with so many photos more, and the event that says so."""
    count = item.doc.get("photo_count", 0)  # an item made before there were photos has none
    new = act.edited(item, {"photo_count": count + step}, ("photo_count",))
    act.draft.put_item(item, new)
    act.record(new, {"photo_count": [count, count + step]})
    return new


def changed(photo: Row, **values: object) -> Row:
    """The photo's next version."""
    version = photo.version + 1
    doc = {**photo.doc, **values, "version": version}
    return Row(PHOTOS, photo.id, version, doc, photo.field_versions, photo.is_deleted, photo.item_id)
