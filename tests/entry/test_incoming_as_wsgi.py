"""An app whose steps or entry are overridden is called over ASGI and RSGI as a WSGI app."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from kolben import Flask, request
from tests.entry.concurrency import Connect, ask


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app that answers errors, as in production."""
    app.testing = False
    return app


def test_an_app_by_steps_runs_in_a_thread(app: Flask, connect: Connect) -> None:
    own = app.dispatch_request
    app.dispatch_request = lambda: f"{own()} of {threading.current_thread().name[:12]}"  # type: ignore[method-assign]

    @app.post("/")
    async def view() -> str:
        return request.get_data(as_text=True)

    assert ask(app, connect("/", "POST", b"body")).text == "body of kolben-view-"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_middleware_stands_around_the_app(app: Flask, connect: Connect, method: str) -> None:
    own = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        environ["PATH_INFO"] = "/inner"
        return own(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    app.add_url_rule("/inner", "view", lambda: "inner")
    answer = ask(app, connect("/outer", method))
    assert (answer.status, answer.headers["Content-Length"]) == (200, "5")
    assert answer.text == ("inner" if method == "GET" else "")


class Closing:
    """A body that notes that it is closed."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces

    def close(self) -> None:
        self.closed += 1


def late(start_response: Any) -> Iterator[bytes]:
    """Call start_response with the first piece, as a generator does."""
    start_response("200 OK", [("X-A", "b")])
    yield b"one"
    yield b"two"


def written(start_response: Any) -> Iterator[bytes]:
    write = start_response("200 OK", [("X-A", "b")])
    write(b"one")
    return iter([b"two"])


def written_late(start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("X-A", "b")])(b"one")
    yield b"two"


def said_again(start_response: Any) -> Iterator[bytes]:
    start_response("500 Oh", [])
    start_response("200 OK", [("X-A", "b")], (None, None, None))
    return iter([b"one", b"two"])


@pytest.mark.parametrize("make", [late, written, written_late, said_again])
def test_an_answer_may_begin_in_each_way_that_pep_3333_has(
    app: Flask, connect: Connect, make: Any
) -> None:
    made: list[Closing] = []

    def other(environ: Any, start_response: Any) -> Any:
        made.append(Closing(make(start_response)))
        return made[0]

    app.wsgi_app = other  # type: ignore[method-assign]
    answer = ask(app, connect())
    assert (answer.status, answer.body, answer.headers["X-A"]) == (200, b"onetwo", "b")
    assert made[0].closed == 1


@pytest.mark.parametrize("body", [b"two", None])
def test_a_list_may_follow_what_was_written(
    app: Flask, connect: Connect, body: bytes | None
) -> None:
    def other(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(b"one")
        return [] if body is None else [body]

    app.wsgi_app = other  # type: ignore[method-assign]
    assert ask(app, connect()).body == b"one" + (body or b"")


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        ("99 Low", [], "the status '99 Low'"),
        ("1000 High", [], "the status '1000 High'"),
        ("OK", [], "the status 'OK'"),
        ("200 OK", [("X A", "b")], "the header name 'X A'"),
        ("200 OK", [("X-A", "b\r\nX-B: c")], "the header X-A"),
        (None, [], "without calling start_response"),
    ],
)
def test_what_must_not_go_out_is_an_error_for_the_server(
    app: Flask, connect: Connect, status: str | None, headers: Any, message: str
) -> None:
    made: list[Closing] = []

    def other(environ: Any, start_response: Any) -> Any:
        if status is not None:
            start_response(status, headers)
        made.append(Closing(iter([b"body"])))
        return made[0]

    app.wsgi_app = other  # type: ignore[method-assign]
    with pytest.raises((ValueError, AssertionError), match=message):
        ask(app, connect())
    assert made[0].closed == 1


def test_a_body_that_fails_before_it_begins_is_an_error_for_the_server(
    app: Flask, connect: Connect
) -> None:
    def other(environ: Any, start_response: Any) -> Any:
        yield 1 / 0

    app.wsgi_app = other  # type: ignore[assignment, method-assign]
    with pytest.raises(ZeroDivisionError):
        ask(app, connect())


def test_a_list_without_start_response_is_an_error_for_the_server(
    app: Flask, connect: Connect
) -> None:
    app.wsgi_app = lambda environ, start_response: [b"body"]  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="without calling start_response"):
        ask(app, connect())
