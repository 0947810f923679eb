"""A body of an async iterator goes out on every wire, and is closed once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from kolben import Flask, Response, current_app, make_response, request, stream_with_context
from kolben.core.current import find_context
from tests.kinds import Written


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def app(said: list[str]) -> Flask:
    app = Flask(__name__)

    async def give() -> AsyncIterator[Any]:
        try:
            yield "text "
            await asyncio.sleep(0)
            yield b""
            yield b"bytes"
        finally:
            said.append("closed")

    @app.get("/")
    async def index() -> Any:
        return give(), 201, {"X-A": "b"}

    @app.get("/plain")
    def plain() -> Any:
        return Response(app.make_response(give()).response)

    @app.get("/fails")
    async def fails() -> Any:
        async def fail() -> AsyncIterator[str]:
            yield "begun"
            raise ValueError("broken")

        return fail()

    @app.get("/unread/<int:status>")
    async def unread(status: int) -> Any:
        response = app.make_response((give(), status))
        del response.headers["Content-Type"]
        return response

    @app.get("/context/<word>")
    async def context(word: str) -> Any:
        @stream_with_context
        async def words() -> AsyncIterator[str]:
            yield word
            await asyncio.sleep(0)
            yield request.path

        return words()

    app.teardown_request(lambda error: said.append(f"torn down {error!r}"))
    return app


@pytest.mark.parametrize(("path", "status"), [("/", 201), ("/plain", 200)])
def test_its_pieces_go_out_as_bytes(
    app: Flask, wire: Any, said: list[str], path: str, status: int
) -> None:
    answer = wire(app).get(path)
    assert (answer.status, answer.body) == (status, b"text bytes")
    assert "Content-Length" not in answer.headers
    assert said == ["torn down None", "closed"]


def test_a_head_request_gets_its_headers(app: Flask, wire: Any, said: list[str]) -> None:
    answer = wire(app).open("/", method="HEAD")
    assert (answer.status, answer.body, answer.headers["X-A"]) == (201, b"", "b")


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_that_has_no_body_sends_none(app: Flask, wire: Any, status: int) -> None:
    answer = wire(app).get(f"/unread/{status}")
    assert (answer.status, answer.body) == (status, b"")


def test_an_error_in_it_reaches_the_server(app: Flask, wire: Any) -> None:
    with pytest.raises(ValueError, match="broken"):
        wire(app).get("/fails")
    assert find_context() is None


def test_it_keeps_the_context_if_told_to(app: Flask, wire: Any, said: list[str]) -> None:
    answer = wire(app).get("/context/a")
    assert answer.text == "a/context/a"
    assert said == ["torn down None"]


def test_an_async_iterable_without_aclose_is_a_body(wire: Any) -> None:
    class Words:
        def __init__(self) -> None:
            self.words = ["a", "b"]

        def __aiter__(self) -> Words:
            return self

        async def __anext__(self) -> str:
            if not self.words:
                raise StopAsyncIteration
            return self.words.pop(0)

    app = Flask(__name__)
    app.add_url_rule("/", "index", lambda: Words())
    assert wire(app).get().text == "ab"


def test_one_that_is_never_begun_is_closed_without_running() -> None:
    app = Flask(__name__)

    async def give() -> AsyncIterator[str]:
        yield "never"

    with app.test_request_context():
        response = app.make_response(give())
    response.close()
    response.close()
    assert list(response.response) == []
    body: Any = response.response
    assert asyncio.run(body.aclose()) is None


def test_the_decorator_tells_where_no_request_is_active() -> None:
    async def give() -> AsyncIterator[str]:
        yield "never"

    wrapped: Callable[[], Any] = stream_with_context(give)
    with pytest.raises(RuntimeError, match="none is active"):
        wrapped()


# In a response that the view makes.


class Numbers:
    """An async iterator that is no generator."""

    def __init__(self) -> None:
        self.given = 0

    def __aiter__(self) -> Numbers:
        return self

    async def __anext__(self) -> str:
        self.given += 1
        if self.given > 2:
            raise StopAsyncIteration
        return str(self.given)


def assigned(stream: Any) -> Response:
    response = Response(status=202)
    response.response = stream
    return response


RESPONSES: dict[str, tuple[Callable[[Any], Any], int]] = {
    "alone": (lambda stream: Response(stream), 200),
    "with all": (lambda stream: Response(stream, 201, {"X-A": "b"}, mimetype="text/plain"), 201),
    "in a tuple": (lambda stream: (Response(stream), 203, {"X-A": "b"}), 203),
    "made": (lambda stream: make_response(stream, 202), 202),
    "of the app's class": (lambda stream: current_app.response_class(stream), 200),
    "assigned": (assigned, 202),
    "in its context": (lambda stream: Response(stream_with_context(stream)), 200),
}


@pytest.mark.parametrize("kind", RESPONSES)
def test_a_response_takes_an_async_generator(
    wire: Any, written: Written, said: list[str], kind: str
) -> None:
    app = Flask(__name__)
    make, status = RESPONSES[kind]

    async def give() -> AsyncIterator[str]:
        try:
            for piece in ("a", "b"):
                await asyncio.sleep(0)
                yield piece
        finally:
            said.append("closed")

    app.add_url_rule("/", "view", written(lambda: make(give())))
    app.add_url_rule("/numbers", "numbers", written(lambda: make(Numbers())))
    client = wire(app)
    answer = client.get("/")
    assert (answer.status, answer.text, said) == (status, "ab", ["closed"])
    assert client.get("/numbers").text == "12"


def test_a_view_may_be_an_async_generator(wire: Any) -> None:
    app = Flask(__name__)

    @app.get("/")
    async def view() -> AsyncIterator[str]:
        yield "a"
        await asyncio.sleep(0)
        yield "b"

    assert wire(app).get("/").text == "ab"


def test_hooks_may_read_it_where_nobody_awaits() -> None:
    app = Flask(__name__)

    @app.after_request
    def shout(response: Response) -> Response:
        response.set_data(response.get_data(as_text=True).upper())
        return response

    @app.get("/")
    def view() -> Response:
        return Response(Numbers())

    assert app.test_client().get("/").text == "12"


def test_what_iterates_plainly_too_is_iterated_plainly() -> None:
    class Both(Numbers):
        def __iter__(self) -> Iterator[str]:
            return iter("plain")

    assert Response(Both()).get_data() == b"plain"


def test_a_response_made_outside_of_a_context_is_of_the_app_that_sends_it(wire: Any) -> None:
    app = Flask(__name__)
    made = Response(Numbers())
    app.add_url_rule("/", "view", lambda: made)
    with pytest.raises(RuntimeError, match="application context"):
        made.get_data()
    made.response = Numbers()  # type: ignore[assignment]  # as above
    assert wire(app).get("/").text == "12"


def test_a_client_that_goes_away_closes_it(said: list[str]) -> None:
    app = Flask(__name__)

    async def give() -> AsyncIterator[str]:
        try:
            while True:
                yield "a"
        finally:
            said.append("closed")

    app.add_url_rule("/", "view", lambda: Response(give()))
    response = app.test_client().get("/")
    response.close()
    assert said == ["closed"]
