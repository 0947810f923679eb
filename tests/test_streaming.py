"""Streams keep the request they were started in."""

from __future__ import annotations

import contextlib
import contextvars
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kolben import Flask, Response, g, has_request_context, request, session, stream_with_context


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.config.update(TESTING=True, SECRET_KEY="a key")
    return app


def greet() -> Iterator[str]:
    yield "Hello "
    yield request.args["name"]
    yield "!"


@pytest.fixture(params=["view", "async view"])
def serve(app: Flask, request: pytest.FixtureRequest) -> Callable[[Callable[[], Any]], Any]:
    """Return what answers a request to `/?name=Zoe` with what a function streams."""

    def serve(make: Callable[[], Any]) -> Any:
        def view() -> Response:
            return Response(make())

        async def async_view() -> Response:
            return Response(make())

        app.add_url_rule("/", "index", view if request.param == "view" else async_view)
        return app.test_client().get("/?name=Zoe")

    return serve


def test_an_iterator_reads_the_request(serve: Any) -> None:
    assert serve(lambda: stream_with_context(greet())).text == "Hello Zoe!"


def test_any_iterable_will_do(serve: Any) -> None:
    assert serve(lambda: stream_with_context(["a", "b"])).text == "ab"


def test_as_a_decorator_it_takes_arguments(serve: Any) -> None:
    @stream_with_context
    def stream(greeting: str, *, mark: str) -> Iterator[str]:
        """Say hello."""
        yield greeting
        yield request.args["name"]
        yield mark

    assert stream.__doc__ == "Say hello."
    assert serve(lambda: stream("Hi ", mark="?")).text == "Hi Zoe?"


def test_the_session_and_g_are_there(serve: Any) -> None:
    def make() -> Any:
        session["a"], g.b = "session", " and g"

        @stream_with_context
        def stream() -> Iterator[str]:
            yield session["a"]
            yield g.b

        return stream()

    assert serve(make).text == "session and g"


class Closeable:
    def __init__(self, source: Iterator[str], log: list[str]) -> None:
        self.source, self.log = source, log

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self.source)

    def close(self) -> None:
        self.log.append(f"closed in a request: {has_request_context()}")


def test_teardown_comes_after_the_stream_is_closed(app: Flask, serve: Any) -> None:
    log: list[str] = []
    app.teardown_request(lambda exc: log.append(f"teardown {exc}"))
    app.after_request(lambda response: log.append("after") or response)
    assert serve(lambda: stream_with_context(Closeable(greet(), log))).text == "Hello Zoe!"
    assert log == ["after", "closed in a request: True", "teardown None"]


def test_a_stream_that_nobody_reads_is_torn_down_too(app: Flask, serve: Any) -> None:
    log: list[str] = []
    app.teardown_request(lambda exc: log.append("teardown"))
    response = serve(lambda: stream_with_context(Closeable(greet(), log)))
    response.close()
    assert log == ["closed in a request: True", "teardown"]


def test_a_stream_that_is_dropped_is_torn_down_too(app: Flask) -> None:
    log: list[str] = []
    app.teardown_request(lambda exc: log.append("teardown"))
    with app.test_request_context("/?name=Zoe"):
        stream = stream_with_context(greet())
        next(stream)
    assert log == []
    del stream
    gc.collect()  # on CPython it is gone already
    assert log == ["teardown"]


def test_teardown_gets_the_error_that_ended_the_stream(app: Flask) -> None:
    seen: list[Any] = []
    app.teardown_request(seen.append)

    def broken() -> Iterator[str]:
        yield "a"
        raise ZeroDivisionError

    with app.test_request_context():
        stream = stream_with_context(broken())
    assert next(stream) == "a"
    with pytest.raises(ZeroDivisionError):
        next(stream)
    assert [type(error) for error in seen] == [ZeroDivisionError]


def test_the_context_is_active_only_while_the_stream_works(app: Flask) -> None:
    with app.test_request_context("/?name=Zoe"):
        stream = stream_with_context(greet())
    assert not has_request_context()
    for _ in stream:
        assert not has_request_context()


def test_streams_of_two_requests_may_be_read_in_turns(app: Flask) -> None:
    streams = []
    for name in ("Zoe", "Max"):
        with app.test_request_context(f"/?name={name}"):
            streams.append(stream_with_context(greet()))
    assert list(zip(*streams, strict=True)) == [("Hello ", "Hello "), ("Zoe", "Max"), ("!", "!")]


def test_each_step_may_run_in_another_thread_and_context(app: Flask) -> None:
    with app.test_request_context("/?name=Zoe"):
        stream = stream_with_context(greet())
    read: list[str] = []
    for _ in range(3):
        step = threading.Thread(
            target=contextvars.Context().run, args=(lambda: read.append(next(stream)),)
        )
        step.start()
        step.join()
    contextvars.Context().run(stream.close)  # type: ignore[attr-defined]  # a generator
    assert read == ["Hello ", "Zoe", "!"]


@pytest.mark.parametrize("inside", [True, False])
def test_it_needs_a_request(app: Flask, inside: bool) -> None:
    context: Any = app.app_context() if inside else contextlib.nullcontext()
    with context, pytest.raises(RuntimeError, match="keeps the active request for a stream"):
        stream_with_context(greet())
