"""Response headers that a server cannot send as they are, on real servers, down to the bytes."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.running import Server
from tests.server.http2 import Connection

pytestmark = pytest.mark.slow

APP = """\
from flask import Flask, Response, abort, request, send_file
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest

app = Flask(__name__)
HEADERS = {
    "chunked": [("Transfer-Encoding", "chunked")],
    "gzip": [("transfer-encoding", "gzip, chunked"), ("Content-Length", "5")],
    "kept alive": [("Connection", "Keep-Alive"), ("Keep-Alive", "timeout=5")],
    "named": [("Connection", "X-Hop, close"), ("X-Hop", "1"), ("X-Kept", "2")],
    "proxy's": [("Proxy-Connection", "keep-alive"), ("TE", "trailers"), ("Trailer", "X-Sum")],
    "upgrade": [("Connection", "Upgrade"), ("Upgrade", "h2c")],
    "two lengths": [("Content-Length", "5"), ("Content-Length", "6")],
    "no length": [("Content-Length", "five")],
    "plain": [("X-Kept", "1"), ("Connection", "keep-alive")],
    "close": [("Connection", "close")],
    "latin": [("X-City", "Z\\xfcrich")],
    "utf-8": [("X-City", "Z\\xfcrich".encode().decode("latin-1"))],
    "cookie": [("Set-Cookie", "city=Z\\xfcrich".encode().decode("latin-1"))],
}

def add(response, name):
    response.headers.extend(HEADERS[name])
    return response

@app.route("/list/<name>", methods=["GET", "POST"])
def as_list(name):
    response = Response(b"hello")
    del response.headers["Content-Length"]
    return add(response, name)

@app.route("/stream/<name>", methods=["GET", "POST"])
def as_stream(name):
    return add(Response(iter([b"he", b"llo"])), name)

@app.get("/file/<name>")
def as_file(name):
    response = send_file(__file__)
    return add(response, name)

@app.get("/async/<name>")
async def as_async(name):
    return add(Response(b"hello"), name)

@app.get("/error/<name>")
def as_error(name):
    abort(418)

@app.errorhandler(418)
def page(error):
    return add(Response(b"hello", 418), request.view_args["name"])

@app.get("/named")
def named():
    return "text", "200 Fine"

@app.get("/no-name")
def no_name():
    return "text", "299 Mine"

@app.get("/to-upgrade")
def to_upgrade():
    return add(Response(b"hello", 426), "upgrade")
"""
WRAPPED = f"{APP}\ninner = app.wsgi_app\napp.wsgi_app = lambda *args: inner(*args)\n"

INTERFACES = ["wsgi", "asgi", "rsgi"]
WAYS = ["list", "stream", "async", "error"]
DROPPED = [
    "chunked",
    "gzip",
    "kept alive",
    "named",
    "proxy's",
    "upgrade",
    "two lengths",
    "no length",
]
# What the server itself says of the connection and of the body.
OWN = {b"date", b"server", b"content-type", b"content-length"}


@pytest.fixture(params=INTERFACES)
def interface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ask(server: Server, path: str) -> tuple[bytes, list[bytes], bytes]:
    """Return the status line, the headers but for the usual ones, and the body as it was sent."""
    target = path.replace(" ", "%20")
    data = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    head, _, body = server.send(data.encode()).partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    return status, [line for line in lines if line.split(b":")[0].lower() not in OWN], body


@pytest.mark.parametrize("source", [APP, WRAPPED], ids=["alone", "in middleware"])
def test_headers_of_the_connection_are_left_out_and_told_once_per_view(
    serve: Callable[..., Server], interface: str, source: str
) -> None:
    server = serve(source, "--interface", interface)
    for way in WAYS:
        for name in DROPPED * 2:
            status, headers, body = ask(server, f"/{way}/{name}")
            assert status.split()[1] == (b"418" if way == "error" else b"200"), (way, name)
            assert b"hello" in body or b"2\r\nhe\r\n3\r\nllo\r\n" in body, (way, name)
            others = [b"x-kept: 2"] if name == "named" else []
            framing = [line for line in headers if line == b"transfer-encoding: chunked"]
            assert sorted(headers) == sorted([b"connection: close", *framing, *others]), (way, name)
    told = [line for line in server.err.splitlines() if "for the server to set" in line]
    assert len(told) == len(WAYS)
    for view in ("as_list", "as_stream", "as_async", "as_error"):
        assert sum(f"view {view!r}" in line for line in told) == 1


def test_a_file_with_headers_of_the_connection_is_sent(
    serve: Callable[..., Server], interface: str
) -> None:
    server = serve(APP, "--interface", interface)
    for name in ("chunked", "upgrade", "named"):
        status, headers, body = ask(server, f"/file/{name}")
        assert status == b"HTTP/1.1 200 OK"
        assert body == APP.encode()
        assert not [
            line for line in headers if line.startswith((b"upgrade", b"transfer", b"x-hop"))
        ]
    assert server.err.count("for the server to set") == 1


def test_what_says_nothing_wrong_is_not_told_of(
    serve: Callable[..., Server], interface: str
) -> None:
    server = serve(APP, "--interface", interface)
    for way in WAYS:
        assert b"x-kept: 1" in ask(server, f"/{way}/plain")[1]
    assert "for the server to set" not in server.err


def test_close_is_said_by_the_app(serve: Callable[..., Server], interface: str) -> None:
    """The connection ends though the client would keep it."""
    server = serve(APP, "--interface", interface)
    begun = time.monotonic()
    answer = server.send(b"GET /list/close HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.count(b"connection: close") == 1
    assert time.monotonic() - begun < 5
    assert "for the server to set" not in server.err


def test_a_426_says_what_to_upgrade_to(serve: Callable[..., Server], interface: str) -> None:
    """RFC 9110 §15.5.22."""
    status, headers, _ = ask(serve(APP, "--interface", interface), "/to-upgrade")
    assert status.startswith(b"HTTP/1.1 426")
    assert b"upgrade: h2c" in headers
    assert b"connection: Upgrade, close" in headers


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_over_http_2_they_are_left_out_as_well(
    serve: Callable[..., Server], interface: str
) -> None:
    server = serve(APP, "--interface", interface)
    for way in ("list", "stream"):
        for name in (*DROPPED, "close"):
            with Connection(server.port) as connection:
                connection.begin(f"/{way}/{name}".replace(" ", "%20"))
                connection.send(b"", is_end=True)
                assert connection.answer() == (200, b"hello"), (way, name)


def test_values_beyond_ascii_go_out_as_latin_1_wherever_the_server_can(
    serve: Callable[..., Server], interface: str
) -> None:
    """PEP 3333: a character is a byte. Over WSGI and RSGI, Granian takes text and sends UTF-8."""
    server = serve(APP, "--interface", interface)
    for way in WAYS * 2:
        assert b"x-city: Z\xc3\xbcrich" in ask(server, f"/{way}/utf-8")[1], way
        assert b"set-cookie: city=Z\xc3\xbcrich" in ask(server, f"/{way}/cookie")[1], way
        headers = ask(server, f"/{way}/latin")[1]
        expected = b"x-city: Z\xfcrich" if interface == "asgi" else "x-city: Zürich".encode()
        assert expected in headers, way
    told = [line for line in server.err.splitlines() if "Latin-1" in line]
    assert len(told) == (0 if interface == "asgi" else len(WAYS))
    if told:
        assert "the view 'as_list' has the header X-City with the value 'Zürich'" in told[0]
        assert "--interface asgi" in told[0]


def test_the_reason_phrase_is_the_servers(serve: Callable[..., Server], interface: str) -> None:
    """As docs/serve.md says."""
    server = serve(APP, "--interface", interface)
    assert b"HTTP/1.1 200 OK" == ask(server, "/named")[0]
    assert b"HTTP/1.1 299 <none>" == ask(server, "/no-name")[0]
