"""Random walks of the uploading reducer: senders that share photos, every input, honest and dishonest answers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, cast

from sync.uploading import NOTHING_OWN, PART_BYTES, Photo, Uploads, fresh_photo, fresh_uploads, step

NETWORKS = ("wifi", "wifi", "wifi", "metered", "unknown")
PASSING = (
    (401, "sign_in_required"),
    (403, "cross_site"),
    (404, "not_found"),
    (404, "upload_gone"),
    (408, "too_slow"),
    *((409, "offset_mismatch"),) * 4,
    (410, "upload_gone"),
    (412, "unsupported_version"),
    (422, "hash_mismatch"),
    (426, "upgrade_required"),
    (429, "slow_down"),
    (460, "checksum_mismatch"),
    (500, "internal"),
    (503, "storage_unavailable"),
    (503, "storage_unavailable"),
    (503, "unavailable"),
)
FINAL = ((400, "size_mismatch"), (409, "already_stored"), (413, "body_too_large"), (422, "hash_mismatch"))
KINDS = [*("answer",) * 20, "unreachable", "unreachable", "not_ours", "stalled", "stalled", "lost"]
OUTCOMES = (None, "applied", "applied", "applied", "merged", "parked", "refused")


def uploading_steps(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Endless steps; new photos every few dozen."""
    while True:
        yield from _Walk(chance).steps(chance.randint(20, 80))


class _Walk:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._now = 1_795_457_000_000
        self._uploads = 0
        photos = [self._photo(k) for k in range(chance.randint(1, 4))]
        first = fresh_uploads(photos, chance.choice(("any", "any", "wifi")))
        self._senders = [first for _ in range(chance.choice((1, 1, 2)))]

    def steps(self, count: int) -> Iterator[dict[str, Any]]:
        for _ in range(count):
            at = self._chance.randrange(len(self._senders))
            self._change_elsewhere()
            state = self._senders[at]
            given = self._given(state)
            after, actions = step(state, given)
            self._adopt(at, after)
            yield {"kind": "uploading", "state": state, "input": given, "state_after": after, "actions": actions}

    def _adopt(self, at: int, after: Uploads) -> None:
        """What is durable is everybody's."""
        for index, sender in enumerate(self._senders):
            own = after if index == at else sender
            mixed: Any = {**after, **{name: own[name] for name in NOTHING_OWN}}  # type: ignore[literal-required]
            self._senders[index] = mixed

    def _change_elsewhere(self) -> None:
        """Receipts come, people remove and forget photos and change their mind about the network; processes die."""
        if self._chance.random() < 0.9:
            return
        state = self._senders[0]
        photos = [self._changed(photo) for photo in state["photos"] if self._chance.random() < 0.95]
        policy = self._chance.choice(("any", "wifi"))
        for index, sender in enumerate(self._senders):
            own = NOTHING_OWN if self._chance.random() < 0.2 else {}
            mixed: Any = {**sender, "photos": photos, "policy": policy, **own}
            self._senders[index] = mixed

    def _changed(self, photo: Photo) -> Photo:
        changes: dict[str, Any] = {}
        if photo["outcome"] is None:
            changes["outcome"] = self._chance.choice(OUTCOMES)
        if self._chance.random() < 0.1:
            changes["is_removed"] = not photo["is_removed"]
        return cast("Photo", {**photo, **changes})

    def _photo(self, k: int) -> Photo:
        sizes = (1, 40_000, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 5 * PART_BYTES + 77)
        key = f"0192f0c1-7a4e-7cc0-8000-d{k:011x}"
        photo = fresh_photo(key, self._chance.choice(sizes), self._chance.choice((0, 9_000, 64_000)))
        photo["outcome"] = self._chance.choice(OUTCOMES)
        return photo

    def _given(self, state: Uploads) -> dict[str, Any]:
        self._now += self._chance.choice((0, 1, 400, 5_000, 70_000, 900_000, -3_600_000))
        network = self._chance.choice(NETWORKS)
        if self._chance.random() < 0.04:
            ids = self._chance.choice((None, [photo["id"] for photo in state["photos"][:1]]))
            return {"type": "urge", "ids": ids}
        if state["flight"] is None and self._chance.random() < 0.95:
            is_forced = self._chance.random() < 0.4
            return {"type": "wake", "now": self._now, "network": network, "is_forced": is_forced}
        return {"type": "landed", "now": self._now, "network": network, **self._landed(state)}

    def _landed(self, state: Uploads) -> dict[str, Any]:
        kind = self._chance.choice(KINDS)
        status, error = self._said()
        is_answer = kind == "answer"
        return {
            "request": state["requests"] - (1 if self._chance.random() < 0.05 else 0),
            "kind": kind,
            "status": status if is_answer else 0,
            "error": error if is_answer else "",
            "upload": self._upload() if is_answer and status == 204 else None,
            "offset_bytes": self._offset(state, status) if is_answer else None,
            "retry_after_ms": self._chance.choice((0, 0, 0, 30_000, 86_400_000)),
            "jitter": self._chance.randrange(1_000),
        }

    def _said(self) -> tuple[int, str]:
        if self._chance.random() < 0.6:
            return 204, ""
        return self._chance.choice(PASSING if self._chance.random() < 0.85 else FINAL)

    def _upload(self) -> str | None:
        self._uploads += 1
        return f"u{self._uploads}" if self._chance.random() < 0.9 else None

    def _offset(self, state: Uploads, status: int) -> int | None:
        flight = state["flight"]
        photo = next((one for one in state["photos"] if flight is not None and one["id"] == flight["photo_id"]), None)
        file = photo[flight["file"]] if photo is not None and flight is not None else None
        if file is None or self._chance.random() < 0.1:
            return self._chance.choice((None, 0, -1, 10**12))
        if status == 204 and self._chance.random() < 0.8:
            rest = PART_BYTES - file["offset_bytes"] % PART_BYTES
            return min(file["size_bytes"], file["offset_bytes"] + min(state["part_bytes"], rest))
        whole = file["size_bytes"]
        return self._chance.choice((0, file["offset_bytes"], whole, whole, whole // 2))
