"""The end of a worker: from the signal to the last answer, and what is said of it.

Rule: it runs in a thread of its own, so that nothing that the app does can hold it up but the GIL.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.util
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from kolben.server import stop_signals
from kolben.server.counting import Running
from kolben.server.draining import begin_draining, count_begun
from kolben.server.listening import address_of, count_connections, stop_accepting
from kolben.server.stacks import describe_busy_threads
from kolben.server.supervisor import say

# How long clients are given to hear that their connection is closed after the next answer.
LINGER_S = 1.0
LOOK_S = 0.05
# How long the app's own hooks are given when requests have been cut off.
HOOKS_S = 2.0

InFlight = Callable[[], list[Running]]


class Ending:
    """What happens when a worker is told to stop.

    in_flight: lists the requests under way. stop_app: runs the hooks
    of the app's end from another thread. socket: the identity of the one that it listens on.
    """

    def __init__(
        self,
        number: int,
        socket: int,
        timeout_s: float,
        in_flight: InFlight,
        stop_app: Callable[[], object],
    ) -> None:
        self._name = f"Worker {number} (pid {os.getpid()})"
        self._socket = socket
        self._timeout_s = timeout_s
        self._in_flight = in_flight
        self._stop_app = stop_app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_granian: Callable[[], object] = lambda: None
        self._lock = threading.Lock()
        self._has_begun = self._has_reported = False
        self._under_way = 0

    # What Granian calls in place of its own functions for signals, whose handlers may never run:
    # see kolben.server.stop_signals.

    def watch_signals(self) -> Any:
        """Return Granian's event for the end of a worker without an event loop."""
        event = self._make_event()
        stop_signals.call_at_stop(self.begin)
        return event

    def watch_signals_on(self, loop: asyncio.AbstractEventLoop) -> Any:
        """Return Granian's event for the end of a worker with an event loop."""
        event = self._make_event()
        self._loop = loop
        if isinstance(loop, asyncio.SelectorEventLoop):
            # Not its own handlers: a signal that comes while threads wake it by the hundred is
            # lost.
            stop_signals.call_at_stop(self.begin)
        else:  # uvloop's, which have no such flaw and take the wakeup fd for themselves
            for number in stop_signals.STOP_SIGNALS:
                loop.add_signal_handler(number, self.begin)
        return event

    def _make_event(self) -> Any:
        from granian._granian import WorkerSignal  # starts faster without it

        event = WorkerSignal()
        self._stop_granian = event.set
        stop_signals.call_at_parents_end(self.begin)
        # A process of this kind leaves without what atexit has.
        multiprocessing.util.Finalize(None, self._report, exitpriority=10)
        return event

    def begin(self) -> None:
        """Begin to end; only once, however often it is called."""
        with self._lock:
            if self._has_begun:
                return
            self._has_begun = True
        threading.Thread(target=self._run, name="kolben-end", daemon=True).start()

    def _run(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        begin_draining()
        self._under_way = len(self._running())
        address = address_of(self._socket)
        stop_accepting(self._socket)
        try:
            self._close_what_stays_open()
            linger = min(time.monotonic() + LINGER_S, deadline)
            while time.monotonic() < linger and count_connections(address):
                time.sleep(LOOK_S)
        finally:
            self._stop_granian()
        # The process ends before this does, unless a request holds it.
        time.sleep(max(deadline - time.monotonic(), 0))
        self._cut()

    def _close_what_stays_open(self) -> None:
        """End the streams of events, and close the WebSockets, whose views are waited for."""
        from kolben.entry.connection import close_all  # starts faster without it
        from kolben.entry.open_streams import end_streams  # starts faster without it

        end_streams()
        if self._loop is None:
            return
        wait_s = min(10.0, self._timeout_s / 2)
        closing = close_all(timeout_s=wait_s, for_good=True)
        with suppress(TimeoutError):  # the loop is blocked
            asyncio.run_coroutine_threadsafe(closing, self._loop).result(wait_s + LINGER_S)

    def _cut(self) -> None:
        """End the process although requests are under way."""
        self._report()
        self._name_what_holds()
        hooks = threading.Thread(target=self._stop_app, daemon=True)
        hooks.start()
        hooks.join(HOOKS_S)
        end_daemon_children()
        os._exit(0)

    def _name_what_holds(self) -> None:
        """Say which threads and child processes did not let this process end."""
        with suppress(Exception):  # an app's own names and converters
            held_by = [*describe_busy_threads(), *describe_children()]
            if held_by:
                say(f"{self._name} is held up by {'; '.join(held_by)}.")

    # What is said of it.

    def _running(self) -> list[Running]:
        return self._in_flight()

    def _report(self) -> None:
        """Say once what finished and what is cut off, if there was anything."""
        with self._lock:
            if not self._has_begun or self._has_reported:
                return
            self._has_reported = True
        left = self._running()
        finished = self._under_way + count_begun() - len(left)
        if finished or left:
            say(describe_end(self._name, finished, left, time.perf_counter()))


def describe_children() -> list[str]:
    """Name the processes of multiprocessing that are waited for at the end."""
    return [
        f"child process {child.name} (pid {child.pid})"
        for child in multiprocessing.active_children()
        if not child.daemon
    ]


def end_daemon_children() -> None:
    """Tell the processes to end that multiprocessing ends with their parent."""
    for child in multiprocessing.active_children():
        if child.daemon:
            with suppress(OSError, ValueError):
                child.terminate()


def describe_end(name: str, finished: int, left: list[Running], now: float) -> str:
    """Return the line that says how a worker has ended. left: what is cut off, as in_flight."""
    noun = "request" if finished == 1 else "requests"
    line = f"{name} has ended: {finished:,} {noun} finished while it was stopping"
    if not left:
        return f"{line}, none was cut off."
    most = 10
    oldest = sorted(left, key=lambda one: one[2])[:most]
    named = [f"{method} {route or '?'} ({now - began:.1f} s)" for method, route, began in oldest]
    more = f" and {len(left) - most} more" if len(left) > most else ""
    return f"{line}, {len(left):,} cut off: {', '.join(named)}{more}."
