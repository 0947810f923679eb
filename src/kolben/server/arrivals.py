"""Small bodies, read by Granian before a thread is given their requests.

Granian tells the event loop of a body that has come, by `call_soon_threadsafe` from its own thread.
Whom it tells here is called at once, in that thread, and the loop sleeps on.

Rule: a body that has not come holds no thread, and is waited for no longer than any other.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

from kolben.entry.body_timeouts import LOOKS, body_timeout_s
from kolben.entry.scopes import Glance
from kolben.server.counting import items_of

# Elsewhere it is the loop that makes what waits for a body, and only the loop may touch it.
HAS_ARRIVALS = sys.platform != "win32"


class Arrival:
    """A request whose body has not come yet; Granian calls this when it has, or never will.

    line, glance: as rsgi.look() gives them. clock: when the request came (time.perf_counter).
    exchange: what its observer knows it by; None without one.
    """

    # No place for what waits for the body, which has this: neither would ever be freed.
    __slots__ = ("_arrivals", "clock", "exchange", "glance", "line", "scope", "watcher")

    def __init__(
        self,
        arrivals: Arrivals,
        watcher: Any,
        scope: Any,
        line: tuple[str, str],
        glance: Glance,
        exchange: Any = None,
    ) -> None:
        self._arrivals = arrivals
        self.watcher = watcher
        self.scope = scope
        self.line = line
        self.glance = glance
        self.exchange = exchange
        self.clock = time.perf_counter()

    def __call__(self, coming: Any) -> None:
        """Hand the request on, unless it was given up."""
        arrivals = self._arrivals
        if arrivals.take_out(self):
            arrivals.at_arrival(self, coming)


class Arrivals:
    """The requests of a worker whose bodies have not come yet.

    at_arrival: called in Granian's thread with a request and the future that has its body; or has
    a RuntimeError, where it was cut off. at_timeout: called on the loop with one that is given up.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        at_arrival: Callable[[Arrival, Any], None],
        at_timeout: Callable[[Arrival], None],
    ) -> None:
        self._loop = loop
        self.at_arrival = at_arrival
        self._at_timeout = at_timeout
        # The oldest first.
        self._waiting: dict[Arrival, Any] = {}
        self._is_ticking = False
        _deliver_at_once(loop)

    def begin(self, arrival: Arrival) -> None:
        """Have Granian read the body of a request; in its own thread."""
        coming = arrival.watcher.proto()
        self._waiting[arrival] = coming
        if not self._is_ticking and body_timeout_s():
            self._is_ticking = True
            self._loop.call_soon_threadsafe(self._look_later)
        # No sooner than this thread has done with this request is it told of the body.
        coming.add_done_callback(arrival)

    def take_out(self, arrival: Arrival) -> bool:
        """Wait for a body no more; False if somebody else has said so before."""
        return self._waiting.pop(arrival, None) is not None

    def _look_later(self) -> None:
        self._loop.call_later(body_timeout_s() / LOOKS, self._look)

    def _look(self) -> None:
        """Give up what has waited too long; look again later, while anything waits; on the loop."""
        # Before looking: what comes from now on has it look again.
        self._is_ticking = False
        waiting = items_of(self._waiting.items())
        if waiting and not self._is_ticking:
            self._is_ticking = True
            self._look_later()
        oldest = time.perf_counter() - body_timeout_s()
        for arrival, coming in waiting:
            if arrival.clock > oldest:
                break
            if self.take_out(arrival):
                coming.cancel()
                self._at_timeout(arrival)


def _deliver_at_once(loop: asyncio.AbstractEventLoop) -> None:
    """Have a loop call arrivals in the thread that tells of them, all else as before."""
    call_soon = loop.call_soon_threadsafe

    def deliver(callback: Any, *args: Any, context: Any = None) -> Any:
        if type(callback) is Arrival:
            return callback(*args)
        return call_soon(callback, *args, context=context)

    setattr(loop, "call_soon_threadsafe", deliver)  # noqa: B010  # where Granian looks for it
