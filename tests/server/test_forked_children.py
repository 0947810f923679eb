"""Children of a worker: what becomes of them is theirs alone, however they were made."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kolben.server.settings import check_port
from tests.running import Server, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="fork is POSIX's"),
]

INTERFACES = ["wsgi", "asgi", "rsgi"]
METHODS = ["fork", "spawn", "forkserver"]

APP = """\
import asyncio, atexit, multiprocessing, os, signal, subprocess, sys, time
from flask import Flask, current_app

app = Flask(__name__)
kept = []
atexit.register(lambda: open(f"atexit-{os.getpid()}", "w").close())

def sleep():
    time.sleep(60)

def square(number):
    return number * number

@app.get("/pid")
def pid():
    return str(os.getpid())

@app.get("/fork")
def fork():
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    return str(child)

@app.get("/process/<method>/<int:daemon>")
def process(method, daemon):
    child = multiprocessing.get_context(method).Process(target=sleep, daemon=bool(daemon))
    child.start()
    kept.append(child)
    return str(child.pid)

@app.get("/program")
def program():
    kept.append(subprocess.Popen(["sleep", "60"], close_fds=False))
    return str(kept[-1].pid)

@app.get("/pool/<method>")
def pool(method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        return str(sum(pool.map(square, range(5))))

@app.get("/terminate/<method>")
def terminate(method):
    child = multiprocessing.get_context(method).Process(target=sleep)
    child.start()
    time.sleep(0.3)
    child.terminate()
    child.join(20)
    return str(child.exitcode)

@app.get("/kill/<int:number>")
def kill(number):
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    os.kill(child, number)
    return str(-os.WTERMSIG(os.waitpid(child, 0)[1]))

def leave(how):
    child = os.fork()
    if child:
        return child
    if how == "exit":
        sys.exit(3)
    if how == "text":
        sys.exit("sorry")
    if how == "none":
        sys.exit()
    if how == "raise":
        raise ZeroDivisionError
    return None

@app.get("/leave/<how>")
def leave_plainly(how):
    child = leave(how)
    if child is None:
        return "from the child"
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

@app.get("/leave/async/<how>")
async def leave_later(how):
    child = leave(how)
    if child is None:
        return "from the child"
    await asyncio.sleep(0.3)
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

@app.get("/test-client")
def test_client():
    child = os.fork()
    if not child:
        # Its own requests, those for the loop among them, are its own business.
        answers = [current_app.test_client().get(path).status_code for path in ("/pid", "/later")]
        os._exit(answers != [200, 200])
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

@app.get("/later")
async def later():
    await asyncio.sleep(0)
    return "later"

@app.after_serving
def note_end():
    open(f"ended-{os.getpid()}", "w").close()
"""


@pytest.fixture
def start(serve: Callable[..., Server]) -> Iterator[Callable[..., Server]]:
    """Start a server of the app; end what its views have left, when the test ends."""
    children: list[int] = []

    def begin(*options: str) -> Server:
        server = serve(APP, *options)
        server.children = children  # type: ignore[attr-defined]  # for what ends them
        return server

    yield begin
    for child in children:
        if os.path.exists(f"/proc/{child}"):
            os.kill(child, signal.SIGKILL)


def make_child(server: Server, path: str) -> int:
    """Have a view make a child that sleeps; return its number."""
    status, body = server.get(path)
    assert 200 == status
    server.children.append(int(body))  # type: ignore[attr-defined]  # see start
    return int(body)


def sockets_of(pid: int) -> set[str]:
    """Return what `/proc` calls the sockets of a process."""
    folder = f"/proc/{pid}/fd"
    links = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
    return {link for link in links if link.startswith("socket:")}


def is_gone(pid: int) -> bool:
    """Say whether a process has ended, whoever may still have to take note of it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def listening_sockets(port: int) -> set[str]:
    """Return what `/proc` calls the sockets that listen on a port."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return {
        f"socket:[{row[9]}]"
        for row in rows
        if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port
    }


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_signal_to_a_child_ends_that_child_alone(
    interface: str, start: Callable[..., Server]
) -> None:
    server = start("--interface", interface)
    worker = server.get("/pid")[1]
    for number in [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1] * 3:
        assert (200, f"-{number:d}".encode()) == server.get(f"/kill/{number:d}")
    assert (200, worker) == server.get("/pid")
    assert "has ended" not in server.err


@pytest.mark.parametrize("interface", INTERFACES)
def test_multiprocessing_works_in_views(interface: str, start: Callable[..., Server]) -> None:
    server = start("--interface", interface)
    worker = server.get("/pid")[1]
    for method in METHODS:
        assert (200, b"-15") == server.get(f"/terminate/{method}")
        assert (200, b"30") == server.get(f"/pool/{method}")
    assert (200, worker) == server.get("/pid")
    assert 0 == server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are looked at in /proc")
@pytest.mark.parametrize("interface", INTERFACES)
def test_children_that_live_on_hold_no_socket_of_the_server(
    interface: str, start: Callable[..., Server]
) -> None:
    server = start("--interface", interface, "--stop-timeout", "2")
    paths = ["/fork", "/program", *(f"/process/{method}/0" for method in METHODS)]
    children = [make_child(server, path) for path in paths]
    listening = listening_sockets(server.port)
    assert listening <= sockets_of(int(server.get("/pid")[1]))
    for path, child in zip(paths, children, strict=True):
        assert (path, set()) == (path, listening & sockets_of(child))
    assert 0 == server.stop()
    assert [False] * 5 == [is_gone(child) for child in children]
    assert set() == listening_sockets(server.port)
    # Another server can have the port at once.
    check_port("127.0.0.1", server.port)


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_worker_that_is_killed_is_replaced_although_its_child_lives_on(
    interface: str, start: Callable[..., Server]
) -> None:
    server = start("--interface", interface)
    worker = int(server.get("/pid")[1])
    child = make_child(server, "/fork")
    os.kill(worker, signal.SIGKILL)
    assert worker != int(server.get("/pid")[1])
    assert not is_gone(child)


@pytest.mark.parametrize("interface", INTERFACES)
def test_daemon_children_end_with_their_worker(
    interface: str, start: Callable[..., Server]
) -> None:
    server = start("--interface", interface)
    children = [make_child(server, f"/process/{method}/1") for method in METHODS]
    assert 0 == server.stop()
    for child in children:
        wait_for(lambda child=child: is_gone(child))  # type: ignore[misc]  # bound at once


def test_daemon_children_end_with_a_worker_that_is_cut_off(start: Callable[..., Server]) -> None:
    server = start("--stop-timeout", "2")
    daemon, other = make_child(server, "/process/fork/1"), make_child(server, "/process/fork/0")
    assert 0 == server.stop()
    wait_for(lambda: is_gone(daemon))
    assert not is_gone(other)
    # Python waits for it: that is why the worker did not end by itself.
    assert re.search(rf"is held up by child process \S*Process-\S+ \(pid {other}\)", server.err)


@pytest.mark.parametrize("kind", ["", "async/"])
@pytest.mark.parametrize("interface", INTERFACES)
def test_a_child_that_comes_back_to_the_server_ends_there(
    interface: str, kind: str, start: Callable[..., Server]
) -> None:
    server = start("--interface", interface)
    worker = int(server.get("/pid")[1])
    expected = {"exit": b"3", "none": b"0", "text": b"1", "return": b"0"}
    answers = {how: server.get(f"/leave/{kind}{how}")[1] for how in expected}
    assert expected == answers
    # The page of the error is made before it comes back, in some of the ways.
    assert server.get(f"/leave/{kind}raise")[1] in {b"0", b"1"}
    assert (200, str(worker).encode()) == server.get("/pid")
    assert 2 == server.err.count("Have it end itself, with os._exit()")
    assert 1 == server.err.count("sorry\n")
    assert 0 == server.stop()
    # The worker's ending is run by the worker, once.
    assert [f"ended-{worker}"] == [file.name for file in server.folder.glob("ended-*")]
    assert [] == [*server.folder.glob("atexit-*")]


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_child_may_use_the_app_by_itself(interface: str, start: Callable[..., Server]) -> None:
    server = start("--interface", interface)
    assert (200, b"0") == server.get("/test-client")


def test_many_forks_at_once_leave_the_worker_as_it_is(start: Callable[..., Server]) -> None:
    server = start("--threads", "8")
    worker = server.get("/pid")[1]
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(server.get, ["/kill/15"] * 40)]
    assert {(200, b"-15")} == set(answers)
    assert (200, worker) == server.get("/pid")
    began = time.monotonic()
    assert 0 == server.stop()
    assert time.monotonic() - began < 10
