"""What answers a handshake, and what an error becomes before and after it is accepted."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.exceptions import Forbidden, ServiceUnavailable

from kolben import (
    Flask,
    Response,
    abort,
    after_this_request,
    got_request_exception,
    session,
    websocket,
)
from tests.sockets import (
    ASGIClient,
    Client,
    OldASGIClient,
    RSGIClient,
    converse,
    end,
    first,
    refusal,
)

Talk = Callable[..., Any]


@pytest.fixture
def app(app: Flask) -> Flask:
    """The app of the fixture, as it is when it is served."""
    app.testing = False
    return app


# The answer to a handshake.


def test_a_view_that_returns_without_accepting_refuses(app: Flask, talk: Talk) -> None:
    @app.websocket("/<what>")
    async def view(what: str) -> Any:
        return None if what == "nothing" else ("a page", 418, {"X-A": "b"})

    assert 403 == refusal(talk, app, "/nothing").status
    assert 418 == refusal(talk, app, "/page").status


def test_over_asgi_a_refusal_is_a_whole_page(app: Flask) -> None:
    @app.websocket("/")
    async def view() -> Any:
        @after_this_request
        def add(response: Response) -> Response:
            response.headers["X-A"] = "b"
            return response

        app.secret_key = "a key of the tests"
        session["a"] = 1
        return iter(["a ", "page"]), 418

    refused = refusal(functools.partial(converse, ASGIClient), app)
    assert (418, b"a page", "b") == (refused.status, refused.body, refused.headers["X-A"])
    assert "session=" in refused.headers["Set-Cookie"]


def test_headers_of_the_connection_are_left_out_of_a_refusal(app: Flask) -> None:
    @app.websocket("/")
    async def view() -> Any:
        return "a page", 418, {"Transfer-Encoding": "chunked", "X-A": "b"}

    refused = refusal(functools.partial(converse, ASGIClient), app)
    assert (418, b"a page", "b") == (refused.status, refused.body, refused.headers["X-A"])
    assert "Transfer-Encoding" not in refused.headers


def test_an_asgi_server_that_sends_no_pages_refuses_with_403(app: Flask) -> None:
    @app.websocket("/")
    async def view() -> Any:
        abort(418)

    assert 403 == refusal(functools.partial(converse, OldASGIClient), app).status


def test_an_http_error_before_accepting_is_an_http_answer(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        abort(429)

    assert 429 == refusal(talk, app).status


def test_no_rule_and_a_rule_of_http_only_are_refused(app: Flask, talk: Talk) -> None:
    app.add_url_rule("/http", "http", lambda: "text")
    calls: list[str] = []
    app.before_websocket(lambda: calls.append(websocket.path))
    assert 404 == refusal(talk, app, "/nowhere").status
    assert 400 == refusal(talk, app, "/http").status
    assert ["/nowhere", "/http"] == calls


def test_a_missing_slash_is_a_redirect(app: Flask) -> None:
    @app.websocket("/there/")
    async def view() -> None:
        raise AssertionError

    refused = refusal(functools.partial(converse, ASGIClient), app, "/there")
    assert (308, "ws://localhost/there/") == (refused.status, refused.headers["Location"])


def test_a_bad_host_is_refused(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        raise AssertionError

    assert 400 == refusal(talk, app, headers={"Host": "a b"}).status
    app.config["TRUSTED_HOSTS"] = ["a.example"]
    assert 400 == refusal(talk, app).status


@pytest.mark.parametrize(
    "headers",
    [{"Sec-WebSocket-Key": "short"}, {"Sec-WebSocket-Version": "12"}, {"Upgrade": None}],
    ids=["key", "version", "upgrade"],
)
def test_a_wrong_handshake_reaches_no_hook(app: Flask, talk: Talk, headers: Any) -> None:
    @app.before_websocket
    def before() -> None:
        raise AssertionError

    @app.websocket("/")
    async def view() -> None:
        raise AssertionError

    assert refusal(talk, app, headers=headers).status in {400, 426}


def test_over_rsgi_another_method_is_seen(app: Flask) -> None:
    assert 400 == refusal(functools.partial(converse, RSGIClient), app, method="POST").status


def test_a_foreign_page_may_not_open_it_unless_it_is_allowed(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.send("opened")

    app.register_error_handler(Forbidden, lambda error: ("not you", 451))
    foreign = {"Origin": "https://evil.example"}
    assert 451 == refusal(talk, app, headers=foreign).status
    app.config["WEBSOCKET_ORIGINS"] = ["https://evil.example"]
    assert "opened" == talk(app, "/", first, headers=foreign)


# Errors.


def test_an_error_nobody_handles_is_logged_and_closes_with_1011(
    app: Flask, talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Any] = []

    def note(sender: Any, exception: Exception, **extra: Any) -> None:
        told.append(exception)

    ends: list[Any] = []
    app.teardown_websocket(ends.append)

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        raise ZeroDivisionError

    with got_request_exception.connected_to(note, app):
        assert 1011 == talk(app, "/", end)[0]
    assert "Exception on / [GET]" in caplog.text
    assert [ZeroDivisionError] == [type(error) for error in told]
    assert [ZeroDivisionError] == [type(error) for error in ends]


def test_before_accepting_it_is_a_500(app: Flask, talk: Talk) -> None:
    app.register_error_handler(500, lambda error: ("our own page", 500))

    @app.websocket("/")
    async def view() -> None:
        raise ZeroDivisionError

    refused = refusal(talk, app)
    assert 500 == refused.status
    assert refused.body in {b"our own page", b""}


@pytest.mark.parametrize("is_accepted", [True, False], ids=["after", "before"])
def test_an_app_in_testing_mode_raises_it(app: Flask, talk: Talk, is_accepted: bool) -> None:
    app.testing = True

    @app.websocket("/")
    async def view() -> None:
        if is_accepted:
            await websocket.accept()
        raise ZeroDivisionError

    async def client(socket: Client) -> None:
        assert 1011 == (await socket.closes())[0]

    with pytest.raises(ZeroDivisionError):
        talk(app, "/", client)


CODES: dict[str, tuple[Any, int, str]] = {
    "a status": (Forbidden(), 1008, "403 FORBIDDEN"),
    "try again": (ServiceUnavailable(), 1013, "503 SERVICE UNAVAILABLE"),
    "a handled error": (KeyError(), 1008, "429 TOO MANY REQUESTS"),
    "one that is handled as fine": (IndexError(), 1000, ""),
}


@pytest.mark.parametrize(("error", "code", "reason"), CODES.values(), ids=CODES)
def test_after_accepting_an_error_is_a_close_code(
    app: Flask, talk: Talk, error: Exception, code: int, reason: str
) -> None:
    app.register_error_handler(KeyError, lambda error: ("slower", 429))
    app.register_error_handler(IndexError, lambda error: "fine")

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        raise error

    assert (code, reason) == talk(app, "/", end)


def test_a_handler_may_close_by_itself(app: Flask, talk: Talk) -> None:
    @app.errorhandler(KeyError)
    async def handle(error: KeyError) -> None:  # type: ignore[type-var]
        await websocket.send("sorry")
        await websocket.close(4400, "unknown")

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        raise KeyError

    async def client(socket: Client) -> None:
        assert "sorry" == await socket.receive()
        assert (4400, "unknown") == await socket.closes()

    talk(app, "/", client)


def test_a_view_that_returns_closes_with_1000(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> str:
        await websocket.accept()
        return "this is for nobody"

    assert (1000, "") == talk(app, "/", end)


def test_a_refusal_that_can_not_be_sent_is_a_500(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> Any:
        return Response(headers={"X-A": "b"}, status=42)

    assert 500 == refusal(talk, app).status
