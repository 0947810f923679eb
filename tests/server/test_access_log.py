"""A line of the access log holds nothing that a client could forge or that acts on a terminal."""

from __future__ import annotations

import asyncio
import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from kolben import Flask, request
from kolben.logging import escape
from kolben.server.access_log import LoggedRSGI, format_line, log_asgi, log_requests
from tests.wires import ASGIConnection, Message, RSGIConnection, RSGIScope, _scope

SCOPE = {
    "REMOTE_ADDR": "127.0.0.1",
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
}


@given(st.text())
def test_escaped_text_is_printable_and_has_no_bare_quote(text: str) -> None:
    escaped = escape(text)
    assert escaped.isprintable()
    assert '"' not in escaped.replace("\\\\", "").replace('\\"', "")


@given(st.text(), st.text())
def test_different_texts_stay_different(one: str, two: str) -> None:
    assert (one == two) == (escape(one) == escape(two))


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/plain", "/plain"),
        ("/\x1b[31m", r"/\x1b[31m"),
        ("/a\nb", r"/a\nb"),
        ('/"', r"/\""),
        ("/é".encode().decode("latin-1"), "/é"),
        ("/\xff", r"/\\xff"),
        ("/\u202e".encode().decode("latin-1"), r"/\u202e"),
    ],
)
def test_a_path_is_shown_readable_and_harmless(path: str, shown: str) -> None:
    line = format_line({**SCOPE, "PATH_INFO": path}, 200, 0.0, 1.25)
    assert f'"GET {shown} HTTP/1.1" 200 1.2 ms' in line


def test_a_request_that_fails_is_logged_as_500() -> None:
    stream = io.StringIO()

    def fail(protocol: Any, scope: Any) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        log_requests(fail, stream)(None, {**SCOPE, "QUERY_STRING": "a=1"})  # type: ignore[arg-type]  # no wire needed
    assert '"GET /?a=1 HTTP/1.1" 500 ' in stream.getvalue()
    assert 1 == stream.getvalue().count("\n")


def line_of(stream: io.StringIO) -> str:
    """Return the one line that was written, without its time and how long it took."""
    found = re.fullmatch(r"(\S+) \[.*?\] (.*) [0-9.]+ ms\n", stream.getvalue())
    assert found is not None, stream.getvalue()
    return " ".join(found.groups())


def message(path: str, query: str = "", body: bytes = b"") -> Message:
    return Message("POST", path, query, Headers({"Host": "h", "Content-Length": "2"}), body)


@pytest.fixture
def answering(app: Flask) -> Flask:
    app.testing = False

    @app.post("/<path:rest>")
    async def view(rest: str) -> Any:
        if rest == "stream":
            return app.response_class(iter(["a", "b"]), 201)
        if rest == "fails":
            raise ZeroDivisionError
        return request.get_data(), 201

    app.add_url_rule("/204", "empty", lambda: ("", 204), methods=["POST"])
    return app


@pytest.mark.parametrize(
    ("path", "query", "line"),
    [
        ("/a", "", '"POST /a HTTP/1.1" 201'),
        ("/%C3%A9", "x=%0a", '"POST /é?x=%0a HTTP/1.1" 201'),
        ("/%1b[31m%0a", "", r'"POST /\x1b[31m\n HTTP/1.1" 404'),
        ("/stream", "", '"POST /stream HTTP/1.1" 201'),
        ("/204", "", '"POST /204 HTTP/1.1" 204'),
        ("/fails", "", '"POST /fails HTTP/1.1" 500'),
    ],
)
@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_a_request_on_an_event_loop_has_a_line_as_well(
    answering: Flask, interface: str, path: str, query: str, line: str
) -> None:
    stream = io.StringIO()

    async def main() -> None:
        asked: Any
        if interface == "asgi":
            asked = ASGIConnection(message(path, query, b"ab"))
            app = log_asgi(answering.asgi_app, stream)
            await app(_scope(asked.message), asked.receive, asked.send)
        else:
            asked = RSGIConnection(message(path, query, b"ab"))
            await LoggedRSGI(answering, stream).__rsgi__(RSGIScope(asked.message), asked)
        if line.endswith("201"):
            assert asked.answer().body == b"ab"

    asyncio.run(main())
    assert line_of(stream) == f"127.0.0.1 {line}"


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_a_request_on_an_event_loop_that_fails_is_logged_as_500(
    answering: Flask, interface: str
) -> None:
    stream = io.StringIO()
    answering.testing = True

    async def main() -> None:
        asked: Any
        if interface == "asgi":
            asked = ASGIConnection(message("/fails"))
            scope = {**_scope(asked.message), "client": None, "http_version": "1"}
            await log_asgi(answering.asgi_app, stream)(scope, asked.receive, asked.send)
        else:
            asked = RSGIConnection(message("/fails"))
            scope_of = RSGIScope(asked.message)
            scope_of.client, scope_of.http_version = "[::1]:50000", "1"
            await LoggedRSGI(answering, stream).__rsgi__(scope_of, asked)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
    peer = "-" if interface == "asgi" else "::1"
    assert line_of(stream) == f'{peer} "POST /fails HTTP/1.0" 500'


def test_what_is_no_request_has_no_line(app: Flask) -> None:
    stream = io.StringIO()
    said: list[str] = []
    app.before_serving(lambda: said.append("begun"))
    app.after_serving(lambda: said.append("ended"))
    sent: list[Any] = []
    coming = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

    async def receive() -> Any:
        return coming.pop()

    async def send(event: Any) -> None:
        sent.append(event["type"])

    class Refused:
        def close(self, status: int | None = None) -> tuple[int, bool]:
            sent.append(status)
            return 0, True

    asyncio.run(log_asgi(app.asgi_app, stream)({"type": "lifespan"}, receive, send))
    logged = LoggedRSGI(app, stream)
    scope = RSGIScope(message("/"))
    scope.proto = "ws"
    loop = asyncio.new_event_loop()
    try:
        logged.__rsgi_init__(loop)
        loop.run_until_complete(logged.__rsgi__(scope, Refused()))
        logged.__rsgi_del__(loop)
    finally:
        loop.close()
    assert said == ["begun", "ended"] * 2
    assert sent[:2] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert sent[2] >= 400
    assert stream.getvalue() == ""
