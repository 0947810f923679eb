"""Streams that fail, on real servers: a 500 before the first piece, else all pieces and no end."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import Server, find_free_port, is_open, wait_for

pytestmark = pytest.mark.slow

APP = """\
from flask import Flask, Response, request, stream_with_context

app = Flask(__name__)

def pieces(count):
    yield ""
    for _ in range(count):
        yield "0123456789"
    raise ValueError("in the stream")

async def pieces_async(count):
    for piece in pieces(count):
        yield piece

@app.get("/generator/<int:count>")
def generator(count):
    return pieces(count)

@app.get("/response/<int:count>")
def response(count):
    return Response(pieces(count), headers={"X-A": "b"})

@app.get("/length/<int:count>")
def length(count):
    return Response(pieces(count), headers={"Content-Length": "100000"})

@app.get("/context/<int:count>")
def context(count):
    return Response(stream_with_context(pieces(count)))

@app.get("/async/<int:count>")
async def later(count):
    return pieces_async(count)

@app.get("/bare/<int:count>")
def bare(count):
    # Without an empty piece, with which the development server sends the status.
    stream = pieces(count)
    next(stream)
    return stream

@app.get("/")
def index():
    return "well"
"""
WRAPPED = f"{APP}\ninner = app.wsgi_app\napp.wsgi_app = lambda *args: inner(*args)\n"
VIEWS = {
    "generator": "generator",
    "response": "response",
    "length": "length",
    "context": "context",
    "async": "later",
}
INTERFACES = ["wsgi", "asgi", "rsgi"]
REQUEST = "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def check(server: Server, view: str) -> None:
    """Ask for streams of one view, often enough for what a race would lose."""
    for _ in range(5):
        failed = server.send(REQUEST.format(f"/{view}/0").encode())
        assert failed.startswith(b"HTTP/1.1 500 "), view
        assert b"Internal Server Error</h1>" in failed, view
        assert b"x-a: b" not in failed, view
        begun = server.send(REQUEST.format(f"/{view}/3").encode())
        assert begun.startswith(b"HTTP/1.1 200 "), view
        assert 3 == begun.count(b"0123456789"), view
        assert not begun.endswith(b"0\r\n\r\n"), view


@pytest.mark.parametrize("source", [APP, WRAPPED], ids=["alone", "in middleware"])
@pytest.mark.parametrize("interface", INTERFACES)
def test_a_stream_that_fails_is_a_500_or_has_all_pieces_and_no_end(
    serve: Callable[..., Server], interface: str, source: str
) -> None:
    server = serve(source, "--interface", interface)
    for path, view in VIEWS.items():
        check(server, path)
        for count in (0, 3):
            line = f"Exception on /{path}/{count} [GET] in the stream of the view {view!r}"
            assert 5 == server.err.count(line), view
    assert (200, b"well") == server.get("/")


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_client_that_reads_slowly_gets_them_too(
    serve: Callable[..., Server], interface: str
) -> None:
    server = serve(APP, "--interface", interface)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(REQUEST.format("/generator/2000").encode())
        received = b""
        while part := connection.recv(1000):
            received += part
    assert 2000 == received.count(b"0123456789")


def test_the_development_server_tells_of_the_view(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(APP)
    port = find_free_port()
    command = [sys.executable, "-m", "kolben", "--app", "served", "run", "--port", str(port)]
    output = tmp_path / "output"
    with output.open("w") as log:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    try:
        wait_for(lambda: is_open(port))
        for count, status in ((0, b"500"), (3, b"200")):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(REQUEST.format(f"/bare/{count}").encode())
                received = b""
                while part := connection.recv(65536):
                    received += part
            assert status == received[9:12]
            assert count == received.count(b"0123456789")
            line = f"Exception on /bare/{count} [GET] in the stream of the view 'bare'"
            assert line in output.read_text()
    finally:
        process.terminate()
        process.wait(10)
