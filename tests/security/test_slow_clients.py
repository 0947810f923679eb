"""Who begins something and does not go on is given up; who waits for an answer is not."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest

from tests.running import Server

pytestmark = pytest.mark.slow

PROGRAM = """
import time
from kolben import Flask, request

app = Flask(__name__)

@app.route("/", methods=["GET", "POST"])
def home():
    return request.get_data() or "home"

@app.route("/long")
def long():
    time.sleep(3)
    return "long"
"""
TIMEOUT_S = 1
# Longer than every time-out, with what a busy machine adds.
AT_MOST_S = 30
LIMITS = [f"--{name}-timeout={TIMEOUT_S}" for name in ("header", "body", "silent")]
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
# What is sent, and how the answer begins.
GIVEN_UP = {
    "a byte": b"G",
    "half of the headers": HEAD,
    "half a header": b"GET / HTTP/1.1\r\nX: ",
    "no next request": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}
HALF_PREFACE = "half of a preface"
SILENT = {"nothing": b"", HALF_PREFACE: b"PRI * HTTP/2"}
HALF_BODIES = {
    "a short one": HEAD + b"Content-Length: 10\r\n\r\n123",
    "none of it": HEAD + b"Content-Length: 10\r\n\r\n",
    "a long one": HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 100_000,
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
}
Outcome = tuple[bytes, float]


@pytest.fixture(scope="module", params=["wsgi", "asgi", "rsgi"])
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, dict[str, Outcome]]]:
    """Have all clients there at once; return the interface, and what became of each of them."""
    folder = tmp_path_factory.mktemp("slow")
    (folder / "patient.py").write_text(PROGRAM)
    server = Server(folder, "patient", "--interface", request.param, "--threads=8", *LIMITS)
    clients: dict[str, Callable[[Server], Outcome]] = {
        name: partial(send, data) for name, data in {**GIVEN_UP, **SILENT}.items()
    }
    if request.param != "wsgi":
        clients.update((name, partial(send, data)) for name, data in HALF_BODIES.items())
    clients["long view"] = partial(send, b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
    clients["slow body"] = send_slowly
    try:
        server.wait_until_ready()
        with ThreadPoolExecutor(len(clients)) as threads:
            found = {name: threads.submit(client, server) for name, client in clients.items()}
        yield request.param, {name: future.result() for name, future in found.items()}
    finally:
        server.end()


def send(data: bytes, server: Server) -> Outcome:
    """Send bytes and nothing more; return what comes until the server closes, and when it does."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=AT_MOST_S) as connection:
        connection.sendall(data)
        return read(connection), time.monotonic() - began


def send_slowly(server: Server) -> Outcome:
    """Send a body of which something comes in time, each time."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=AT_MOST_S) as connection:
        connection.sendall(HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(4):
            time.sleep(TIMEOUT_S * 0.5)
            connection.sendall(b"1\r\nx\r\n")
        connection.sendall(b"0\r\n\r\n")
        return read(connection), time.monotonic() - began


def read(connection: socket.socket) -> bytes:
    received = b""
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            received += part
    return received


def test_who_does_not_go_on_is_given_up(outcomes: tuple[str, dict[str, Outcome]]) -> None:
    for name in GIVEN_UP:
        received, took_s = outcomes[1][name]
        assert took_s > TIMEOUT_S * 0.9, name
        assert received.endswith(b"home") == (name == "no next request"), name


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what came")
def test_who_says_nothing_is_given_up(outcomes: tuple[str, dict[str, Outcome]]) -> None:
    interface, found = outcomes
    # HTTP/2 is not spoken over WSGI: there the preface is a bad request.
    silent = {"nothing"} if interface == "wsgi" else SILENT.keys()
    for name in silent:
        received, took_s = found[name]
        assert b"" == received, name
        assert took_s > TIMEOUT_S * 0.9, name


def test_half_of_a_preface_is_refused_over_wsgi(outcomes: tuple[str, dict[str, Outcome]]) -> None:
    """And not waited for: who is given up gets no answer. read() returns when it is closed."""
    interface, found = outcomes
    assert found[HALF_PREFACE][0].startswith(b"HTTP/1.1 400") == (interface == "wsgi")


def test_who_sends_half_a_body_is_told(outcomes: tuple[str, dict[str, Outcome]]) -> None:
    """Not over WSGI, where nobody can be woken who waits for a body: docs/security.md."""
    interface, found = outcomes
    for name in () if interface == "wsgi" else HALF_BODIES:
        received, took_s = found[name]
        assert received.startswith(b"HTTP/1.1 408"), name
        assert took_s > TIMEOUT_S * 0.9, name


def test_a_view_that_takes_long_is_waited_for(outcomes: tuple[str, dict[str, Outcome]]) -> None:
    """It is silent for longer than any of the time-outs."""
    received, took_s = outcomes[1]["long view"]
    assert received.endswith(b"long")
    assert took_s > 3


def test_a_body_that_comes_slowly_but_comes_is_read(
    outcomes: tuple[str, dict[str, Outcome]],
) -> None:
    assert outcomes[1]["slow body"][0].endswith(b"xxxx")
