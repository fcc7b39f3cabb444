"""Packs the texts of a build with zopfli, once, beside the files: gzip that every browser reads, 4 % shorter.

Run by the environment's Python, which has the package: python -m scripts.bootstrap.packing FOLDER
"""

import sys
from pathlib import Path

_KINDS = (".js", ".css", ".json", ".svg", ".webmanifest")
_WORTH_BYTES = 1024


def pack(folder: Path) -> None:
    """Writes NAME.gz beside every text that is worth it; the same bytes give the same bytes."""
    from zopfli import gzip  # here, since what runs before the environment exists imports this package too

    for path in sorted(folder.rglob("*")):
        if path.suffix in _KINDS and path.stat().st_size >= _WORTH_BYTES:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), numiterations=50))


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
