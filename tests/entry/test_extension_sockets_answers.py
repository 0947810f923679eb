"""What middleware, and what writes to the socket by itself, may answer to a handshake."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import simple_websocket
from werkzeug.middleware.proxy_fix import ProxyFix

from kolben import Flask, request
from tests.entry.extension_apps import echo, make_app, names_of_threads
from tests.running import wait_for
from tests.sockets import (
    SOCKETS,
    ASGIClient,
    Client,
    OldASGIClient,
    RSGIClient,
    converse,
    end,
    nothing,
    refusal,
)

Talk = Callable[..., Any]


@pytest.fixture(params=SOCKETS.values(), ids=SOCKETS)
def talk(request: pytest.FixtureRequest) -> Talk:
    """Have a client talk to an app over each interface: `talk(app, "/path", steps)`."""

    def converse_over(app: Flask, path: str, steps: Any, **options: Any) -> Any:
        return converse(request.param, app, path, steps, **options)

    return converse_over


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Any:
    yield
    wait_for(lambda: not names_of_threads())


def hijacker(error: type[Exception]) -> Flask:
    """Make an app with middleware that takes the socket, and says so by an error, as engineio."""
    app = Flask(__name__)

    def take(environ: Any, start_response: Any) -> Any:
        if "werkzeug.socket" not in environ:
            return own(environ, start_response)
        ws = simple_websocket.Server(environ)
        ws.send(environ["PATH_INFO"])
        ws.close()
        raise error

    own = app.wsgi_app
    app.wsgi_app = take  # type: ignore[method-assign]  # as middleware is put there
    return app


@pytest.mark.parametrize("error", [ConnectionError, StopIteration])
def test_middleware_takes_it_and_says_so(talk: Talk, error: type[Exception]) -> None:
    async def steps(client: Client) -> Any:
        return await client.receive(), await client.closes()

    expected = ("/socket.io/", (1000, ""))
    assert expected == talk(hijacker(error), "/socket.io/", steps)


def test_middleware_that_takes_nothing_leaves_it_to_the_app(talk: Talk) -> None:
    app = make_app(echo)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]  # as users do
    app.add_url_rule("/page", "page", lambda: "a page")

    async def steps(client: Client) -> Any:
        await client.send("tea")
        return await client.receive()

    assert "tea" == talk(app, "/", steps)
    assert 404 == refusal(talk, app, "/nowhere").status
    assert 400 == refusal(talk, app, "/page").status


def test_a_connection_error_before_the_socket_is_taken_is_one(talk: Talk) -> None:
    app = Flask(__name__)

    def fail(environ: Any, start_response: Any) -> Any:
        raise ConnectionError("a database is away")

    app.wsgi_app = fail  # type: ignore[method-assign]  # as middleware is put there
    with pytest.raises(ConnectionError, match="a database is away"):
        talk(app, "/", nothing)


def test_what_the_app_answers_instead_refuses_it(talk: Talk) -> None:
    app = make_app(echo)
    closed: list[str] = []

    @app.before_request
    def refuse() -> Any:
        if "stream" in request.args:
            answer = app.response_class(iter(["wait ", "here"]), 409)
            answer.call_on_close(lambda: closed.append("closed"))
            return answer
        return "Log in first.", 401

    found = refusal(talk, app)
    assert 401 == found.status
    assert found.body in {b"Log in first.", b""}
    assert 409 == refusal(talk, app, query="stream").status
    assert ["closed"] == closed
    assert 403 == refusal(lambda *a, **o: converse(OldASGIClient, *a, **o), app).status


def answer_by_hand(raw: bytes) -> Flask:
    """Make an app that writes bytes to the socket."""
    app = Flask(__name__)

    @app.route("/", websocket=True)
    def write() -> str:
        taken: socket.socket = request.environ["werkzeug.socket"]
        taken.sendall(raw)
        with suppress(OSError):
            while taken.recv(1000):
                pass
        taken.close()
        return ""

    @app.route("/short", websocket=True)
    def write_and_go() -> str:
        taken: socket.socket = request.environ["werkzeug.socket"]
        taken.sendall(raw)
        taken.close()
        return ""

    return app


def test_an_answer_may_be_written_to_the_socket() -> None:
    raw = b"HTTP/1.1 418 I'm a teapot\r\nX-Pot: tea\r\nContent-Length: 3\r\n\r\nhot"
    found = refusal(lambda *a, **o: converse(ASGIClient, *a, **o), answer_by_hand(raw), "/short")
    assert (418, b"hot", "tea") == (found.status, found.body, found.headers["X-Pot"])


ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nDate: now\r\n"


@pytest.mark.parametrize(
    "raw",
    [b"HTTP/1.1 nonsense\r\n\r\n", b"HTTP/1.1 99 Odd\r\n\r\n"],
    ids=["no status", "none of HTTP"],
)
def test_an_answer_that_is_none_is_a_500(raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert (
        500
        == refusal(
            lambda *a, **o: converse(ASGIClient, *a, **o), answer_by_hand(raw), "/short"
        ).status
    )
    assert "The WebSocket /short has failed." in caplog.text


def test_half_an_answer_is_none() -> None:
    kind = ASGIClient
    app = answer_by_hand(b"HTTP/1.1 101")
    assert 200 == refusal(lambda *a, **o: converse(kind, *a, **o), app, "/short").status


def test_headers_of_the_answer_are_sent_where_they_can_be(caplog: pytest.LogCaptureFixture) -> None:
    app = answer_by_hand(ACCEPTED + b"X-Tea: hot\r\n\r\n\x88\x02\x03\xe8the rest")

    async def steps(client: Client) -> Any:
        return client.response_headers.get("X-Tea"), await client.closes()

    assert ("hot", (1000, "")) == converse(ASGIClient, app, "/", steps)
    assert 500 == refusal(lambda *a, **o: converse(RSGIClient, *a, **o), app).status
    assert "can't send headers" in caplog.text


@pytest.mark.parametrize("raw", [b"\x83\x01x", b"\x81\x01\xff"], ids=["a frame", "UTF-8"])
def test_what_no_websocket_says_closes_it(
    talk: Talk, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    app = answer_by_hand(ACCEPTED + b"\r\n" + raw)
    assert (1011, "") == talk(app, "/", end)
    assert "The WebSocket / has failed." in caplog.text


def test_an_extension_that_drops_the_socket_ends_it(talk: Talk) -> None:
    app = answer_by_hand(ACCEPTED + b"\r\n\x8a\x00\x81\x02hi")

    async def steps(client: Client) -> Any:
        await client.send("this is read by nobody")
        return await client.receive(), await client.closes()

    assert ("hi", (1000, "")) == talk(app, "/short", steps)
