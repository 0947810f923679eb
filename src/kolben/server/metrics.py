"""What all workers of a server have counted, as Prometheus reads it.

The names and the text are prometheus-client's work; the counting is not, as its own takes several
times as long for each request (benchmarks/watching.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Metric,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.multiprocess import MultiProcessCollector

from kolben.server.board import Board, Record, add_past, is_alive
from kolben.server.connections import count_connections
from kolben.server.measuring import (
    CLOSED,
    DELAYS_S,
    DURATIONS_S,
    OPENED,
    REFUSED,
    Row,
    SocketRow,
    add_up,
    no_delays,
)


class Metrics:
    """The metrics of a server, from whichever of its workers is asked."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, board: Board) -> None:
        self._board = board
        self._registry = CollectorRegistry()
        self._registry.register(self)
        server = board.server() or {}
        self._workers: int = server.get("workers", 1)
        self._port: int | None = server.get("port")
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]  # the library's
        elif self._workers == 1:
            # The app's own metrics; with more workers they are those of one of them.
            self._registry.register(REGISTRY)

    def text(self) -> bytes:
        """Return all metrics as text."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not collect."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give each metric of the server."""
        workers = self._board.workers()
        living = [worker for worker in workers if is_alive(worker["pid"])]
        past = self._board.past()
        for worker in workers:
            past = add_past(past, worker)
        yield from _of_requests(past["rows"])
        yield from _of_sockets(past.get("socket_rows", []))
        yield from _of_delays(past["late"])
        yield from _of_now(living)
        connections = None if self._port is None else count_connections(self._port)
        if connections is not None:
            yield _gauge("connections_open", "Connections of clients, idle ones too.", connections)
        yield from _of_processes(living)
        restarts = max(past["workers"] - self._workers, 0)
        yield _counter("worker_restarts", "Workers started after the first ones.", restarts)


def _of_requests(rows: list[Row]) -> Iterator[Metric]:
    """Give how many requests were answered, and how long they took."""
    requests = CounterMetricFamily(
        "kolben_requests", "Requests answered.", labels=["method", "route", "status"]
    )
    durations = HistogramMetricFamily(
        "kolben_request_duration_seconds",
        "From a request's arrival to the hand-over of its answer.",
        labels=["route", "status"],
    )
    for method, route, status, count, _, _ in rows:
        requests.add_metric([method, route, str(status)], count)
    by_class = [("", route, status // 100, n, s, counts) for _, route, status, n, s, counts in rows]
    for _, route, status, _, seconds, counts in add_up(by_class, []):
        durations.add_metric([route, f"{status}xx"], _buckets(DURATIONS_S, counts), seconds)
    yield requests
    yield durations


def _of_sockets(rows: list[SocketRow]) -> Iterator[Metric]:
    """Give how many WebSockets were opened, refused and closed."""
    told: tuple[tuple[str, str, list[str]], ...] = (
        (OPENED, "WebSockets whose handshake was accepted.", []),
        (REFUSED, "WebSockets whose handshake was not accepted.", ["status"]),
        (CLOSED, "WebSockets that were open, and are over.", ["code"]),
    )
    for what, text, more in told:
        metric = CounterMetricFamily(f"kolben_websockets_{what}", text, labels=["route", *more])
        for found, route, label, count in rows:
            if found == what:
                metric.add_metric([route, label][: 1 + len(more)], count)
        yield metric


def _of_delays(late: Record) -> Iterator[Metric]:
    """Give how late a thread, and an event loop, comes to its turn."""
    told = {
        "thread": "How late a thread wakes that slept: its wait for the interpreter's lock.",
        "loop": "How long a call waits for its turn on the event loop.",
    }
    for name, text in told.items():
        metric = HistogramMetricFamily(f"kolben_{name}_delay_seconds", text)
        _, seconds, counts = late.get(name) or no_delays()
        metric.add_metric([], _buckets(DELAYS_S, counts), seconds)
        yield metric


def _of_now(workers: list[Record]) -> Iterator[Metric]:
    """Give what is under way."""
    yield _gauge("workers", "Workers that run.", len(workers))
    in_flight = sum(worker["in_flight"] for worker in workers)
    yield _gauge("requests_in_flight", "Requests being answered.", in_flight)
    sockets = [worker.get("sockets") or 0 for worker in workers]
    yield _gauge("websockets_open", "WebSockets that are open.", sum(sockets))
    waiting = [worker["waiting"] for worker in workers if worker["waiting"] is not None]
    if waiting:
        yield _gauge("requests_waiting", "Requests that wait for a thread.", sum(waiting))


def _of_processes(workers: list[Record]) -> Iterator[Metric]:
    """Give memory and CPU time of each worker."""
    memory = GaugeMetricFamily(
        "kolben_worker_memory_bytes", "Memory of a worker that is in use.", labels=["pid"]
    )
    cpu = CounterMetricFamily("kolben_worker_cpu_seconds", "CPU time of a worker.", labels=["pid"])
    for worker in workers:
        if worker["memory_bytes"] is not None:
            memory.add_metric([str(worker["pid"])], worker["memory_bytes"])
        cpu.add_metric([str(worker["pid"])], worker["cpu_s"])
    yield memory
    yield cpu


def _buckets(bounds: tuple[float, ...], counts: list[int]) -> list[Any]:
    """Return the buckets of a histogram as Prometheus has them: each with all below it."""
    names = [*(str(bound) for bound in bounds), "+Inf"]
    return [*zip(names, accumulate(counts), strict=True)]


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"kolben_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"kolben_{name}", text, value=value)
