"""The server with a planted bug: it takes no edits while photos cannot be stored."""

import os
import sys
from pathlib import Path
from typing import Any

from server.actions.syncing import Syncing
from server.cli import main
from server.external.folder import Folder

_objects = Folder(Path(os.environ["HOLDFAST_OBJECTS_FOLDER"]))
_sync = Syncing.sync


async def ask_the_store_first(syncing: Syncing, *given: Any, **named: Any) -> Any:
    """Hold records hostage."""
    await _objects.check()
    return await _sync(syncing, *given, **named)


if __name__ == "__main__":
    Syncing.sync = ask_the_store_first  # type: ignore[assignment,method-assign]
    sys.exit(main())
