"""The life of a server's processes under load: reloads, crashes, recycling, the end."""

from __future__ import annotations

import http.client
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.running import Server, find_free_port, is_open, wait_for
from tests.server.load import Load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and fork are those of POSIX"),
]

INTERFACES = ["wsgi", "asgi", "rsgi"]

APP = """\
import asyncio, os, time
from flask import Flask, Response
import kolben

app = Flask(__name__)
held = []

@app.get("/pid")
def pid():
    return str(os.getpid())

@app.get("/sleep/<float:seconds>")
def sleep(seconds):
    time.sleep(seconds)
    return "slept"

@app.get("/hold/<int:mebibytes>")
def hold(mebibytes):
    held.append(bytes(1024 * 1024) * mebibytes)
    return "held"

@app.get("/events")
def events():
    async def numbers():
        number = 0
        while True:
            yield number
            number += 1
            await asyncio.sleep(0.2)
    return kolben.sse(numbers())

@app.get("/stream")
def stream():
    def pieces():
        for number in range(15):
            time.sleep(0.1)
            yield f"{number} "
    return Response(pieces())

@app.after_serving
def note_end():
    open(f"ended-{os.getpid()}", "w").close()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers for one test."""
    running: list[Server] = []

    def begin(*options: str, app: str = APP, **variables: str) -> Server:
        (tmp_path / "hello.py").write_text(app)
        running.append(Server(tmp_path, "hello", *options, **variables))
        return running[-1].wait_until_ready()

    yield begin
    for one in running:
        one.end()


def workers_of(server: Server) -> list[int]:
    """Return the numbers of the processes of a server's workers."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(server.process.pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(pid) for pid in listed.stdout.split()]


def has_answered(load: Load, *, others_than: set[bytes], count: int) -> Callable[[], bool]:
    return lambda: len(set(load.answered) - others_than) >= count


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_reload_fails_no_request(interface: str, start: Callable[..., Server]) -> None:
    server = start("--workers", "2", "--interface", interface)
    with Load(server.port, 32) as load:
        for _ in range(3):
            wait_for(has_answered(load, others_than=set(), count=2))
            known = set(load.answered)
            server.process.send_signal(signal.SIGHUP)
            wait_for(has_answered(load, others_than=known, count=2))
        wait_for(lambda: 6 == server.err.count("has ended: "))
    assert {} == load.failed
    assert sum(load.answered.values()) > 100
    assert 6 == server.err.count(" none was cut off.")
    assert 0 == server.stop()


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_killed_worker_costs_no_more_than_what_it_had(
    interface: str, start: Callable[..., Server]
) -> None:
    connections = 16
    server = start("--workers", "2", "--interface", interface)
    with Load(server.port, connections) as load:
        known: set[int] = set()
        for kills in range(1, 4):
            wait_for(lambda: len(workers_of(server)) == 2)
            known.update(workers_of(server))
            os.kill(random.choice(workers_of(server)), signal.SIGKILL)
            # Those who are connected stay with the other; who comes next may get the new one.
            wait_for(lambda: int(server.get("/pid")[1]) not in known)
            assert sum(load.failed.values()) <= kills * connections, load.failed
    assert 3 == server.err.count("died with exit code -9 (SIGKILL); it is started again")
    assert 0 == server.stop()


def test_two_workers_are_killed_together_and_it_goes_on(start: Callable[..., Server]) -> None:
    server = start("--workers", "2")
    for _ in range(2):
        old = workers_of(server)
        assert 2 == len(old)
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        # It waits in the queue of the worker that was there, for the one that comes.
        status, pid = server.get("/pid")
        assert time.monotonic() - began < 10
        assert 200 == status
        assert int(pid) not in old
        wait_for(lambda: len(workers_of(server)) == 2)
    assert 0 == server.stop()


def test_a_reload_that_cannot_load_the_app_costs_no_worker(start: Callable[..., Server]) -> None:
    server = start("--workers", "2")
    hello = server._out.parent / "hello.py"
    old = set(workers_of(server))
    hello.write_text("import no_such_module_at_all")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "SIGHUP tries again" in server.err)
    assert 1 == server.err.count("Traceback")
    assert 1 == server.err.count("ModuleNotFoundError")
    assert old == set(workers_of(server))
    assert 200 == server.get("/pid")[0]

    hello.write_text(APP.replace("str(os.getpid())", "'second'"))
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: server.get("/pid") == (200, b"second"))
    wait_for(lambda: old.isdisjoint(workers_of(server)))
    assert 0 == server.stop()


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_hook_of_the_beginning_that_fails_costs_no_worker_either(
    interface: str, start: Callable[..., Server]
) -> None:
    server = start("--interface", interface)
    old = workers_of(server)
    failing = APP + "\n@app.before_serving\ndef fail():\n    raise ZeroDivisionError\n"
    (server._out.parent / "hello.py").write_text(failing)
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "SIGHUP tries again" in server.err)
    assert old == workers_of(server)
    assert 200 == server.get("/pid")[0]


@pytest.mark.parametrize("interface", INTERFACES)
def test_what_is_cut_off_at_the_end_is_named(interface: str, start: Callable[..., Server]) -> None:
    server = start("--stop-timeout", "2", "--interface", interface)
    (pid,) = workers_of(server)
    with ThreadPoolExecutor(2) as pool:
        cut = pool.submit(server.get, "/sleep/30.0")
        time.sleep(0.2)
        kept = pool.submit(server.get, "/sleep/1.0")
        time.sleep(0.5)
        assert 0 == server.stop()
        assert (200, b"slept") == kept.result()
        with pytest.raises((OSError, http.client.HTTPException)):
            cut.result()
    expected = (
        rf"Worker 1 \(pid {pid}\) has ended: 1 request finished while it was stopping,"
        r" 1 cut off: GET /sleep/<float:seconds> \(\d\.\d s\)\."
    )
    assert re.search(expected, server.err)
    assert (server._out.parent / f"ended-{pid}").exists()


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_stop_ends_endless_streams_and_lets_others_end(
    interface: str, start: Callable[..., Server]
) -> None:
    server = start("--stop-timeout", "20", "--interface", interface)
    with ThreadPoolExecutor(2) as pool:
        events = pool.submit(server.get, "/events")
        stream = pool.submit(server.get, "/stream")
        time.sleep(0.7)
        began = time.monotonic()
        assert 0 == server.stop()
        assert time.monotonic() - began < 10
        status, body = events.result()
        assert (200, True) == (status, body.startswith(b"data: 0\n\ndata: 1\n\n"))
        assert (200, " ".join(map(str, range(15))).encode() + b" ") == stream.result()
    assert "cut off:" not in server.err


def test_who_connects_while_it_stops_is_refused(start: Callable[..., Server]) -> None:
    server = start()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.get, "/sleep/2.0")
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not is_open(server.port))
        assert not answer.done()
        assert (200, b"slept") == answer.result()
    assert 0 == server.process.wait(20)


@pytest.mark.parametrize(
    ("option", "path", "said"),
    [
        (("--recycle-after-requests", "30"), "/pid", r"has answered \d+ requests"),
        (("--recycle-after", "2"), "/pid", r"has served for \d s"),
        (("--recycle-above", "120"), "/hold/10", r"holds \d+ MiB"),
    ],
    ids=["requests", "seconds", "memory"],
)
def test_a_worker_is_replaced_when_it_is_due(
    option: tuple[str, str], path: str, said: str, start: Callable[..., Server]
) -> None:
    server = start(*option)
    (old,) = workers_of(server)
    until = time.monotonic() + 30
    while workers_of(server)[-1] == old:
        assert time.monotonic() < until
        assert 200 == server.get(path)[0]
        time.sleep(0.05)
    wait_for(lambda: old not in workers_of(server))
    assert re.search(rf"Worker 1 \(pid {old}\) {said}; it is replaced\.", server.err)


def test_the_pid_file_is_there_while_it_runs(start: Callable[..., Server], tmp_path: Path) -> None:
    file = tmp_path / "server.pid"
    server = start("--pid-file", str(file))
    assert f"{server.process.pid}\n" == file.read_text()
    second = Server(tmp_path, "hello", "--pid-file", str(file))
    assert 1 == second.process.wait(20)
    assert f"process {server.process.pid} runs, which has written it" in second.err
    assert 0 == server.stop()
    assert not file.exists()


def test_a_change_of_a_file_reloads(start: Callable[..., Server]) -> None:
    server = start("--reload")
    hello = server._out.parent / "hello.py"
    number = 0

    def is_new() -> bool:
        nonlocal number
        number += 1
        if number % 20 == 1:  # it takes a moment until the system watches
            hello.write_text(APP.replace("str(os.getpid())", "'changed'") + f"# {number}")
        return server.get("/pid") == (200, b"changed")

    wait_for(is_new, 30)
    hello.write_text("def broken(:")
    wait_for(lambda: "SyntaxError" in server.err)
    assert (200, b"changed") == server.get("/pid")
    assert 0 == server.stop()


def test_workers_whose_parent_is_killed_end_and_free_the_port(
    start: Callable[..., Server],
) -> None:
    server = start("--workers", "2")
    server.process.kill()
    server.process.wait()
    wait_for(lambda: not is_open(server.port))


def test_a_unix_socket_is_handed_on_as_well(start: Callable[..., Server], tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    server = start_unix(tmp_path, path)
    try:
        _, old = get_unix(path)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: get_unix(path)[1] != old)
        assert 0 == server.stop()
        assert not os.path.exists(path)
    finally:
        server.end()


def start_unix(folder: Path, path: str) -> Server:
    (folder / "hello.py").write_text(APP)
    server = Server(folder, "hello", "--unix-socket", path, "--workers", "2")
    wait_for(lambda: "thread" in server.out)
    return server


def get_unix(path: str) -> tuple[int, bytes]:
    connection: Any = http.client.HTTPConnection("localhost", find_free_port())
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(20)
    connection.sock.connect(path)
    try:
        connection.request("GET", "/pid")
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
