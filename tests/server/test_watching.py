"""What watches a server, on real servers: logs, ids, health and metrics of all workers."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from kolben.cli import cli
from kolben.server.board import find_boards
from tests.running import Server, find_free_port, wait_for
from tests.server.observed import INTERFACES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="signals and fork are those of POSIX"),
]

APP = """\
import os, time
from flask import Flask, request
from kolben import websocket

app = Flask(__name__)
app.add_health_check("file", lambda: os.path.exists("ready"))

@app.get("/users/<int:number>")
def user(number):
    app.logger.warning("asked")
    return request.id

@app.get("/async/<int:number>")
async def later(number):
    return request.id

@app.get("/stream")
def stream():
    return (piece for piece in ["ab", "cde"])

@app.websocket("/echo/<int:number>")
async def echo(number):
    async for message in websocket:
        if not message:
            await websocket.close(4001)
        await websocket.send(message)

@app.get("/pid")
def pid():
    return str(os.getpid())

@app.get("/wait")
def wait():
    open("waits", "w").close()
    while not os.path.exists("go on"):
        time.sleep(0.02)
    return "waited"
"""


def ask(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Ask for a path; return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    response = connection.getresponse()
    found = {name.lower(): value for name, value in response.getheaders()}
    body = response.read().decode()
    connection.close()
    return response.status, found, body


def metrics_of(port: int) -> str:
    """Return the metrics, also while a worker that has accepted the connection is dying."""
    for _ in range(20):
        with suppress(OSError, http.client.HTTPException):
            return ask(port, "/metrics")[2]
    raise AssertionError("no worker answers")


def metric(port: int, name: str) -> float:
    """Return the sum of a metric over all its labels."""
    text = metrics_of(port)
    values = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, values))


@pytest.mark.parametrize("interface", INTERFACES)
def test_all_of_it_on_one_server(serve: Callable[..., Server], interface: str) -> None:
    server = serve(
        APP,
        *("--interface", interface, "--workers", "2"),
        *("--access-log", "--access-log-format", "json", "--log-format", "json"),
        *("--request-ids", "--health", "--metrics"),
    )
    port = server.port

    status, headers, body = ask(port, "/users/7?token=abc&page=2", X_Request_ID="mine")
    assert (status, headers["x-request-id"], body) == (200, "mine", "mine")
    status, headers, body = ask(port, "/async/7")
    assert headers["x-request-id"] == body
    assert ask(port, "/stream")[2] == "abcde"
    assert ask(port, "/missing")[0] == 404
    wait_for(lambda: server.out.count("\n") == 6)
    lines = [json.loads(line) for line in server.out.splitlines()[2:]]
    by_path = {line["path"]: line for line in lines}
    first = by_path["/users/7"]
    assert (first["request_id"], first["route"]) == ("mine", "/users/<int:number>")
    assert (first["query"], first["bytes"]) == ("token=***&page=2", 4)
    assert by_path["/async/7"]["request_id"] == body
    assert (by_path["/stream"]["bytes"], by_path["/missing"]["route"]) == (5, None)
    # Before the app logs, the server itself warns of WebSockets that WSGI does not carry.
    written = [line for line in server.err.splitlines() if not line.startswith("Warning: ")]
    (logged,) = map(json.loads, written)
    assert (logged["message"], logged["request_id"]) == ("asked", "mine")

    assert ask(port, "/healthz")[0] == 200
    status, _, body = ask(port, "/readyz")
    assert (status, json.loads(body)["checks"]) == (503, {"file": "said no"})
    (server._out.parent / "ready").touch()
    wait_for(lambda: ask(port, "/readyz")[0] == 200)

    for _ in range(20):
        ask(port, "/pid")
    wait_for(lambda: metric(port, "kolben_requests_total") == 24)
    text = ask(port, "/metrics")[2]
    assert 'kolben_requests_total{method="GET",route="/pid",status="200"} 20.0\n' in text
    assert 'kolben_requests_total{method="GET",route="unmatched",status="404"} 1.0\n' in text
    assert 'duration_seconds_count{route="/users/<int:number>",status="2xx"} 1.0\n' in text
    assert metric(port, "kolben_workers") == 2
    assert metric(port, "kolben_worker_memory_bytes") > 1024**2
    assert server.out.count("/metrics") == 0  # not even in the log


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
@pytest.mark.parametrize("more", [(), ("--trust-proxy", "127.0.0.1")], ids=["plain", "proxied"])
def test_websockets_are_watched(
    serve: Callable[..., Server], interface: str, more: tuple[str, ...]
) -> None:
    options = ("--interface", interface, "--metrics", "--access-log", "--access-log-format", "json")
    server = serve(APP, *options, *more)
    port = server.port
    with connect(f"ws://127.0.0.1:{port}/echo/7?token=abc") as socket:
        socket.send("hello")
        assert "hello" == socket.recv()
        assert metric(port, "kolben_websockets_open") == 1
        assert metric(port, "kolben_connections_open") >= (1 if sys.platform == "linux" else 0)
        socket.send("")
        with pytest.raises(ConnectionClosed):
            socket.recv()
    wait_for(lambda: server.out.count('"path"') == 1)
    line = json.loads(server.out.splitlines()[-1])
    assert (line["status"], line["close_code"], line["route"]) == (101, 4001, "/echo/<int:number>")
    assert (line["query"], line["bytes"]) == ("token=***", None)
    text = ask(port, "/metrics")[2]
    assert "kolben_websockets_open 0.0\n" in text
    assert 'kolben_websockets_opened_total{route="/echo/<int:number>"} 1.0\n' in text
    assert 'websockets_closed_total{code="4xxx",route="/echo/<int:number>"} 1.0\n' in text


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_port_of_its_own_answers_alone(serve: Callable[..., Server], interface: str) -> None:
    port = find_free_port()
    options = ("--health", "--metrics", "--watch-port", str(port), "--workers", "2")
    server = serve(APP, "--interface", interface, *options)
    assert [ask(server.port, path)[0] for path in ("/healthz", "/readyz", "/metrics")] == [404] * 3
    assert [ask(port, path)[0] for path in ("/healthz", "/readyz")] == [200, 503]
    wait_for(lambda: metric(port, "kolben_requests_total") == 3)
    assert ask(port, "/pid")[0] == 404


def test_nothing_that_was_counted_is_lost_with_a_worker(serve: Callable[..., Server]) -> None:
    port = find_free_port()
    server = serve(APP, "--workers", "2", "--metrics", "--watch-port", str(port))
    for _ in range(20):
        ask(server.port, "/stream")
    wait_for(lambda: metric(port, "kolben_requests_total") == 20)
    pid = int(server.get("/pid")[1])
    wait_for(lambda: metric(port, "kolben_requests_total") == 21)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: metric(port, "kolben_worker_restarts_total") == 1)
    assert metric(port, "kolben_requests_total") == 21
    wait_for(lambda: f'pid="{pid}"' not in metrics_of(port))


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_worker_that_ends_is_not_ready_while_it_answers_what_it_has(
    serve: Callable[..., Server], interface: str
) -> None:
    port = find_free_port()
    server = serve(APP, "--interface", interface, "--health", "--watch-port", str(port))
    (server._out.parent / "ready").touch()
    assert ask(port, "/readyz")[0] == 200
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.get, "/wait")
        wait_for((server._out.parent / "waits").exists)
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: ask(port, "/readyz")[0] == 503)
        assert json.loads(ask(port, "/readyz")[2])["status"] == "draining"
        assert ask(port, "/healthz")[0] == 200
        (server._out.parent / "go on").touch()
        assert answer.result() == (200, b"waited")
    assert server.process.wait(20) == 0


def test_the_board_goes_with_its_server(serve: Callable[..., Server]) -> None:
    def pids() -> list[Any]:
        return [(board.server() or {}).get("pid") for board in find_boards()]

    server = serve(APP)
    assert server.process.pid in pids()
    assert server.stop() == 0
    assert server.process.pid not in pids()


def test_without_top_there_is_none(serve: Callable[..., Server]) -> None:
    server = serve(APP, "--no-top")
    assert server.process.pid not in [(board.server() or {}).get("pid") for board in find_boards()]
    assert ask(server.port, "/pid")[0] == 200


def test_a_port_for_nothing_is_refused(free_port: int) -> None:
    done = CliRunner().invoke(cli, ["serve", "--watch-port", str(free_port)])
    assert done.exit_code == 2
    assert "--watch-port needs --health or --metrics." in done.output


def test_a_port_that_is_taken_is_refused(serve: Callable[..., Server], free_port: int) -> None:
    server = serve(APP)
    taken = ["--health", "--watch-port", str(server.port)]
    done = CliRunner().invoke(cli, ["serve", "-p", str(free_port), *taken])
    assert done.exit_code == 1
    assert f"127.0.0.1:{server.port} cannot be listened on" in done.output


def test_metrics_without_their_library_say_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(APP)
    missing = "raise ModuleNotFoundError('none', name='prometheus_client')"
    (tmp_path / "prometheus_client.py").write_text(missing)
    server = Server(tmp_path, "served", "--metrics")
    try:
        assert server.process.wait(20) == 1
    finally:
        server.end()
    assert "pip install 'kolben[metrics]'" in server.err
