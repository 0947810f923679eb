"""What Prometheus reads is the sum of all workers, the dead among them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY, Counter
from prometheus_client.parser import text_string_to_metric_families

from kolben.server.board import Board
from kolben.server.measuring import DELAYS_S, DURATIONS_S
from kolben.server.metrics import Metrics

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")


@pytest.fixture
def make_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Board.make


@pytest.fixture
def dead() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def row(method: str, route: str, status: int, *durations: float) -> list[Any]:
    counts = [0] * (len(DURATIONS_S) + 1)
    for value in durations:
        counts[next((n for n, bound in enumerate(DURATIONS_S) if value <= bound), -1)] += 1
    return [method, route, status, len(durations), sum(durations), counts]


def worker(pid: int, *rows: list[Any], **values: Any) -> dict[str, Any]:
    delays = [1, 0.002, [0, 1, *[0] * (len(DELAYS_S) - 1)]]
    return {
        "pid": pid,
        "began": 1.0,
        "in_flight": 2,
        "waiting": 3,
        "memory_bytes": 4096,
        "cpu_s": 1.5,
        "rows": [*rows],
        "late": {"thread": delays, "loop": delays},
        **values,
    }


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Read the text as Prometheus does: value by name and values of labels, by their names."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_it_is_the_sum_of_all_workers(make_board: Any, dead: int) -> None:
    board = make_board({"workers": 2})
    board.write_worker(
        worker(os.getpid(), row("GET", "/", 200, 0.001, 0.3), row("POST", "/", 201, 20))
    )
    board.write(
        "worker-1.json", worker(1, row("GET", "/", 200, 0.2), waiting=None, memory_bytes=None)
    )
    rows = row("GET", "/", 200, 0.4), row("GET", "unmatched", 404, 1)
    board.write(f"worker-{dead}.json", worker(dead, *rows))
    board.write("past.json", {"workers": 4, "rows": [row("GET", "/", 200, 0.4)], "late": {}})
    found = samples(Metrics(board))
    me = str(os.getpid())
    assert found["kolben_requests_total", ("GET", "/", "200")] == 5
    assert found["kolben_requests_total", ("POST", "/", "201")] == 1
    assert found["kolben_requests_total", ("GET", "unmatched", "404")] == 1
    durations = "kolben_request_duration_seconds"
    assert found[f"{durations}_count", ("/", "2xx")] == 6
    assert found[f"{durations}_sum", ("/", "2xx")] == pytest.approx(21.301)
    buckets = {
        labels[0]: value
        for (name, labels), value in found.items()
        if name == f"{durations}_bucket" and labels[1:] == ("/", "2xx")
    }
    assert [buckets[bound] for bound in ("0.005", "0.25", "0.5", "10.0", "+Inf")] == [1, 2, 5, 5, 6]
    assert found["kolben_thread_delay_seconds_count", ()] == 3
    assert found["kolben_loop_delay_seconds_bucket", ("0.005",)] == 3
    assert found["kolben_workers", ()] == 2
    assert found["kolben_requests_in_flight", ()] == 4
    assert found["kolben_requests_waiting", ()] == 3
    assert found["kolben_worker_restarts_total", ()] == 5
    assert found["kolben_worker_memory_bytes", (me,)] == 4096
    assert ("kolben_worker_memory_bytes", ("1",)) not in found
    assert found["kolben_worker_cpu_seconds_total", (me,)] == 1.5
    assert not any(name.startswith("python_") for name, _ in found)


def test_websockets_are_the_sum_of_all_workers_too(make_board: Any, dead: int) -> None:
    board = make_board({"workers": 2})
    opened = ["opened", "/chat", "101", 3]
    closed, refused = ["closed", "/chat", "1001", 1], ["refused", "unmatched", "404", 4]
    board.write_worker(worker(os.getpid(), sockets=2, socket_rows=[opened, closed]))
    board.write(f"worker-{dead}.json", worker(dead, sockets=9, socket_rows=[opened, refused]))
    found = samples(Metrics(board))
    assert found["kolben_websockets_open", ()] == 2
    assert found["kolben_websockets_opened_total", ("/chat",)] == 6
    assert found["kolben_websockets_closed_total", ("1001", "/chat")] == 1
    assert found["kolben_websockets_refused_total", ("unmatched", "404")] == 4


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of them")
def test_connections_are_counted(make_board: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        metrics = Metrics(make_board({"workers": 1, "port": port}))
        assert samples(metrics)["kolben_connections_open", ()] == 0
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0]:
            assert samples(metrics)["kolben_connections_open", ()] == 1


def test_a_socket_of_unix_has_none_that_are_counted(make_board: Any) -> None:
    found = samples(Metrics(make_board({"workers": 1, "port": None})))
    assert ("kolben_connections_open", ()) not in found


def test_a_new_server_has_no_requests_and_no_restarts(make_board: Any) -> None:
    board = make_board({"workers": 2})
    board.write_worker(worker(os.getpid(), waiting=None))
    found = samples(Metrics(board))
    assert found["kolben_worker_restarts_total", ()] == 0
    assert not any(name.startswith("kolben_requests_total") for name, _ in found)
    assert ("kolben_requests_waiting", ()) not in found


def test_the_apps_own_metrics_are_there_with_one_worker(make_board: Any) -> None:
    counter = Counter("shop_orders", "Orders.", registry=REGISTRY)
    counter.inc(3)
    try:
        assert samples(Metrics(make_board({"workers": 1})))["shop_orders_total", ()] == 3
    finally:
        REGISTRY.unregister(counter)


def test_with_more_workers_they_come_from_where_the_library_shares_them(
    make_board: Any, tmp_path: Path
) -> None:
    """The library decides at its import whether metrics are shared."""
    shared = tmp_path / "shared"
    shared.mkdir()
    board = make_board({"workers": 2})
    variables = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(shared)}
    count = "from prometheus_client import Counter; Counter('shop_orders', 'Orders.').inc(2)"
    tell = (
        "from kolben.server.board import Board; from kolben.server.metrics import Metrics\n"
        f"print(Metrics(Board({board.folder!r})).text().decode())"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", count], env=variables, check=True)
    told = subprocess.run(
        [sys.executable, "-c", tell], env=variables, check=True, capture_output=True, text=True
    )
    assert "shop_orders_total 4.0" in told.stdout
