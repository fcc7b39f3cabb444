"""Lets one set-up at a time work in a checkout, and says in one line when the folder cannot be written."""

import contextlib
import errno
import fcntl
from collections.abc import Iterator

from scripts.bootstrap import places
from scripts.bootstrap.progress import Stop, say


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Holds the checkout's lock, waiting for another set-up to end; the kernel frees it if we are killed."""
    try:
        places.NOTES.mkdir(exist_ok=True)
        lock = places.LOCK.open("w")
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise Stop(
                f"{places.ROOT} cannot be written: copy Holdfast to a folder of your own and start it there."
            ) from None
        raise
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is at work in this folder; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        _start_log_anew()
        yield


def _start_log_anew() -> None:
    if places.LOG.exists() and places.LOG.stat().st_size > 1_000_000:
        places.LOG.unlink()
