"""What HTTP forbids and servers let through is refused before the app sees it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask
from kolben.entry import refusals
from kolben.entry.adapted_scope import AdaptedScope
from kolben.entry.refusals import Refused, UnreadableHeader, check_coding, check_line, closing
from tests.wires import ASGIConnection, Message, RSGIConnection, RSGIScope, _scope


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("M-SEARCH", "/a"), ("OPTIONS", "*"), ("GET", "//a")]
)
def test_a_line_of_http_is_let_through(method: str, path: str) -> None:
    check_line(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "/"), ("Post", "/"), ("GET", ""), ("GET", "*"), ("GET", "echo"), ("CONNECT", "")],
)
def test_another_is_refused(method: str, path: str) -> None:
    with pytest.raises(Refused) as refused:
        check_line(method, path)
    assert 400 == refused.value.status


@pytest.mark.parametrize("coding", ["chunked", "Chunked", " chunked\t"])
def test_chunks_are_taken(coding: str) -> None:
    check_coding(coding)


@pytest.mark.parametrize(
    "coding",
    ["", "gzip", "gzip, chunked", "chunked, chunked", "chunked,", "identity", "\x0bchunked"],
)
def test_other_codings_are_not(coding: str) -> None:
    with pytest.raises(Refused) as refused:
        check_coding(coding)
    assert 400 == refused.value.status


def test_a_refusal_ends_its_connection_where_it_is_one_of_http_1() -> None:
    refused = Refused(400, "no")
    own = [("Content-Type", "text/plain"), ("Content-Length", "3")]
    assert [*own, ("Connection", "close")] == refused.headers("1.1") == refused.headers("1")
    assert own == refused.headers("2")


@pytest.mark.parametrize(
    ("host", "version", "ends"),
    [
        (None, "1.1", True),
        ("", "1.1", True),
        ("a b", "1.1", True),
        ("a", "1.1", False),
        (None, "1", False),
        (None, "2", False),
    ],
)
def test_a_400_ends_the_connection_if_its_host_is_none(
    host: str | None, version: str, ends: bool
) -> None:
    assert ([("A", "1"), *[("Connection", "close")] * ends]) == closing([("A", "1")], host, version)


@pytest.mark.parametrize("connection", [ASGIConnection, RSGIConnection])
@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("get", {"Host": "localhost"}),
        ("POST", {"Host": "localhost", "Transfer-Encoding": "gzip, chunked"}),
        ("GET", {"Host": "a b"}),
        ("GET", {}),
    ],
    ids=["method", "coding", "host", "no host"],
)
def test_a_refused_request_reaches_no_view_and_is_the_connections_last(
    app: Flask, connection: Any, method: str, headers: Any
) -> None:
    reached: list[str] = []

    @app.route("/", methods=["GET", "POST"])
    def view() -> str:
        reached.append("view")
        return ""

    asked = connection(Message(method, "/", "", Headers(headers), b""))
    asyncio.run(asked.run(app))
    answer = asked.answer()
    assert ([], 400, "close") == (reached, answer.status, answer.headers["Connection"])


def test_a_refusal_that_nobody_waits_for_is_no_error(app: Flask) -> None:
    asked = ASGIConnection(Message("get", "/", "", Headers(), b""))
    asked.gone.set()
    asyncio.run(asked.run(app))
    assert [] == asked.sent


def test_an_app_that_is_mounted_may_have_an_empty_path(app: Flask) -> None:
    asked = ASGIConnection(Message("GET", "", "", Headers({"Host": "localhost"}), b""))
    app.add_url_rule("/", "view", lambda: "home")

    async def ask() -> None:
        scope = {**_scope(asked.message), "root_path": "/app"}
        await app.asgi_app(scope, asked.receive, asked.send)

    asyncio.run(ask())
    assert "http://localhost/app/" == asked.answer().headers["Location"]


def test_so_may_one_over_rsgi(app: Flask) -> None:
    asked = RSGIConnection(Message("GET", "", "", Headers({"Host": "localhost"}), b""))
    app.add_url_rule("/", "view", lambda: "home")
    scope = AdaptedScope(RSGIScope(asked.message), {"root_path": "/app", "path": ""})
    asyncio.run(app.__rsgi__(scope, asked))
    assert "http://localhost/app/" == asked.answer().headers["Location"]


def test_names_that_clients_make_up_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    refusals._told.clear()
    for number in range(refusals._MOST_TOLD + 9):
        for _ in range(2):
            UnreadableHeader(f"x-{number}")
    assert refusals._MOST_TOLD == len(caplog.messages)
    assert "its header 'x-0' has bytes beyond ASCII" in caplog.messages[0]
