"""How long a client may keep a body waiting without sending any of it.

A wait costs a place in a dict; a timer for all of them looks at it a few times until they are over.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable
from typing import Any, TypeVar

from kolben.entry.refusals import Refused

Result = TypeVar("Result")

# How often a timer looks, in parts of the time that a wait has.
LOOKS = 4
_timeout_s = 0.0


def set_body_timeout(seconds: float) -> None:
    """Set how long a piece of a body is waited for; 0: for ever, as without a call."""
    global _timeout_s
    _timeout_s = seconds


def body_timeout_s() -> float:
    """Return how long a piece of a body is waited for; 0: for ever."""
    return _timeout_s


class SlowBody(Refused):
    """A client has begun a body and sends no more of it (408)."""

    def __init__(self) -> None:
        super().__init__(408, "The rest of the body did not come in time.")


async def in_time(waiting: Awaitable[Result]) -> Result:
    """Await what a client sends; SlowBody if that takes too long."""
    if not _timeout_s:
        return await waiting
    waits = _waits_of(asyncio.get_running_loop())
    task = asyncio.current_task()
    assert task is not None
    waits.begin(task)
    try:
        return await waiting
    except asyncio.CancelledError:
        # Not if somebody else wants the end of the task as well.
        if waits.is_over(task) and not task.uncancel():
            raise SlowBody from None
        raise
    finally:
        waits.end(task)


class Waits:
    """The waits on one event loop: each task with the number of looks that found it waiting."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.proxy(loop)
        self._looks: dict[asyncio.Task[Any], int] = {}
        self._is_ticking = False

    def begin(self, task: asyncio.Task[Any]) -> None:
        """Count the time of a task from now."""
        self._looks[task] = 0
        if not self._is_ticking:
            self._is_ticking = True
            self._loop.call_later(_timeout_s / LOOKS, self._look)

    def is_over(self, task: asyncio.Task[Any]) -> bool:
        """Say whether a task was cancelled here."""
        return self._looks[task] > LOOKS

    def end(self, task: asyncio.Task[Any]) -> None:
        """Count no more."""
        del self._looks[task]

    def _look(self) -> None:
        for task in self._looks:
            self._looks[task] += 1
            # One more than the parts: the first look may come right after the beginning.
            if self._looks[task] == LOOKS + 1:
                task.cancel()
        self._is_ticking = bool(self._looks)
        if self._is_ticking:
            self._loop.call_later(_timeout_s / LOOKS, self._look)


_waits: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Waits] = weakref.WeakKeyDictionary()


def _waits_of(loop: asyncio.AbstractEventLoop) -> Waits:
    waits = _waits.get(loop)
    if waits is None:
        waits = _waits[loop] = Waits(loop)
    return waits
