"""A phone that takes photos: of items of its own, with a comment every now and then, on a clock that may run fast."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from typing import TYPE_CHECKING, Final

from PIL import Image

from drills.line import Line
from drills.phone import Phone
from drills.uploader import Taken, Uploader
from server.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

COMMENT_MS: Final = 60_000
"""How often something is written, on the phone's clock."""
THUMB_PX: Final = (160, 120)


class Photographer(Phone):
    """Writes by itself, takes a photo when told to, and sends both apart, by its timers alone (invariant 26)."""

    def __init__(
        self,
        port: int,
        login: str,
        password: str,
        sector_id: str,
        random: Random,
        clock: Callable[[], int],
        size_px: tuple[int, int],
    ) -> None:
        super().__init__(port, login, password, sector_id, random, clock)
        self._photo_line = Line(port)
        self.uploader = Uploader(self._photo_line, self.memory.receipts, random, clock)
        self._size_px = size_px
        self._orders = threading.Semaphore(0)
        self._ordered = 0
        self._comments_at = 0

    def take_photo(self) -> None:
        """Tell it to take one, from another thread."""
        self._ordered += 1
        self._orders.release()

    def run(self) -> None:
        """Sign in, then write, take photos and send."""
        while not self._is_over.is_set():
            if self._device is None:
                self._sign_in()
            else:
                self._go_on()
            time.sleep(0.03)

    def end(self) -> None:
        """Send nothing more, of either kind."""
        super().end()
        self.uploader.end()

    def close(self) -> None:
        """Hang up both lines, once the threads are through."""
        if self.uploader.ident is not None:
            self.uploader.join(timeout=20)
        self._photo_line.hang_up()
        super().close()

    @property
    def owed(self) -> int:
        """Photos that were ordered and that the server has not called stored."""
        return self.uploader.owed + self._ordered - len(self.uploader.taken)

    def now(self) -> int:
        """The phone's clock."""
        return self._clock()

    def acknowledged_since(self, since: int) -> int:
        """Edits that were made at `since` or later, on the phone's clock, and have their receipt already."""
        made = self.memory.made
        return sum(made[entry_id].body["made_at"] >= since for entry_id in list(self.memory.receipts))

    def _go_on(self) -> None:
        if not self._items:
            self._find_something()
        if self._orders.acquire(blocking=False):
            self._take_photo()
        if self._is_working.is_set() and self._clock() >= self._comments_at:
            self._mutate("comment.add", {"id": new_id(), "item_id": self._items[-1], "text": "Still leaking."})
            self._comments_at = self._clock() + COMMENT_MS
        if self.unsent:  # by its timer: an outage makes it wait as it makes any phone wait
            self._give({"type": "wake", "now": self._clock(), "is_forced": False})

    def _find_something(self) -> None:
        """An item to take photos of. Whoever has signed in can send photos, too."""
        item_id = new_id()
        title = f"Found by {self._login}"
        self._mutate("item.create", {"id": item_id, "sector_id": self._sector_id, "title": title})
        self._items.append(item_id)
        self._photo_line.cookie = self.line.cookie
        self.uploader.start()

    def _take_photo(self) -> None:
        width, height = self._size_px
        picture, thumb = _picture(self._random, self._size_px), _picture(self._random, THUMB_PX)
        photo_id = new_id()
        args = {
            "id": photo_id,
            "item_id": self._items[-1],
            "kind": "before",
            "caption": "",
            "media_type": "image/jpeg",
            "sha256": hashlib.sha256(picture).hexdigest(),
            "size_bytes": len(picture),
            "width": width,
            "height": height,
            "taken_at": self._clock(),
            "position": None,
            "thumb_sha256": hashlib.sha256(thumb).hexdigest(),
            "thumb_bytes": len(thumb),
        }
        entry_id = self._mutate("photo.add", args, base=1)
        self.uploader.keep(Taken(photo_id, entry_id, picture, thumb))


def _picture(random: Random, size_px: tuple[int, int]) -> bytes:
    """A JPEG of nothing but noise: it is as large as one of a gravel path."""
    width, height = size_px
    written = io.BytesIO()
    Image.frombytes("RGB", size_px, random.randbytes(width * height * 3)).save(written, "JPEG", quality=75)
    return written.getvalue()
