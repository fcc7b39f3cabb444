"""What the decoding process answers, and how large previews are: all that it and the server share.

First `READY`: it has started, and given up what it must. Then `REFUSED` and one letter; or `MADE`, four 32-bit
big-endian numbers (width and height as shown, bytes of the thumb, bytes of the view) and the two JPEGs. Then its end.
"""

import struct
from typing import Final

READY: Final = b"+"
MADE: Final = b"M"
SIZES: Final = struct.Struct(">4I")
REFUSED: Final = b"R"
TOO_LARGE: Final = b"L"
BROKEN: Final = b"B"
# The disk under the photo gave an error: nothing is known about the photo.
NO_BYTES: Final = b"D"

# On the long side.
THUMB_PIXELS: Final = 320
VIEW_PIXELS: Final = 1_600
