"""`holdfast serve` that kills itself right behind one step of an upload: python dying_server.py STEP serve …"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from server import cli
from server.actions import upload_finish, upload_parts
from server.store import uploads
from server.store.punchlist import PunchlistStore

STEPS: dict[str, tuple[Any, str]] = {
    "a part is on the disk and does not count": (upload_parts.PartWriter, "_keep"),
    "a part counts and is not acknowledged": (upload_parts.PartWriter, "_count"),
    "the final object is there and the photo does not know": (upload_finish.Finishing, "_copy"),
    "the photo knows and the upload does not": (upload_finish.Finishing, "_keep"),
    "everything is done and the parts are there": (PunchlistStore, "write_alone"),
    "everything is done and not acknowledged": (upload_finish, "discard_all"),
}
"""Step → the coroutine behind which to die: of the fifth, the one that marks the upload done."""


def die_behind(owner: Any, name: str) -> None:
    real = getattr(owner, name)

    async def dying(*args: Any, **more: Any) -> Any:
        result = await real(*args, **more)
        if owner is not PunchlistStore or getattr(args[1], "func", None) is uploads.mark_done:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, dying)


if __name__ == "__main__":
    die_behind(*STEPS[sys.argv.pop(1)])
    sys.exit(cli.main())
