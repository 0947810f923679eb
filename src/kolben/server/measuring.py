"""How many requests a process has answered, how, and how long they took.

Rule: what a client sends never makes a new row: a route is a rule of the app, a method one of HTTP.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from kolben.server.exchanges import ServedExchange

# Prometheus's own, which fit what a view takes: seconds up to which a request counts.
DURATIONS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# A thread that has to wait for the interpreter waits 5 ms for each other one that computes.
DELAYS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
)
OTHER_METHOD = "other"
NO_ROUTE = "unmatched"

# method, route, status; count, seconds, and how many fell into each of DURATIONS_S and above.
Row = tuple[str, str, int, int, float, list[int]]
# What became of WebSockets (OPENED, REFUSED, CLOSED); route, status or close code, and count.
SocketRow = tuple[str, str, str, int]
OPENED, REFUSED, CLOSED = "opened", "refused", "closed"
# Close codes that have a row of their own (RFC 6455 §7.4); clients may send any.
_CLOSE_CODES = range(1000, 1016)

# Count, seconds, and how many fell into each of DELAYS_S and above.
Delays = tuple[int, float, list[int]]


class Histogram:
    """How many values fell between bounds, and their sum; one thread at a time adds to it."""

    __slots__ = ("_bounds", "count", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.count = 0
        self.total = 0.0
        self.counts = [0] * (len(bounds) + 1)

    def add(self, value: float) -> None:
        """Count a value."""
        self.count += 1
        self.total += value
        self.counts[bisect_left(self._bounds, value)] += 1


class Measures:
    """Counts the requests of this process, from all its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._histograms: dict[tuple[str, str, int], Histogram] = {}
        self._sockets: Counter[tuple[str, str, str]] = Counter()

    def note_open(self, exchange: ServedExchange) -> None:
        """Count a WebSocket that is accepted."""
        self._note_socket(exchange, OPENED, "101")

    def _note_socket(self, exchange: ServedExchange, what: str, label: str) -> None:
        with self._lock:
            self._sockets[what, exchange.route or NO_ROUTE, label] += 1

    def note(self, exchange: ServedExchange) -> None:
        """Count an exchange that is over."""
        if exchange.is_socket:
            code = exchange.close_code
            if code is None:
                self._note_socket(exchange, REFUSED, str(exchange.status))
            else:
                self._note_socket(exchange, CLOSED, code_label(code))
            return
        key = (method_label(exchange.method), exchange.route or NO_ROUTE, exchange.status)
        # Two threads that add at the same time would lose one of the two.
        with self._lock:
            found = self._histograms.get(key)
            if found is None:
                found = self._histograms[key] = Histogram(DURATIONS_S)
            found.add(exchange.duration_s or 0.0)

    def rows(self) -> list[Row]:
        """Return what was counted, as JSON can hold it."""
        with self._lock:
            return [(*key, h.count, h.total, [*h.counts]) for key, h in self._histograms.items()]

    def socket_rows(self) -> list[SocketRow]:
        """Return what was counted of WebSockets, as JSON can hold it."""
        with self._lock:
            return [(*key, count) for key, count in self._sockets.items()]


def code_label(code: int) -> str:
    """Return a close code, or what stands for all that the RFC leaves to apps: `4xxx`."""
    return str(code) if code in _CLOSE_CODES else f"{code // 1000}xxx"


def method_label(method: str) -> str:
    """Return a method, or what stands for all that HTTP does not have."""
    return method if method in METHODS else OTHER_METHOD


def add_up(rows: list[Row], more: list[Row]) -> list[Row]:
    """Return the sums of two lists of rows, those of the same request together."""
    sums: dict[tuple[str, str, int], Any] = {}
    for method, route, status, count, seconds, counts in [*rows, *more]:
        key = (method, route, status)
        found = sums.get(key)
        if found is None:
            sums[key] = [count, seconds, counts]
        else:
            found[0] += count
            found[1] += seconds
            found[2] = [a + b for a, b in zip(found[2], counts, strict=True)]
    return [(*key, count, seconds, counts) for key, (count, seconds, counts) in sums.items()]


def add_up_sockets(rows: Iterable[SocketRow]) -> list[SocketRow]:
    """Return the sums of rows of WebSockets, those of the same kind together."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for what, route, label, count in rows:
        sums[what, route, label] += count
    return [(*key, count) for key, count in sums.items()]


def add_delays(one: Delays, other: Delays) -> Delays:
    """Return the sum of two histograms of delays."""
    both = zip(one[2], other[2], strict=True)
    return one[0] + other[0], one[1] + other[1], [a + b for a, b in both]


def no_delays() -> Delays:
    """Return a histogram of delays in which there are none."""
    return 0, 0.0, [0] * (len(DELAYS_S) + 1)
