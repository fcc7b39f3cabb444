"""Makes two small JPEGs of one photo: `python -m server.imaging.decode < photo`, apart from the server.

Decoders are large and written in C, and what they read here comes from strangers. So this process has nothing to steal
and can reach nothing: before it reads the first byte of the photo it gives up memory, time, files, sockets and core
dumps (`limits`). What it says on its standard output is in `answers`.
"""

from __future__ import annotations

import errno
import sys
from typing import BinaryIO, Final

from server.imaging.answers import BROKEN, MADE, NO_BYTES, READY, REFUSED, SIZES, THUMB_PIXELS, TOO_LARGE, VIEW_PIXELS
from server.imaging.headers import HEADER_BYTES, inspect
from server.imaging.limits import MEMORY_BYTES, give_up
from server.imaging.rasters import BYTES_PER_PIXEL, open_raster
from server.imaging.scaling import fit, shrink, to_jpeg, upright_size

THUMB_QUALITY: Final = 78
VIEW_QUALITY: Final = 85


def main() -> int:
    """Answer on standard output what became of the photo on standard input."""
    give_up()
    _say(READY)
    _say(_answer(sys.stdin.buffer))
    return 0


def _answer(file: BinaryIO) -> bytes:
    is_large = False
    try:
        header = inspect(file.read(HEADER_BYTES))
        is_large = header.width * header.height * BYTES_PER_PIXEL[header.media_type] > MEMORY_BYTES * 0.9
        file.seek(0)
        return make(header.media_type, file)
    except MemoryError:
        return REFUSED + TOO_LARGE
    except OSError as error:  # Pillow's own for a broken picture has no number.
        return REFUSED + (NO_BYTES if error.errno == errno.EIO else TOO_LARGE if is_large else BROKEN)
    except Exception:  # noqa: BLE001 - decoders raise anything, also where they get no memory; the answer says it.
        return REFUSED + (TOO_LARGE if is_large else BROKEN)


def make(media_type: str, file: BinaryIO) -> bytes:
    """The answer for a photo that can be read. Raises whatever decoders raise."""
    raster = open_raster(media_type, file, VIEW_PIXELS)
    width, height = upright_size(raster)
    view = shrink(raster, VIEW_PIXELS)
    del raster
    thumb = to_jpeg(fit(view, THUMB_PIXELS), THUMB_QUALITY)
    shown = to_jpeg(view, VIEW_QUALITY)
    return MADE + SIZES.pack(width, height, len(thumb), len(shown)) + thumb + shown


def _say(answer: bytes) -> None:
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
