"""The part of a phone that sends photos: the device's own reducer for uploads, and real requests in a thread."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sync.uploading import Photo, fresh_photo, fresh_uploads, is_owed, step

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from drills.line import Line, Said
    from sync.uploading import Action, Input

_TUS: Final = {"tus-resumable": "1.0.0"}
_BYTES: Final = {"content-type": "application/offset+octet-stream"}
_METHODS: Final = {"create": "POST", "part": "PATCH", "ask": "HEAD"}

LOOK_S: Final = 0.02
"""Seconds between two looks for something to send."""
LINE_S: Final = 0.01
"""Seconds a part spends on its way, beside what the machine takes."""


@dataclass(slots=True)
class Taken:
    """A photo as this phone made it; `entry_id` is that of its `photo.add`."""

    id: str
    entry_id: str
    picture: bytes
    thumb: bytes

    def file(self, name: str) -> bytes:
        """The bytes of `picture` or `thumb`."""
        return self.picture if name == "picture" else self.thumb


class Uploader(threading.Thread):
    """Sends what it is given once the receipt of its `photo.add` is there; nobody ever presses anything."""

    def __init__(self, line: Line, receipts: dict[str, str], random: Random, clock: Callable[[], int]) -> None:
        super().__init__(name="uploader", daemon=True)
        self.taken: dict[str, Taken] = {}
        self.parts = 0
        """Parts the server has acknowledged."""
        self.refusals: list[str] = []
        """The error words of answers that were none, in order."""
        self._line = line
        self._receipts = receipts
        self._random = random
        self._clock = clock
        self._given: queue.SimpleQueue[Taken] = queue.SimpleQueue()
        self._uploads = fresh_uploads([], "any")
        self._is_over = threading.Event()

    def keep(self, photo: Taken) -> None:
        """Take over a photo, from another thread."""
        self.taken[photo.id] = photo
        self._given.put(photo)

    def run(self) -> None:
        """Wake when there is something new or a wait is over."""
        wake_at: int | None = None
        while not self._is_over.is_set():
            if self._take_over() or (wake_at is not None and self._clock() >= wake_at):
                wake_at = self._send_what_may_go()
            time.sleep(LOOK_S)

    def end(self) -> None:
        """Send nothing more."""
        self._is_over.set()

    @property
    def owed(self) -> int:
        """Photos that the server has not called stored yet."""
        photos = self._uploads["photos"]
        kept = {photo["id"] for photo in photos}
        return sum(not photo["picture"]["is_stored"] for photo in photos) + len(self.taken.keys() - kept)

    @property
    def is_amid_a_photo(self) -> bool:
        """Whether some of a photo has arrived and some has not."""
        files = [photo["picture"] for photo in self._uploads["photos"] if is_owed(photo)]
        return any(0 < file["offset_bytes"] < file["size_bytes"] for file in files)

    @property
    def trouble(self) -> list[str]:
        """What only a person could help with, which must never happen here."""
        stuck = [photo for photo in self._uploads["photos"] if photo["is_stuck"]]
        return [f"photo {photo['id']} waits for a person: {photo['reason']}" for photo in stuck]

    def _take_over(self) -> bool:
        """Photos and receipts that are new."""
        photos = list(self._uploads["photos"])
        while not self._given.empty():
            taken = self._given.get()
            photos.append(fresh_photo(taken.id, len(taken.picture), len(taken.thumb)))
        after = [self._with_outcome(photo) for photo in photos]
        is_new = after != self._uploads["photos"]
        self._uploads["photos"] = after
        return is_new

    def _with_outcome(self, photo: Photo) -> Photo:
        receipt = self._receipts.get(self.taken[photo["id"]].entry_id)
        if photo["outcome"] is not None or receipt is None:
            return photo
        return {**photo, "outcome": json.loads(receipt)["outcome"]}

    def _send_what_may_go(self) -> int | None:
        """One request after the other; returns when to wake again."""
        actions = self._step({"type": "wake", "network": "wifi", "is_forced": False})
        while not self._is_over.is_set():
            sent = next((action for action in actions if action["type"] == "send"), None)
            if sent is None:
                break
            landed = self._perform(sent)
            actions = self._step({"type": "landed", "request": sent["request"], "network": "wifi", **landed})
        return next((action["at"] for action in actions if action["type"] == "wait"), None)

    def _step(self, given: Input) -> list[Action]:
        self._uploads, actions = step(
            self._uploads, {**given, "now": self._clock(), "jitter": self._random.randint(0, 999)}
        )
        return actions

    def _perform(self, sent: Action) -> dict[str, Any]:
        body, headers = self._request(sent)
        path = "/uploads" if sent["upload"] is None else f"/uploads/{sent['upload']}"
        try:
            said = self._line.ask(_METHODS[sent["method"]], path, body, {**_TUS, **headers})
        except TimeoutError:
            return _landed("stalled")
        except (OSError, http.client.HTTPException):
            return _landed("unreachable")
        if sent["method"] == "part" and said.status == 204:
            self.parts += 1
            time.sleep(LINE_S)
        return self._heard(said)

    def _request(self, sent: Action) -> tuple[bytes | None, dict[str, str]]:
        offset, size = sent["offset_bytes"], sent["size_bytes"]
        if sent["method"] == "create":
            metadata = f"photo_id {_encoded(sent['photo_id'].encode())},file {_encoded(sent['file'].encode())}"
            return None, {"upload-length": str(size), "upload-metadata": metadata}
        if sent["method"] == "ask":
            return None, {}
        body = self.taken[sent["photo_id"]].file(sent["file"])[offset : offset + size]
        checksum = f"sha256 {_encoded(hashlib.sha256(body).digest())}"
        return body, {**_BYTES, "upload-offset": str(offset), "upload-checksum": checksum}

    def _heard(self, said: Said) -> dict[str, Any]:
        offset, location = said.headers["upload-offset"], said.headers["location"]
        error = str(json.loads(said.body or b"{}").get("error", ""))
        if said.status >= 400:
            self.refusals.append(error or str(said.status))
        return {
            **_landed("answer"),
            "status": said.status,
            "error": error,
            "upload": location.rpartition("/")[2] if location else None,
            "offset_bytes": int(offset) if offset else None,
            "retry_after_ms": int(said.headers["retry-after"] or 0) * 1_000,
        }


def _landed(kind: str) -> dict[str, Any]:
    return {"kind": kind, "status": 0, "error": "", "upload": None, "offset_bytes": None, "retry_after_ms": 0}


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()
