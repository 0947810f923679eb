"""Request headers beyond ASCII are read, or refused and told of, on real servers; never missing."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.running import Server

pytestmark = pytest.mark.slow

APP = """\
from flask import Flask, request, session, websocket

app = Flask(__name__)
app.secret_key = "a key of the tests"

@app.get("/login")
def login():
    session["user"] = "anna"
    return "in"

@app.route("/who", methods=["GET", "POST"])
def who():
    return {"user": session.get("user"), "note": request.headers.get("X-Note")}

@app.get("/async")
async def waiting():
    return {"user": session.get("user"), "note": request.headers.get("X-Note")}

@app.get("/plain")
def plain():
    return "plain"

@app.websocket("/socket")
async def socket():
    await websocket.send(session.get("user"))
"""
HANDSHAKE = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
CLOSE = b"Connection: close\r\n"
NAME = "Z\xfcrich".encode()


def ask(server: Server, line: bytes, headers: bytes) -> tuple[bytes, bytes]:
    """Return the number and the body of the answer."""
    answer = server.send(line + b" HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    return head[9:12], body


def log_in(server: Server) -> bytes:
    """Return the value of a session's cookie."""
    answer = server.send(b"GET /login HTTP/1.1\r\nHost: localhost\r\n" + CLOSE + b"\r\n")
    return answer.partition(b"session=")[2].partition(b";")[0]


@pytest.mark.parametrize("interface", ["asgi", "rsgi", "wsgi"])
def test_a_header_beyond_ascii_is_read_or_the_request_refused(
    serve: Callable[..., Server], interface: str
) -> None:
    server = serve(APP, "--interface", interface)
    cookie = b"Cookie: session=" + log_in(server)
    assert (b"200", b'{"note":null,"user":"anna"}\n') == ask(
        server, b"GET /who", cookie + b"\r\n" + CLOSE
    )
    cookie += b"; city=" + NAME + b"\r\n" + CLOSE
    note = b"X-Note: " + NAME + b"\r\n" + CLOSE
    form = b"Content-Length: 3\r\n\r\na=b"
    if interface == "asgi":
        assert (b"200", b'{"note":null,"user":"anna"}\n') == ask(server, b"GET /who", cookie)
        assert b"Z\\u00c3\\u00bcrich" in ask(server, b"GET /async", note)[1]
        assert "beyond ASCII" not in server.err
        return
    for line in (b"GET /who", b"GET /async", b"GET /plain", b"GET /nowhere"):
        assert b"400" == ask(server, line, cookie)[0], line
        assert b"400" == ask(server, line, note)[0], line
    assert b"400" == ask(server, b"POST /who", note + form)[0]
    for name in ("cookie", "x-note"):
        assert 1 == server.err.count(f"its header {name!r} has bytes beyond ASCII")
    assert 2 == server.err.count("--interface asgi")


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_so_is_that_of_a_handshake(serve: Callable[..., Server], interface: str) -> None:
    server = serve(APP, "--interface", interface)
    cookie = b"Cookie: session=" + log_in(server) + b"; city=" + NAME + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET /socket HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE + cookie)
        connection.sendall(b"\r\n")
        answer = connection.recv(65536)
        if interface == "asgi":
            while b"anna" not in answer:
                part = connection.recv(65536)
                assert part
                answer += part
    assert answer[9:12] == (b"101" if interface == "asgi" else b"400")
    assert (interface == "rsgi") is ("its header 'cookie' has bytes beyond ASCII" in server.err)


def test_a_header_without_a_value_is_no_reason_to_refuse(serve: Callable[..., Server]) -> None:
    server = serve(APP, "--interface", "rsgi")
    headers = b"X-Note:\r\nCookie:\r\nAccept: a\r\nAccept: b\r\n" + CLOSE
    assert (b"200", b'{"note":"","user":null}\n') == ask(server, b"GET /who", headers)


def test_over_wsgi_it_is_where_http_does_not_allow_that(serve: Callable[..., Server]) -> None:
    """Granian says the same of one that it cannot read."""
    server = serve(APP, "--interface", "wsgi")
    allowed = b"Accept-Encoding:\r\nReferer:\r\n" + CLOSE
    assert b"200" == ask(server, b"GET /who?", allowed)[0]
    assert b"400" == ask(server, b"GET /who", b"X-Note:\r\n" + CLOSE)[0]
    assert b"400" == ask(server, b"GET /who", b"Content-Type:\r\n" + CLOSE)[0]
