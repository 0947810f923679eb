"""What ASGI servers say and want, version 3.0 with HTTP 2.3 and later."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask, Response, request
from kolben.entry import asgi, disconnects
from tests.wires import Answer, ASGIConnection, Message, _scope


def message(path: str = "/", method: str = "GET") -> Message:
    return Message(method, path, "", Headers({"Host": "localhost"}), b"")


def ask(app: Flask, connection: ASGIConnection) -> Answer:
    asyncio.run(connection.run(app))
    return connection.answer()


def connection(*args: Any) -> ASGIConnection:
    return ASGIConnection(message(*args))


def test_the_app_is_an_asgi_app_of_both_versions(app: Flask) -> None:
    """As `uvicorn hello:app` calls it, which takes it for one of the older version."""
    app.add_url_rule("/", "view", lambda: "hello")
    third, second = connection(), connection()
    asyncio.run(app(_scope(third.message), third.receive, third.send))
    asyncio.run(app(_scope(second.message))(second.receive, second.send))
    assert [third.answer().text, second.answer().text] == ["hello"] * 2


def test_an_answer_is_two_messages(app: Flask) -> None:
    @app.get("/")
    def view() -> Any:
        return "hello", 201, [("X-A", "ä"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]

    asked = connection()
    asyncio.run(asked.run(app))
    start, body = asked.sent
    assert sorted(start.pop("headers")) == [
        (b"content-length", b"5"),
        (b"content-type", b"text/html; charset=utf-8"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"x-a", b"\xe4"),
    ]
    assert start == {"type": "http.response.start", "status": 201}
    assert body == {"type": "http.response.body", "body": b"hello"}


@pytest.mark.parametrize("pieces", [[], [b"a", b"b"]])
def test_pieces_of_a_list_are_one_message(app: Flask, pieces: list[bytes]) -> None:
    app.add_url_rule("/", "view", lambda: Response(pieces))
    asked = connection()
    assert ask(app, asked).body == b"".join(pieces)
    assert len(asked.sent) == 2


def test_a_stream_is_a_message_for_each_piece_and_one_for_the_end(app: Flask) -> None:
    app.add_url_rule("/", "view", lambda: Response(iter(["a", "", "b"])))
    asked = connection()
    assert ask(app, asked).body == b"ab"
    assert [event.get("more_body", False) for event in asked.sent[1:]] == [True, True, False]


def test_a_stream_that_fails_has_no_end(app: Flask) -> None:
    """So the server cuts the connection, and the client does not take it for whole."""

    def failing() -> Iterator[str]:
        yield "a"
        raise ValueError("in the stream")

    app.add_url_rule("/", "view", lambda: Response(failing()))
    asked = connection()
    with pytest.raises(ValueError, match="in the stream"):
        asyncio.run(asked.run(app))
    assert asked.sent[-1]["more_body"] is True


def test_headers_are_not_kept_for_ever(app: Flask) -> None:
    app.add_url_rule("/<number>", "view", lambda number: ("", {"X-A": number}))
    for number in (*map(str, range(600)), "x" * 1000):
        assert ask(app, connection(f"/{number}")).headers["X-A"] == number
    assert len(asgi._raw) <= asgi._MOST_RAW
    assert all(len(value) <= asgi._LONGEST_RAW for _, value in asgi._raw)


@pytest.mark.parametrize("path", ["/", "/stream", "/stream-on"])
def test_that_the_client_is_gone_is_no_error(app: Flask, path: str) -> None:
    """Servers since ASGI 2.4 say it by an OSError where something is sent."""
    asked = connection(path)

    @app.get("/")
    def view() -> str:
        asked.gone.set()
        return "hello"

    @app.get("/stream")
    def stream() -> Response:
        asked.gone.set()
        return Response(iter(["a", "b"]))

    @app.get("/stream-on")
    def stream_on() -> Response:
        def pieces() -> Iterator[str]:
            yield "a"
            asked.gone.set()
            yield "b"

        return Response(pieces())

    asyncio.run(asked.run(app))
    assert [event["type"] for event in asked.sent] == (
        ["http.response.start", "http.response.body"] if path == "/stream-on" else []
    )


def test_an_error_of_the_view_that_is_an_oserror_is_one(app: Flask) -> None:
    @app.get("/")
    def view() -> str:
        raise ConnectionResetError("of a database")

    with pytest.raises(ConnectionResetError, match="of a database"):
        asyncio.run(connection().run(app))


def test_messages_of_a_body_that_nobody_read_do_not_hide_that_the_client_is_gone(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disconnects, "PATIENCE_S", 0.001)
    ended: list[str] = []
    asked = ASGIConnection(message(), [b"", b""])

    @app.get("/")
    async def view() -> str:
        asked.gone.set()
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("cancelled")
        return "never"

    asyncio.run(asked.run(app))
    assert ended == ["cancelled"]


@pytest.mark.parametrize(
    ("root", "path", "found"),
    [
        ("", "/a", "'' '/a' /a"),
        ("/api", "/api/a", "'/api' '/a' /api/a"),
        ("/api/", "/api/a", "'/api' '/a' /api/a"),
        ("/api", "/a", "'/api' '/a' /api/a"),
    ],
)
def test_an_app_may_be_mounted(app: Flask, root: str, path: str, found: str) -> None:
    @app.get("/a")
    def view() -> str:
        return f"{request.root_path!r} {request.path!r} {app.url_for('view')}"

    asked = connection(path)
    scope = {**_scope(asked.message), "root_path": root}
    asyncio.run(app.asgi_app(scope, asked.receive, asked.send))
    assert asked.answer().text == found


def test_a_scope_may_leave_out_what_it_may(app: Flask) -> None:
    app.add_url_rule("/", "view", lambda: f"{request.url} {request.remote_addr}")
    asked = connection()
    whole = _scope(asked.message)
    scope = {key: whole[key] for key in ("type", "method", "path", "headers")}
    asyncio.run(app.asgi_app(scope, asked.receive, asked.send))
    assert asked.answer().text == "http://localhost/ None"


def test_a_kind_of_connection_that_nobody_knows_is_an_error(app: Flask) -> None:
    asked = connection()
    with pytest.raises(
        ValueError, match="does not know ASGI connections of the type 'webtransport'"
    ):
        asyncio.run(app.asgi_app({"type": "webtransport"}, asked.receive, asked.send))


def test_the_hooks_of_the_beginning_run_also_without_a_lifespan(app: Flask) -> None:
    said: list[str] = []
    app.before_serving(lambda: said.append("begun"))
    app.add_url_rule("/", "view", lambda: "")
    for _ in range(2):
        ask(app, connection())
    assert said == ["begun"]


def test_a_lifespan_and_websockets_have_files_of_their_own(app: Flask) -> None:
    sent: list[Any] = []
    coming = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

    async def receive() -> Any:
        return coming.pop()

    async def send(event: Any) -> None:
        sent.append(event["type"])

    async def refuse() -> None:
        events = [{"type": "websocket.disconnect"}, {"type": "websocket.connect"}]
        scope = {**_scope(message()), "type": "websocket", "subprotocols": []}

        async def receive() -> Any:
            return events.pop()

        await app.asgi_app(scope, receive, send)

    asyncio.run(app.asgi_app({"type": "lifespan"}, receive, send))
    asyncio.run(refuse())
    assert sent[:2] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert sent[2].startswith("websocket.")
