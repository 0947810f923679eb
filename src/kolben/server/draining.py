"""Whether this worker has been told to stop, and takes no more than what it has."""

from __future__ import annotations

import threading

_told = threading.Event()


def begin_draining() -> None:
    """Note that this process is to end when its requests are answered."""
    _told.set()


def is_draining() -> bool:
    """Say whether this process is about to end."""
    return _told.is_set()
