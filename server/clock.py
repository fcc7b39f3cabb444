"""The server's clock. Everything that decides by time is handed the instant; only the edges ask here."""

import time


def clock_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000
