"""New identifiers: UUIDv7 in lower-case text, so that rows made one after another lie beside each other."""

import os
import time
import uuid


def new_id() -> str:
    """A UUIDv7 (RFC 9562): 48 bits of Unix time in ms, then randomness."""
    at_ms = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high = at_ms << 16 | 0x7000 | random >> 68 & 0x0FFF
    low = 0b10 << 62 | random & (1 << 62) - 1
    return str(uuid.UUID(int=high << 64 | low))
