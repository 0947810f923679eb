"""Workers that no longer answer are replaced, with a report; those that only look so are not."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.running import Server, wait_for
from tests.server.test_life import workers_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="states of processes are Linux's"),
]

INTERFACES = ["wsgi", "asgi", "rsgi"]

APP = """\
import ctypes, hashlib, os, time
from flask import Flask

app = Flask(__name__)

@app.get("/pid")
def pid():
    return str(os.getpid())

def sleep_in_c(seconds):
    ctypes.PyDLL(None).sleep(seconds)

@app.get("/hold/<int:seconds>")
def hold(seconds):
    time.sleep(1.2)  # until the board knows of it
    sleep_in_c(seconds)
    return str(os.getpid())

@app.get("/block/<int:seconds>")
async def block(seconds):
    time.sleep(seconds)
    return str(os.getpid())

@app.get("/compute/<int:seconds>")
def compute(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        hashlib.sha256(b"x" * 1000)
    return str(os.getpid())
"""


def ask_often(server: Server, times: int = 12) -> set[int]:
    """Ask which worker answers, each time on a connection of its own."""
    return {int(server.get("/pid")[1]) for _ in range(times)}


def ask_and_lose(server: Server, path: str) -> None:
    """Send a request whose answer may never come."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        client.settimeout(40)
        client.recv(1)


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_worker_that_is_stopped_gets_no_connections_and_is_replaced(
    interface: str, serve: Callable[..., Server]
) -> None:
    server = serve(APP, "--workers", "2", "--worker-timeout", "8", "--interface", interface)
    stopped, other = workers_of(server)
    os.kill(stopped, signal.SIGSTOP)
    time.sleep(5.5)
    # It is late, and not yet given up.
    assert {other} == ask_often(server)
    assert "no sign of life" not in server.err
    wait_for(lambda: stopped not in workers_of(server))
    said = rf"Worker 1 \(pid {stopped}\) has given no sign of life for \d+ s: it is stopped"
    assert re.search(said, server.err)
    wait_for(lambda: len(ask_often(server)) == 2)
    assert 0 == server.stop()


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_view_that_holds_the_lock_is_named_and_its_worker_replaced(
    interface: str, serve: Callable[..., Server]
) -> None:
    server = serve(APP, "--workers", "2", "--worker-timeout", "4", "--interface", interface)
    before = set(workers_of(server))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask_and_lose, server, "/hold/60")
        wait_for(lambda: "has given no sign of life" in server.err)
        (hung,) = re.findall(r"pid (\d+)\) has given no sign of life", server.err)
        wait_for(lambda: int(hung) not in workers_of(server))
    assert "it holds the interpreter's lock in C code" in server.err
    assert "It worked on: GET /hold/<int:seconds> (" in server.err
    assert 'served.py", line 11 in sleep_in_c' in server.err
    assert 'served.py", line 16 in hold' in server.err
    # Threads that only wait for work are left out.
    assert "threads.py" not in server.err
    wait_for(lambda: len(set(workers_of(server)) & before) == 1)
    assert 200 == server.get("/pid")[0]
    assert 0 == server.stop()


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_a_view_that_blocks_the_loop_is_named_and_gets_to_its_end(
    interface: str, serve: Callable[..., Server]
) -> None:
    server = serve(APP, "--workers", "2", "--worker-timeout", "3", "--interface", interface)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.get, "/block/9")
        wait_for(lambda: "has not come to its event loop" in server.err)
        (blocked,) = re.findall(r"pid (\d+)\) has not come to its event loop", server.err)
        assert int(blocked) not in ask_often(server)
        # Its successor is there before it ends, and it is not killed.
        assert (200, blocked.encode()) == answer.result()
    wait_for(lambda: int(blocked) not in workers_of(server))
    assert 'served.py", line 21 in block' in server.err
    assert "killed" not in server.err
    assert 0 == server.stop()


def test_views_that_compute_or_wait_for_long_are_left_alone(serve: Callable[..., Server]) -> None:
    server = serve(APP, "--threads", "4", "--worker-timeout", "2")
    (worker,) = workers_of(server)
    with ThreadPoolExecutor(3) as pool:
        answers = [*pool.map(server.get, ["/compute/7"] * 3)]
    assert [(200, str(worker).encode())] * 3 == answers
    # A pause that ends in time is none.
    os.kill(worker, signal.SIGSTOP)
    time.sleep(1)
    os.kill(worker, signal.SIGCONT)
    time.sleep(2)
    assert [worker] == workers_of(server)
    assert "sign of life" not in server.err


def test_a_server_that_was_paused_as_a_whole_goes_on(serve: Callable[..., Server]) -> None:
    server = serve(APP, "--workers", "2", "--worker-timeout", "2")
    workers = workers_of(server)
    everyone = [*workers, server.process.pid]
    for pid in everyone:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(5)
    # The parent first: it could be hasty.
    for pid in reversed(everyone):
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.3)
    time.sleep(2.5)
    assert set(workers) == set(workers_of(server))
    assert {*workers} >= ask_often(server)
    assert "sign of life" not in server.err


def test_a_worker_that_a_debugger_holds_is_left_alone(serve: Callable[..., Server]) -> None:
    """Attached and stopped as by gdb and strace: ptrace(2)."""
    import ctypes

    server = serve(APP, "--workers", "1", "--worker-timeout", "1")
    (worker,) = workers_of(server)
    attach, detach = 16, 17
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(attach, worker, None, None):
        pytest.skip(f"this system lets nobody attach: {os.strerror(ctypes.get_errno())}")
    os.waitpid(worker, 0)
    time.sleep(4)
    assert [worker] == workers_of(server)
    assert 0 == libc.ptrace(detach, worker, None, None)
    assert (200, str(worker).encode()) == server.get("/pid")
    assert "sign of life" not in server.err


def test_without_a_time_limit_nothing_is_replaced(serve: Callable[..., Server]) -> None:
    server = serve(APP, "--worker-timeout", "0")
    (worker,) = workers_of(server)
    os.kill(worker, signal.SIGSTOP)
    time.sleep(5)
    os.kill(worker, signal.SIGCONT)
    assert (200, str(worker).encode()) == server.get("/pid")
    assert "sign of life" not in server.err


def test_a_worker_that_cannot_end_is_shown_before_it_is_killed(
    serve: Callable[..., Server],
) -> None:
    server = serve(APP, "--stop-timeout", "1")
    (worker,) = workers_of(server)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask_and_lose, server, "/hold/60")
        time.sleep(2)
        assert 0 == server.stop()
    assert f"Worker 1 (pid {worker}) does not end. It worked on: GET /hold" in server.err
    assert 'served.py", line 16 in hold' in server.err
    assert f"Worker 1 (pid {worker}) did not end within 1 s and is killed." in server.err
