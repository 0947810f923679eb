"""The thread that looks at a worker four times a second, and writes on the board what it saw.

Rule: what is asked here costs no request anything.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from kolben.entry.threads import count_waiting
from kolben.server.board import Board, Record
from kolben.server.counting import Running
from kolben.server.draining import is_draining
from kolben.server.measuring import (
    DELAYS_S,
    NO_ROUTE,
    Delays,
    Histogram,
    Measures,
    method_label,
)

TICK_S = 0.25
PUBLISH_S = 1.0
# Rates and delays are of so many seconds back.
WINDOW_S = 5.0
# As many requests as a terminal shows.
MOST_SHOWN = 50


class Delay:
    """How late a timer is, in all and of late."""

    def __init__(self) -> None:
        self._all = Histogram(DELAYS_S)
        self._lately: deque[float] = deque([0.0], maxlen=round(WINDOW_S / TICK_S))

    def add(self, late_s: float) -> None:
        """Note how late it was once."""
        self._all.add(late_s)
        self._lately.append(late_s)

    @property
    def longest_lately_s(self) -> float:
        """The most of the last seconds."""
        return max(self._lately)

    def delays(self) -> Delays:
        """Return all that was noted."""
        return self._all.count, self._all.total, [*self._all.counts]


class LoopProbe:
    """Asks an event loop, from another thread, how long something has to wait for its turn."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.delay = Delay()
        self._asked: float | None = None

    def ask(self) -> None:
        """Have the loop answer as soon as it can, unless an answer is still due."""
        if self.loop is None or self._asked is not None:
            return
        self._asked = time.perf_counter()
        try:
            self.loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # it has been closed
            self.loop = None

    def _answer(self) -> None:
        if self._asked is not None:
            self.delay.add(time.perf_counter() - self._asked)
            self._asked = None

    @property
    def longest_lately_s(self) -> float:
        """The most of the last seconds, with the answer that is still due."""
        asked = self._asked
        due = 0.0 if asked is None else time.perf_counter() - asked
        return max(self.delay.longest_lately_s, due)


class Requests(Protocol):
    """What knows the requests of this process: an Observer or a RequestCounter."""

    def take_ended(self) -> int:
        """Return how many are over since the last time."""
        ...

    def running(self) -> list[Running]:
        """Return those under way."""
        ...

    def count_sockets(self) -> int | None:
        """Return how many WebSockets are open; None if that is not known."""
        ...


class Sampler:
    """Looks at this process, and keeps its place on a board up to date."""

    def __init__(self, board: Board, requests: Requests, measures: Measures | None) -> None:
        self.loop = LoopProbe()
        self._board = board
        # A page of metrics is made from what is written just before.
        self._lock = threading.Lock()
        self._requests = requests
        self._measures = measures
        self._thread_delay = Delay()
        self._answered = 0
        self._began = time.time()
        # Moment, requests answered and CPU seconds, of each time that was published.
        self._past: deque[tuple[float, int, float]] = deque(maxlen=round(WINDOW_S / PUBLISH_S))
        self._past.append((time.perf_counter(), 0, time.process_time()))

    def start(self) -> None:
        """Begin to look, in a thread of its own."""
        self._board.take_over_the_dead()
        self.publish()
        threading.Thread(target=self._run, name="kolben-watch", daemon=True).start()

    def _run(self) -> None:
        clock = time.perf_counter
        next_publishing = clock()
        while True:
            due = clock() + TICK_S
            time.sleep(TICK_S)
            self._thread_delay.add(max(clock() - due, 0.0))
            self.loop.ask()
            if clock() >= next_publishing:
                next_publishing = clock() + PUBLISH_S
                self.publish()

    def publish(self) -> None:
        """Write on the board how this worker does now."""
        # At the end of a server its folder goes before the last worker does; a full disk is no
        # reason to stop looking.
        with self._lock, suppress(OSError):
            self._board.write_worker(self.record())

    def record(self) -> Record:
        """Return how this worker does, as JSON can hold it."""
        self._answered += self._requests.take_ended()
        answered = self._answered
        now, cpu_s = time.perf_counter(), time.process_time()
        then, answered_then, cpu_then = self._past[0]
        passed = max(now - then, 1e-9)
        self._past.append((now, answered, cpu_s))
        running = self._running(now)
        return {
            "pid": os.getpid(),
            "began": self._began,
            "published": time.time(),
            "draining": is_draining(),
            "memory_bytes": memory_bytes(),
            "cpu_s": cpu_s,
            "cpu_share": (cpu_s - cpu_then) / passed,
            "requests": answered,
            "requests_per_s": (answered - answered_then) / passed,
            "in_flight": len(running),
            "running": running[:MOST_SHOWN],
            "waiting": count_waiting(),
            "longest_late_s": {
                "thread": self._thread_delay.longest_lately_s,
                "loop": self.loop.longest_lately_s if self.loop.loop is not None else None,
            },
            "late": {"thread": self._thread_delay.delays(), "loop": self.loop.delay.delays()},
            "rows": [] if self._measures is None else self._measures.rows(),
            "sockets": self._requests.count_sockets(),
            "socket_rows": [] if self._measures is None else self._measures.socket_rows(),
        }

    def _running(self, now: float) -> list[tuple[str, str, float]]:
        """Return method, route and age in seconds of each request under way, the oldest first."""
        found = [
            (method_label(method), route or NO_ROUTE, now - began)
            for method, route, began in self._requests.running()
        ]
        return sorted(found, key=lambda request: -request[2])


def _read_statm() -> int:
    """Return the memory of this process that is in use, in bytes (Linux)."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _most_memory() -> int:
    """Return the most memory that this process ever had, in bytes (macOS)."""
    import resource  # starts faster without it

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory_bytes() -> int | None:
    """Return how much memory this process has; None where the system does not tell."""
    ways: tuple[Callable[[], int], ...] = (_read_statm, _most_memory)
    for way in ways:
        with suppress(OSError, ImportError):
            return way()
    return None
