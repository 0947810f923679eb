"""A line of the access log holds nothing that a client could forge, and no secret of its query."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolben import Flask, request
from kolben.core.exchange import watchers
from kolben.logging import escape
from kolben.server.access_log import FORMATS, access_log, format_json, format_text, hide_secrets
from kolben.server.exchanges import ASGIExchange, RSGIExchange, WSGIExchange
from kolben.server.observing import Observer
from tests.server.observed import INTERFACES, ask, message
from tests.wires import RSGIScope, _environ, _scope

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(autouse=True)
def nobody_else_watches() -> Iterator[None]:
    yield
    watchers.clear()


@given(st.text())
def test_escaped_text_is_printable_and_has_no_bare_quote(text: str) -> None:
    escaped = escape(text)
    assert escaped.isprintable()
    assert '"' not in escaped.replace("\\\\", "").replace('\\"', "")


@given(st.text(), st.text())
def test_different_texts_stay_different(one: str, two: str) -> None:
    assert (one == two) == (escape(one) == escape(two))


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


def log_of(form: str, app: Flask, interface: str, target: str, **headers: str) -> str:
    """Ask an app and return what was logged of it."""
    stream = io.StringIO()
    observer = Observer(at_end=(access_log(stream, form),))
    ask(observer, app, interface, message(target, "POST", b"ab", **headers))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("/a", '"POST /a HTTP/1.1" 201 2 B /<path:rest> my-id -'),
        ("/%C3%A9?x=%0a", '"POST /é?x=%0a HTTP/1.1" 201 2 B /<path:rest> my-id -'),
        ("/%1b[31m%0a", r'"POST /\x1b[31m\n HTTP/1.1" 404 207 B - my-id -'),
        ("/%22%5c", r'"POST /\"\\ HTTP/1.1" 201 2 B /<path:rest> my-id -'),
        ("/%E2%80%AE", r'"POST /\u202e HTTP/1.1" 201 2 B /<path:rest> my-id -'),
        ("/stream?pin=x&a=1", '"POST /stream?pin=***&a=1 HTTP/1.1" 201 2 B /<path:rest> my-id -'),
        ("/204", '"POST /204 HTTP/1.1" 204 0 B /204 my-id -'),
    ],
)
@pytest.mark.parametrize("interface", INTERFACES)
def test_a_request_has_a_line_on_each_interface(
    answering: Flask, interface: str, target: str, line: str
) -> None:
    logged = log_of("text", answering, interface, target, X_Request_ID="my-id")
    found = re.fullmatch(
        r"127\.0\.0\.1 \[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] (.*) [0-9.]+ ms (.*)\n", logged
    )
    assert found is not None, logged
    assert line == " ".join(found.groups())


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_line_may_be_json(answering: Flask, interface: str) -> None:
    logged = log_of(
        "json",
        answering,
        interface,
        "/%C3%A9%1b?password=x&q=%0a",
        X_Request_ID="my-id",
        traceparent=f"00-{TRACE}-00f067aa0ba902b7-01",
        Authorization="Basic c2VjcmV0",
        Cookie="session=cookie-value",
    )
    assert logged.endswith("\n")
    assert logged[:-1].isprintable()
    assert logged.isascii()
    fields = json.loads(logged)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", fields.pop("time"))
    assert fields.pop("duration_ms") > 0
    assert fields == {
        "peer": "127.0.0.1",
        "method": "POST",
        "path": "/é\x1b",
        "query": "password=***&q=%0a",
        "protocol": "HTTP/1.1",
        "status": 201,
        "bytes": 2,
        "route": "/<path:rest>",
        "endpoint": "view",
        "request_id": "my-id",
        "trace_id": TRACE,
    }


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("interface", INTERFACES)
def test_what_comes_out_of_the_app_is_logged_as_500(
    answering: Flask, interface: str, form: str
) -> None:
    answering.testing = True
    stream = io.StringIO()
    observer = Observer(at_end=(access_log(stream, form),))
    with pytest.raises(ZeroDivisionError):
        ask(observer, answering, interface, message("/fails?a=1", "POST"))
    assert (" 500 " if form == "text" else '"status": 500') in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    "name",
    [
        "token", "access_token", "password", "passwd", "user[password]", "key", "api_key",
        "apikey", "X-Amz-Signature", "X-Amz-Credential", "sig", "code", "state", "client_secret",
        "session_id", "%74oken", "to%6ben", "TOKEN", "a+key", "Authorization", "AWSAccessKeyId",
    ],
)  # fmt: skip
def test_the_value_of_a_secret_parameter_is_hidden(name: str) -> None:
    assert f"a=1&{name}=***&b=2" == hide_secrets(f"a=1&{name}=x%20y&b=2")


@pytest.mark.parametrize(
    "query",
    ["", "q", "page=2", "keyword=x", "monkey=1", "author=x", "design=1", "zipcode=1", "token="],
)
def test_other_queries_stay_as_they_are(query: str) -> None:
    assert query == hide_secrets(query)


@given(st.text(st.characters(codec="latin-1")))
def test_no_query_breaks_the_log(query: str) -> None:
    environ = _environ(message("/"))
    exchange = WSGIExchange({**environ, "QUERY_STRING": query})
    assert format_text(exchange, 0.0).isprintable()
    assert json.loads(format_json(exchange, 0.0))["query"] == hide_secrets(query)


def test_what_is_not_known_is_a_dash() -> None:
    scope = RSGIScope(message("/"))
    scope.client = ""
    assert format_text(RSGIExchange(scope), 0.0).startswith("- [1970-")
    scope.client, scope.http_version = "[::1]:50000", "1"
    line = format_text(RSGIExchange(scope), 0.0)
    assert line.startswith("::1 [")
    assert ' "GET / HTTP/1.0" 500 0.0 ms - B - ' in line
    assert line.endswith(" -")
    asgi = {**_scope(message("/")), "client": None, "http_version": "2"}
    assert format_text(ASGIExchange(asgi), 0.0).startswith("- [")
    environ = _environ(message("/"))
    environ["REMOTE_ADDR"] = "1\n\x1b2"  # of a proxy that is trusted
    assert format_text(WSGIExchange(environ), 0.0).startswith(r"1\n\x1b2 [")


def test_the_scheme_of_each_interface_is_known() -> None:
    asked = message("/")
    exchanges = WSGIExchange(_environ(asked)), ASGIExchange(_scope(asked))
    assert {"http"} == {e.scheme for e in (*exchanges, RSGIExchange(RSGIScope(asked)))}


def test_bytes_that_are_no_utf_8_are_escaped() -> None:
    environ = {**_environ(message("/")), "PATH_INFO": "/\xff"}
    assert r'"GET /\\xff HTTP/1.1"' in format_text(WSGIExchange(environ), 0.0)
