"""A WSGI app behind a real `kolben serve --interface wsgi` has what PEP 3333 promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Server

pytestmark = pytest.mark.slow

# The app's own entry is between two validators' hands: what Granian gives, and what it answers.
PROGRAM = """
import json
from wsgiref.validate import validator
from kolben import Flask, request

app = Flask(__name__)
inner = app.wsgi_app

@app.route("/way/<way>", methods=["POST"])
def read(way):
    stream = request.environ["wsgi.input"]
    if way == "lines":
        parts = list(stream)
    elif way == "readline":
        parts = list(iter(lambda: stream.readline(), b""))
    elif way == "readlines":
        parts = stream.readlines()
    elif way == "mixed":
        parts = [stream.read(2), stream.readline(), stream.read(1), stream.read(-1), stream.read()]
    elif way == "sized":
        parts = [stream.read(1000)]
    else:
        parts = [stream.read()]
    return [part.decode() for part in parts]

@validator
def valid(environ, start_response):
    return inner(environ, start_response)

def raw(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/valid":
        # PEP 3333 lets a server's read() want a size, and the validator does.
        environ["PATH_INFO"] = "/way/sized"
        return valid(environ, start_response)
    if path == "/environ":
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({key: str(value) for key, value in environ.items()}).encode()]
    if path == "/write":
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"first,")
        return [b"last"]
    if path == "/replaced":
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise ValueError("before")
        except ValueError:
            import sys
            start_response("503 Later", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"replaced"]
    if path == "/late":
        return late(start_response)
    if path == "/text":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"bytes", "text"])
    if path == "/file":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    return inner(environ, start_response)

def late(start_response):
    import sys
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"sent"
    yield b"too"
    try:
        raise ValueError("after the headers")
    except ValueError:
        start_response("500 Oh", [], sys.exc_info())
    yield b"never"

app.wsgi_app = raw
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("pep3333")
    (folder / "edges.py").write_text(PROGRAM)
    made = Server(folder, "edges", "--interface", "wsgi", A_SECRET="x").wait_until_ready()
    yield made
    made.end()


def ask(server: Server, target: str, body: bytes | None = None, head: bytes = b"") -> bytes:
    """Send a request on a connection of its own; return all that comes back."""
    line = b"GET" if body is None else b"POST"
    length = b"" if body is None or head else b"Content-Length: %d\r\n" % len(body)
    request = b"%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s%s\r\n"
    return server.send(request % (line, target.encode(), length, head) + (body or b""))


def json_of(raw: bytes) -> object:
    return json.loads(raw.rpartition(b"\r\n\r\n")[2])


BODY = b"one\ntwo\n\nfour"
LINES = ["one\n", "two\n", "\n", "four"]


@pytest.mark.parametrize(
    ("way", "parts"),
    [
        ("lines", LINES),
        ("readline", LINES),
        ("readlines", LINES),
        ("mixed", ["on", "e\n", "t", "wo\n\nfour", ""]),
        ("all", ["one\ntwo\n\nfour"]),
    ],
)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_the_input_reads_to_the_letter(
    server: Server, way: str, parts: list[str], is_chunked: bool
) -> None:
    body, head = BODY, b""
    if is_chunked:
        head = b"Transfer-Encoding: chunked\r\n"
        body = b"5\r\none\nt\r\n8\r\nwo\n\nfour\r\n0\r\n\r\n"
    assert parts == json_of(ask(server, f"/way/{way}", body, head))


def test_the_validator_of_the_standard_library_finds_nothing(server: Server) -> None:
    answer = ask(server, "/valid", BODY)
    assert answer.startswith(b"HTTP/1.1 200"), server.err
    assert ["one\ntwo\n\nfour"] == json_of(answer)
    assert "AssertionError" not in server.err


def test_a_client_that_waits_is_told_to_go_on(server: Server) -> None:
    head = b"Expect: 100-continue\r\nContent-Length: 3\r\n"
    answer = ask(server, "/way/all", b"abc", head)
    assert answer.startswith((b"HTTP/1.1 100", b"HTTP/1.1 200"))
    assert ["abc"] == json_of(answer)


def test_the_environ_has_what_the_request_says_and_nothing_of_the_process(server: Server) -> None:
    found = json_of(ask(server, "/environ?a=%20b"))
    assert isinstance(found, dict)
    assert "A_SECRET" not in found
    expected = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/environ",
        "QUERY_STRING": "a=%20b",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(server.port),
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "a",
        "wsgi.url_scheme": "http",
        "wsgi.version": "(1, 0)",
        "wsgi.run_once": "False",
    }
    assert expected == {key: found[key] for key in expected}


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [("/write", b"200", b"first,last"), ("/replaced", b"503", b"replaced")],
)
def test_start_response_and_write(server: Server, target: str, status: bytes, body: bytes) -> None:
    answer = ask(server, target)
    assert status == answer.split(b" ", 2)[1]
    # A body in pieces may come in chunks.
    assert body == b"".join(re.findall(rb"first,|last|replaced", answer))


@pytest.mark.parametrize("target", ["/late", "/text"])
def test_what_goes_wrong_after_the_headers_cuts_the_answer_off(server: Server, target: str) -> None:
    answer = ask(server, target)
    # The connection may end before anything of it is on its way.
    assert answer.startswith(b"HTTP/1.1 200") or not answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert b"never" not in answer


def test_a_file_goes_through_the_wrapper(server: Server) -> None:
    answer = ask(server, "/file")
    assert b"never" in answer
    assert answer.endswith(b"0\r\n\r\n")
