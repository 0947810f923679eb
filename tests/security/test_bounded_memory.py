"""What clients choose fills no memory, and no table whose hashes are known."""

from __future__ import annotations

import gc
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kolben import Flask, render_template_string
from kolben.core import body, cookies, hosts, outgoing, pages, quick_bodies, response
from kolben.json import text
from kolben.sessions import _serializer_for
from kolben.string_templates import MOST_SOURCES
from tests import running
from tests.running import find_free_port
from tests.security.ways import EnvironWay, Server
from tests.server import http2

MANY = 3_000
KEPT: dict[str, tuple[Callable[[], int], int]] = {
    "hosts": (lambda: len(hosts.known_hosts), hosts._MOST_KNOWN),
    "headers": (lambda: len(outgoing._known), outgoing._MOST_KNOWN),
    "statuses": (lambda: len(outgoing._known_statuses), outgoing._MOST_KNOWN),
    "kinds of cookies": (lambda: len(cookies._around), cookies._MOST_KINDS),
    "signing keys": (lambda: _serializer_for.cache_info().currsize, 32),
    "writers of JSON": (lambda: text.json_writer.cache_info().currsize, 64),
    "content types": (lambda: body._parse_kept.cache_info().currsize, 128),
    "types of bodies": (lambda: quick_bodies._mimetype.cache_info().currsize, 128),
    "pages": (lambda: pages._usual_body.cache_info().currsize, 64),
    "status lines": (lambda: response._status_line.cache_info().currsize, 128),
}


def ask_for_everything(way: EnvironWay, number: int) -> None:
    """Send a request of which every part is one that was not there before."""
    way.ask(
        f"/path/{number}?a{number}=b{number}",
        headers=[
            ("Host", f"host-{number}.example"),
            ("Cookie", f"session=a.{number}.b; c{number}=d"),
            ("Accept", f"a/b{number}"),
            (f"X-{number}", str(number)),
        ],
    )
    way.post_json("/header", [["X-A", str(number)]])
    way.post_json("/status", f"{200 + number % 700} reason {number}")
    way.post("/form", b"a=b", f"a/b; c={number}")
    way.ask(f"/missing/{number}", method=f"M{number}")
    way.ask(f"/session/{number}", "POST")


def test_nothing_that_is_kept_grows_with_the_requests(environ_way: EnvironWay) -> None:
    for number in range(MANY):
        ask_for_everything(environ_way, number)
    sizes = {name: (size(), most) for name, (size, most) in KEPT.items()}
    assert all(0 < size <= most for size, most in sizes.values()), sizes


def test_requests_leave_no_objects_behind(environ_way: EnvironWay) -> None:
    def count(requests: int) -> int:
        for number in range(requests):
            ask_for_everything(environ_way, count.number + number)  # type: ignore[attr-defined]
        count.number += requests  # type: ignore[attr-defined]
        gc.collect()
        return len(gc.get_objects())

    count.number = 10_000  # type: ignore[attr-defined]
    count(700)  # fills what is kept
    before = count(1)
    assert count(300) - before < 300


def test_a_route_is_found_without_a_memory_of_paths(app: Flask) -> None:
    way = EnvironWay(app)
    way.ask("/path/x")
    held = total_size(app.engine.router)
    for number in range(500):
        way.ask(f"/path/{number}")
        way.ask(f"/nowhere/{number}")
    assert total_size(app.engine.router) == held


def total_size(thing: Any) -> int:
    """Count the items of all that an object's slots hold."""
    seen: set[int] = set()

    def count(item: Any) -> int:
        if id(item) in seen or isinstance(item, (str, int, type)):
            return 0
        seen.add(id(item))
        if isinstance(item, dict):
            return len(item) + sum(map(count, item.values()))
        if isinstance(item, (list, tuple)):
            return len(item) + sum(map(count, item))
        slots = getattr(type(item), "__slots__", ())
        if type(item).__module__ == "kolben.core.router":
            return sum(count(getattr(item, name)) for name in slots)
        return 0

    return count(thing)


def test_string_templates_are_bounded(app: Flask) -> None:
    with app.app_context():
        for number in range(MOST_SOURCES + 50):
            render_template_string(f"{number} {{{{ 1 }}}}")
        kept = app.jinja_env._strings._compiled.cache_info().currsize
    assert 0 < kept <= MOST_SOURCES


def test_the_memory_of_a_server_does_not_grow_with_the_requests(server: Server) -> None:
    """Peak memory after 300 requests of 256 KiB is that after 30, but for a few MiB."""

    def peak(requests: int) -> int:
        form = b"&".join(b"%x=%x" % (number, number) for number in range(9_000))
        for number in range(requests):
            server.post_form(f"/form-size?{number}", form)
        return server.peak_memory_bytes()

    first = peak(30)
    assert peak(100) - first < 8 * 2**20


# Hashes.


def serve(seed: str, app: str) -> subprocess.CompletedProcess[str]:
    """Run `kolben serve` to its end, which must come by itself."""
    command = [
        sys.executable,
        "-m",
        "kolben",
        "--app",
        app,
        "serve",
        "--port",
        str(find_free_port()),
    ]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_serving_with_known_hashes_is_refused() -> None:
    done = serve("0", str(Path(__file__).with_name("target.py")))
    assert done.returncode != 0
    assert "PYTHONHASHSEED=0" in done.stderr
    assert "Unset it" in done.stderr


def test_served_workers_hash_each_in_their_own_way(server: Server) -> None:
    assert server.ask("/hashes").json == {"randomized": True}


@pytest.mark.parametrize("seed", ["random", "1"])
def test_serving_with_other_hashes_gets_past_that(seed: str) -> None:
    done = serve(seed, "nowhere_to_be_found")
    assert "nowhere_to_be_found" in done.stderr
    assert "PYTHONHASHSEED" not in done.stderr


# Clients that do not read.

LARGE = """
from kolben import Flask, Response

app = Flask(__name__)
PIECE = b"x" * 65536

@app.get("/")
def home():
    return "home"

@app.get("/whole")
def whole():
    return Response(bytes(8 * 2**20))

@app.get("/pieces")
def pieces():
    return Response(PIECE for _ in range(128))
"""
MEBIBYTE = 2**20
MOST_UNSENT = 48 * MEBIBYTE


def resident_bytes(server: running.Server) -> int:
    """Return the memory that a server's one worker has."""
    pid = server.process.pid
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[-1:]
    status = Path(f"/proc/{child}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if "VmRSS" in line)) * 1024


def ask_and_not_read(port: int, path: str, streams: int) -> socket.socket:
    """Ask over HTTP/1, or so many times over HTTP/2 with all the windows that there can be."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    if not streams:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return connection
    wide = struct.pack(">HI", 4, 2**31 - 1)
    more = http2.frame(8, 0, 0, struct.pack(">I", 2**31 - 1 - 65535))
    connection.sendall(http2.PREFACE + http2.frame(http2.SETTINGS, 0, 0, wide) + more)
    fields = {":method": "GET", ":scheme": "http", ":path": path, ":authority": "localhost"}
    block = b"".join(http2.header(*field) for field in fields.items())
    flags = http2.END_STREAM | http2.END_HEADERS
    for number in range(streams):
        connection.sendall(http2.frame(http2.HEADERS, flags, 2 * number + 1, block))
    return connection


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a socket has taken")
@pytest.mark.parametrize("interface", ["rsgi", "asgi"])
@pytest.mark.parametrize(
    ("path", "clients", "streams"),
    [("/whole", 60, 0), ("/whole", 1, 64), ("/pieces", 12, 64)],
    ids=["HTTP/1", "one over HTTP/2", "streams over HTTP/2"],
)
def test_clients_that_do_not_read_fill_no_memory(
    tmp_path: Path, interface: str, path: str, clients: int, streams: int
) -> None:
    """Without a bound the answers to each of these kinds of clients are 480 MiB and more."""
    (tmp_path / "large.py").write_text(LARGE)
    options = [f"--interface={interface}", "--threads=2", "--spare-threads=0"]
    server = running.Server(tmp_path, "large", *options, f"--max-unsent={MOST_UNSENT}")
    connections: list[socket.socket] = []
    try:
        server.wait_until_ready()
        assert server.get("/")[0] == 200
        before, most = resident_bytes(server), 0
        for _ in range(clients):
            with suppress(OSError):
                connections.append(ask_and_not_read(server.port, path, streams))
        end = time.monotonic() + 4
        while time.monotonic() < end:
            most = max(most, resident_bytes(server))
            time.sleep(0.05)
        # Twice as much for a second, and what threads, loop and Granian have in hand.
        assert most - before < 2 * MOST_UNSENT + 192 * MEBIBYTE
        # Who reads is served meanwhile, whole.
        status, body = server.get("/whole")
        assert (status, len(body)) == (200, 8 * MEBIBYTE)
    finally:
        for connection in connections:
            connection.close()
        server.end()
