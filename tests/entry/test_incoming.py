"""Over ASGI and RSGI a request is matched, its body read, and its view run where it belongs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.exceptions import ImATeapot
from werkzeug.routing import BaseConverter

from kolben import Flask, Request, Response, g, request
from kolben.core.exchange import watchers
from kolben.entry import disconnects
from kolben.server.observing import Observer
from tests.entry.concurrency import Connect, Connection, ask
from tests.entry.waiting import wait_until
from tests.server import observed
from tests.wires import ASGIConnection


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app that answers errors, as in production."""
    app.testing = False
    return app


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch for clients that go away at once."""
    monkeypatch.setattr(disconnects, "PATIENCE_S", 0.001)


def thread_name() -> str:
    return threading.current_thread().name


MAIN = threading.main_thread().name


# Where it runs.


def test_a_plain_view_and_its_hooks_run_in_a_thread(app: Flask, connect: Connect) -> None:
    seen: list[str] = []
    app.before_request(lambda: seen.append(thread_name()))
    app.teardown_request(lambda error: seen.append(thread_name()))
    app.add_url_rule("/", "view", thread_name)
    found = ask(app, connect()).text
    assert found.startswith("kolben-view-")
    assert seen == [found] * 2


def test_an_async_view_runs_on_the_loop_and_its_plain_hooks_do_not(
    app: Flask, connect: Connect
) -> None:
    seen: list[str] = []
    app.before_request(lambda: seen.append(thread_name()[:12]))

    @app.get("/")
    async def view() -> str:
        return thread_name()

    assert ask(app, connect()).text == MAIN
    assert seen == ["kolben-view-"]


def test_a_view_that_never_waits_may_run_on_the_loop(app: Flask, connect: Connect) -> None:
    app.add_url_rule("/", "view", thread_name, blocking=False)
    assert ask(app, connect()).text == MAIN


def test_what_no_rule_matches_is_answered_on_the_loop(app: Flask, connect: Connect) -> None:
    seen: list[str] = []

    @app.errorhandler(404)
    async def missing(error: Exception) -> tuple[str, int]:
        seen.append(thread_name())
        return "missing", 404

    answer = ask(app, connect("/nothing"))
    assert (answer.status, answer.text, seen) == (404, "missing", [MAIN])


def test_the_plain_hooks_of_what_no_rule_matches_share_a_thread(
    app: Flask, connect: Connect
) -> None:
    """Tracers such as AWS X-Ray keep in the thread what their next hook goes on with."""
    threads: list[str] = []
    note = lambda: threads.append(threading.current_thread().name)  # noqa: E731  # three hooks
    app.before_request(note)
    app.teardown_request(lambda error: note())

    @app.after_request
    def after(response: Any) -> Any:
        note()
        return response

    @app.get("/")
    async def view() -> str:
        return "async"

    assert ask(app, connect("/nowhere")).status == 404
    assert len(threads) == 3
    assert len(set(threads)) == 1
    assert threads[0].startswith("kolben-view-")


def test_a_hook_may_want_all_of_a_request_in_its_thread(app: Flask, connect: Connect) -> None:
    threads: list[str] = []
    loops: list[str] = []

    @app.after_request
    def after(response: Response) -> Response:
        threads.append(threading.current_thread().name)
        return response

    def before() -> None:
        threads.append(threading.current_thread().name)

    before.keeps_thread = True  # type: ignore[attr-defined]  # a mark
    app.before_request(before)
    app.teardown_request(lambda error: threads.append(threading.current_thread().name))

    @app.get("/")
    async def view() -> str:
        loops.append(threading.current_thread().name)
        return "async"

    assert ask(app, connect()).text == "async"
    assert len(threads) == 3
    assert len(set(threads)) == 1
    assert threads[0].startswith("kolben-view-")
    assert loops == [threading.current_thread().name]


def test_a_converter_that_answers_answers(app: Flask, connect: Connect) -> None:
    class Teapot(BaseConverter):
        def to_python(self, value: str) -> str:
            raise ImATeapot

    app.url_map.converters["teapot"] = Teapot
    app.add_url_rule("/<teapot:value>", "view", str)
    assert ask(app, connect("/x")).status == 418


def test_a_converter_that_fails_is_an_error_of_the_app(
    app: Flask, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(BaseConverter):
        def to_python(self, value: str) -> str:
            raise LookupError("no such thing")

    app.url_map.converters["failing"] = Failing
    app.add_url_rule("/<failing:value>", "view", str)
    assert ask(app, connect("/x")).status == 500
    assert "no such thing" in caplog.text


def test_a_converter_may_use_what_is_current(app: Flask, connect: Connect) -> None:
    class Noting(BaseConverter):
        def to_python(self, value: str) -> str:
            g.seen = f"{request.method} {value}"
            return value

    app.url_map.converters["noting"] = Noting

    @app.get("/<noting:value>")
    async def view(value: str) -> str:
        return str(g.seen)

    assert ask(app, connect("/x")).text == "GET x"


def test_a_request_class_that_wants_an_environ_gets_one(app: Flask, connect: Connect) -> None:
    class OwnRequest(Request):
        def __init__(self, environ: Any, *args: Any, **options: Any) -> None:
            super().__init__(environ, *args, **options)
            self.seen = environ["PATH_INFO"]

    app.request_class = OwnRequest

    @app.get("/seen")
    async def view() -> str:
        return str(request.seen)  # type: ignore[attr-defined]  # of the class above

    assert ask(app, connect("/seen")).text == "/seen"


# Bodies.


@pytest.fixture
def echoing(app: Flask) -> Flask:
    """An app whose views answer with the body they got."""

    @app.post("/plain")
    def plain() -> bytes:
        return request.get_data()

    @app.post("/async")
    async def waiting() -> bytes:
        return request.get_data()

    return app


PATHS = pytest.mark.parametrize("path", ["/plain", "/async"])


@PATHS
@pytest.mark.parametrize("size", [0, 5, 100_000, 2_000_000])
def test_a_body_is_there_before_the_view(
    echoing: Flask, connect: Connect, path: str, size: int
) -> None:
    body = b"x" * size
    assert ask(echoing, connect(path, "POST", body)).body == body
    if body:
        assert ask(echoing, connect(path, "POST", pieces=[body[:2], body[2:]])).body == body


@PATHS
@pytest.mark.parametrize("most", [4, 1_000_000])
def test_a_body_above_the_limit_is_a_413(
    echoing: Flask, connect: Connect, path: str, most: int
) -> None:
    echoing.config["MAX_CONTENT_LENGTH"] = most
    body = b"x" * (most + 1)
    assert ask(echoing, connect(path, "POST", body)).status == 413
    assert ask(echoing, connect(path, "POST", pieces=[body])).status == 413
    assert ask(echoing, connect(path, "POST", body[1:])).body == body[1:]


@PATHS
def test_a_request_may_have_a_limit_of_its_own(echoing: Flask, connect: Connect, path: str) -> None:
    class OwnRequest(Request):
        @property
        def max_content_length(self) -> int:  # type: ignore[override]  # as users write it
            return 4 if self.path == path else 8

    echoing.request_class = OwnRequest
    assert ask(echoing, connect(path, "POST", b"12345")).status == 413
    assert ask(echoing, connect(path, "POST", b"1234")).body == b"1234"


@pytest.mark.parametrize("length", ["5", None], ids=["with a length", "in chunks"])
@PATHS
def test_a_client_that_goes_before_it_has_sent_all_reaches_no_view(
    echoing: Flask, connect: Connect, path: str, length: str | None
) -> None:
    began: list[str] = []
    echoing.before_request(lambda: None)  # it may run before the body is there
    echoing.add_url_rule("/noted/plain", "noted", lambda: began.append("plain"), methods=["POST"])

    @echoing.post("/noted/async")
    async def noted_async() -> str:
        began.append("async")
        return ""

    headers = {} if length is None else {"Content-Length": length}
    connection = connect(f"/noted{path}", "POST", pieces=[b"12"], **headers)
    if isinstance(connection, ASGIConnection):
        connection._coming[0]["more_body"] = True

        async def main() -> None:
            task = asyncio.create_task(connection.run(echoing))
            await asyncio.sleep(0.01)
            connection.gone.set()
            await task

        asyncio.run(main())
        assert connection.sent == []
    else:
        connection._pieces = [b"12", b"", b""]
        if length is not None:
            return  # tests/entry/test_bodies.py
        assert ask(echoing, connection).status == 400
    assert began == []


@pytest.mark.parametrize("kind", ["run", "by steps"])
def test_a_body_that_is_cut_is_a_400_for_who_still_listens(
    app: Flask, connect: Connect, kind: str
) -> None:
    app.add_url_rule("/", "view", lambda: pytest.fail("it was called"), methods=["POST"])
    if kind == "by steps":
        app.dispatch_request = lambda: pytest.fail("it was dispatched")  # type: ignore[method-assign]
    connection = connect("/", "POST", pieces=[b"12", b""])
    if isinstance(connection, ASGIConnection):
        connection._coming[-1] = {"type": "http.disconnect"}
    else:
        connection._pieces = [b"12", b"", b""]
    assert ask(app, connection).status == 400


def test_a_view_may_ask_that_its_body_is_left_to_it(app: Flask, connect: Connect) -> None:
    @app.post("/", stream_body=True)
    async def view() -> str:
        return "began"

    connection = connect("/", "POST", b"12345")
    assert ask(app, connection).text == "began"
    left = connection._coming if isinstance(connection, ASGIConnection) else connection._pieces
    assert left


def test_a_view_that_has_read_its_body_itself_is_cancelled_when_its_client_goes(
    app: Flask, connect: Connect
) -> None:
    seen: list[Any] = []
    app.teardown_request(seen.append)
    has_begun = threading.Event()

    @app.post("/", stream_body=True)
    async def view() -> str:
        stream: Any = request.stream
        seen.append([piece async for piece in stream])
        has_begun.set()
        await asyncio.sleep(30)
        return "never"

    async def main() -> None:
        connection = connect("/", "POST", b"12345")
        task = await start(app, connection, has_begun)
        connection.gone.set()
        await task

    asyncio.run(main())
    assert seen[0] == [b"12345"]
    assert type(seen[1]) is asyncio.CancelledError


# Clients that go, and servers that cancel.


async def start(app: Flask, connection: Connection, has_begun: threading.Event) -> Any:
    """Begin to answer a request; return the task when its view has begun."""
    task = asyncio.create_task(connection.run(app))
    await wait_until(has_begun.is_set)
    return task


def streaming(app: Flask, has_begun: threading.Event, closed: list[str]) -> threading.Event:
    """Add a plain view that goes on when the event is set, and then answers with a stream."""
    may_go_on = threading.Event()

    @app.get("/")
    def view() -> Response:
        has_begun.set()
        may_go_on.wait(10)
        response = Response(iter(["a", "b"]))
        response.call_on_close(lambda: closed.append("closed"))
        return response

    return may_go_on


def test_a_plain_view_goes_on_when_its_client_goes_and_its_answer_is_closed(
    app: Flask, connect: Connect
) -> None:
    has_begun, closed, torn_down = threading.Event(), list[str](), list[Any]()
    may_go_on = streaming(app, has_begun, closed)
    app.teardown_request(torn_down.append)

    async def main() -> None:
        connection = connect()
        task = await start(app, connection, has_begun)
        connection.gone.set()
        await asyncio.sleep(0.01)
        may_go_on.set()
        await task

    asyncio.run(main())
    assert (closed, torn_down) == (["closed"], [None])


def test_what_a_plain_view_answers_to_a_request_that_was_cancelled_is_closed(
    app: Flask, connect: Connect
) -> None:
    has_begun, closed, torn_down = threading.Event(), list[str](), list[Any]()
    may_go_on = streaming(app, has_begun, closed)
    app.teardown_request(torn_down.append)

    async def main() -> bool:
        task = await start(app, connect(), has_begun)
        task.cancel()
        await asyncio.wait([task])
        may_go_on.set()
        await wait_until(lambda: closed)
        return bool(task.cancelled())

    assert asyncio.run(main()) is True
    assert (closed, torn_down) == (["closed"], [None])


def test_an_async_view_is_cancelled_when_its_client_goes(app: Flask, connect: Connect) -> None:
    has_begun, torn_down = threading.Event(), list[Any]()
    app.teardown_request(torn_down.append)

    @app.get("/")
    async def view() -> str:
        has_begun.set()
        await asyncio.sleep(30)
        return "never"

    async def main() -> Any:
        connection = connect()
        task = await start(app, connection, has_begun)
        connection.gone.set()
        await task
        current = asyncio.current_task()
        assert current is not None
        return current.cancelling()

    assert asyncio.run(main()) == 0
    assert [type(error) for error in torn_down] == [asyncio.CancelledError]


def test_a_stream_is_closed_when_its_client_goes(app: Flask, connect: Connect) -> None:
    has_begun, closed = threading.Event(), list[str]()

    def endless() -> Iterator[str]:
        try:
            while True:
                has_begun.set()
                yield "x"
        finally:
            closed.append("generator")

    @app.get("/")
    def view() -> Response:
        response = Response(endless())
        response.call_on_close(lambda: closed.append("response"))
        return response

    async def main() -> None:
        connection = connect()
        task = await start(app, connection, has_begun)
        connection.gone.set()
        await task

    asyncio.run(main())
    assert closed == ["generator", "response"]


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_a_server_that_watches_learns_the_rule(
    app: Flask, interface: str, is_wrapped: bool
) -> None:
    """Also where the request is called as WSGI, behind middleware that copies the environ."""
    app.add_url_rule("/users/<int:number>", "user", lambda number: request.id)
    if is_wrapped:
        inner: Any = app.wsgi_app
        app.wsgi_app = lambda environ, start: inner(dict(environ), start)  # type: ignore[method-assign, assignment]
    routes: list[str | None] = []
    observer = Observer(at_end=(lambda exchange: routes.append(exchange.route),))
    try:
        asked = observed.message("/users/7", X_Request_ID="mine")
        answer = observed.ask(observer, app, interface, asked)
    finally:
        watchers.clear()
    assert (routes, answer.text) == (["/users/<int:number>"], "mine")
