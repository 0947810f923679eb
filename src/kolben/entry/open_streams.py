"""Streams that need never end: they are ended when their process is about to stop.

Their clients connect again, to a worker that stays. Other streams go on to their own end.
"""

from __future__ import annotations

import asyncio
import weakref
from contextlib import suppress

_ends: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Future[None]] = (
    weakref.WeakKeyDictionary()
)
# An item when all are to end: also those that begin later.
_over: list[None] = []


def end_of_streams() -> asyncio.Future[None]:
    """Return what is done when the streams of the running loop are to end; never cancel it."""
    loop = asyncio.get_running_loop()
    end = _ends.get(loop)
    if end is None:
        end = _ends[loop] = loop.create_future()
        if _over:
            end.set_result(None)
    return end


def end_streams() -> None:
    """End the streams of all loops of this process, from any thread."""
    _over.append(None)
    for loop, end in list(_ends.items()):
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(_finish, end)


def _finish(end: asyncio.Future[None]) -> None:
    if not end.done():
        end.set_result(None)
