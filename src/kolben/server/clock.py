"""Whether the clock of this machine can be right, as far as that is seen without a network."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable
from pathlib import Path

# What adjtimex(2) returns while nothing keeps the clock right.
_TIME_ERROR = 5
# Files may come from a machine that is a little ahead.
_TOLERANCE_S = 120.0


def is_synchronised() -> bool | None:
    """Say whether the kernel's clock is kept right (NTP); None where it does not tell."""
    if not sys.platform.startswith("linux"):
        return None
    # A struct timex of zeros asks without a change; it has 208 bytes at most.
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    return None if state < 0 else state != _TIME_ERROR


def find_file_of_the_future(files: Iterable[Path], now: float) -> tuple[Path, float] | None:
    """Return the newest file and its age in seconds, below zero, if it is from the future."""
    times = [(file.stat().st_mtime, file) for file in files if file.is_file()]
    newest, file = max(times, default=(0.0, Path()))
    return (file, now - newest) if newest > now + _TOLERANCE_S else None
