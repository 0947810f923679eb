"""Each request is noted once, from its beginning to its end, on every interface."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from kolben import Flask, request, stream_with_context
from kolben.core.context import RequestContext
from kolben.core.exchange import of_scopes, watchers
from kolben.entry.respond import respond
from kolben.entry.scopes import RSGISource
from kolben.server.exchanges import RSGIExchange
from kolben.server.granian_wsgi import base_environ, connect
from kolben.server.observing import ObservedProtocol, Observer
from tests.server.observed import INTERFACES, GranianAnswer, ask, ask_async, message
from tests.wires import RSGIProtocol, RSGIScope, _environ


@pytest.fixture(autouse=True)
def nobody_else_watches() -> Iterator[None]:
    yield
    watchers.clear()


@pytest.fixture(params=INTERFACES)
def interface(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def answering(app: Flask) -> Flask:
    """An app with an answer of each kind."""
    app.testing = False

    @app.get("/users/<int:number>")
    def user(number: int) -> str:
        return f"user {number}"

    @app.get("/async/<int:number>")
    async def later(number: int) -> str:
        await asyncio.sleep(0)
        return f"user {number}"

    @app.get("/stream")
    def stream() -> Any:
        return app.response_class(stream_with_context(iter(["ab", "cde"])))

    @app.get("/empty")
    def empty() -> Any:
        return "", 204

    @app.get("/fails")
    def fails() -> Any:
        raise ZeroDivisionError

    @app.get("/id")
    def tell_id() -> Any:
        return request.id

    @app.get("/own-id")
    def own_id() -> Any:
        return "", {"X-Request-Id": "the app's"}

    return app


@pytest.mark.parametrize(
    ("target", "status", "route", "size"),
    [
        ("/users/7", 200, "/users/<int:number>", 6),
        ("/async/7", 200, "/async/<int:number>", 6),
        ("/stream", 200, "/stream", 5),
        ("/empty", 204, "/empty", 0),
        ("/missing", 404, None, None),
        ("/fails", 500, "/fails", None),
    ],
)
def test_an_exchange_knows_what_came_of_it(
    answering: Flask, interface: str, target: str, status: int, route: str | None, size: int | None
) -> None:
    found: list[Any] = []

    def note(exchange: Any) -> None:
        found.append((exchange.status, exchange.route, exchange.sent_bytes))
        assert exchange.duration_s > 0

    observer = Observer(at_end=(note,))
    answer = ask(observer, answering, interface, message(target))
    assert answer.status == status
    assert found == [(status, route, len(answer.body) if size is None else size)]
    assert not observer.in_flight
    assert not of_scopes


def test_it_is_under_way_while_a_view_runs(app: Flask, interface: str) -> None:
    seen: list[Any] = []

    @app.get("/")
    def view() -> str:
        seen.extend((exchange.route, exchange.duration_s) for exchange in observer.in_flight)
        return ""

    begun: list[Any] = []
    observer = Observer(at_begin=(begun.append,))
    ask(observer, app, interface, message("/"))
    assert seen == [("/", None)]
    assert len(begun) == 1
    assert begun[0].request is None  # no circle is left


def test_requests_at_the_same_time_know_their_own_ids(app: Flask) -> None:
    @app.get("/<name>")
    async def view(name: str) -> str:
        for _ in range(3):
            await asyncio.sleep(0)
        return request.id

    @app.get("/plain/<name>")
    def plain(name: str) -> str:
        return request.id

    observer = Observer()

    async def main(interface: str) -> None:
        asked = [
            ask_async(observer, app, interface, message(f"/{kind}{n}", X_Request_ID=f"id-{n}"))
            for n in range(20)
            for kind in ("", "plain/")
        ]
        answers = await asyncio.gather(*asked)
        assert [answer.text for answer in answers] == [f"id-{n // 2}" for n in range(40)]

    for interface in ("asgi", "rsgi"):
        asyncio.run(main(interface))


def test_an_answer_carries_the_id(answering: Flask, interface: str) -> None:
    observer = Observer(sends_ids=True)
    for target in ("/id", "/stream", "/empty", "/missing", "/fails"):
        answer = ask(observer, answering, interface, message(target, X_Request_ID="mine"))
        assert answer.headers.getlist("X-Request-ID") == ["mine"]
    answer = ask(observer, answering, interface, message("/id"))
    assert answer.headers["X-Request-ID"] == answer.text
    answer = ask(observer, answering, interface, message("/own-id"))
    assert answer.headers.getlist("X-Request-ID") == ["the app's"]


def test_an_exception_that_comes_out_of_the_app_is_noted(answering: Flask, interface: str) -> None:
    answering.testing = True
    ended: list[Any] = []
    observer = Observer(at_end=(ended.append,))
    with pytest.raises(ZeroDivisionError) as raised:
        ask(observer, answering, interface, message("/fails"))
    assert [(exchange.status, exchange.error) for exchange in ended] == [(500, raised.value)]
    assert not observer.in_flight
    assert not of_scopes


def test_a_wsgi_stream_ends_its_exchange_when_it_is_sent(answering: Flask) -> None:
    ended: list[Any] = []
    observer = Observer(at_end=(ended.append,))

    class Slow(GranianAnswer):
        def response_iter(self, status: int, headers: Any, body: Iterator[bytes]) -> None:
            self.body = body  # type: ignore[assignment]  # sent when the handler has returned

    handle = observer.observe_wsgi(
        connect(answering, base_environ(multiprocess=False, multithread=True))
    )
    answer: Any = Slow()
    assert handle(answer, _environ(message("/stream"))) == 200
    assert len(observer.in_flight) == 1
    assert not ended
    assert list(answer.body) == [b"ab", b"cde"]
    answer.body.close()
    answer.body.close()
    assert [exchange.sent_bytes for exchange in ended] == [5]
    assert not observer.in_flight

    handle(answer, _environ(message("/stream")))
    del answer.body  # dropped, never closed
    assert [exchange.sent_bytes for exchange in ended] == [5, 0]


def test_a_wsgi_stream_that_fails_tells_why(app: Flask) -> None:
    @app.get("/")
    def view() -> Any:
        def pieces() -> Iterator[str]:
            yield "a"
            raise ZeroDivisionError

        return app.response_class(pieces())

    ended: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        ask(Observer(at_end=(ended.append,)), app, "wsgi", message("/"))
    assert [(e.sent_bytes, type(e.error)) for e in ended] == [(1, ZeroDivisionError)]


def test_without_anybody_who_counts_a_wsgi_answer_goes_straight_to_the_server(app: Flask) -> None:
    app.add_url_rule("/", "index", lambda: "x")
    ended: list[Any] = []
    ask(Observer(at_end=(ended.append,), counts_bytes=False), app, "wsgi", message("/"))
    assert [(e.status, e.sent_bytes) for e in ended] == [(200, None)]


class Everything(RSGIProtocol):
    """An RSGI protocol that also has what Kolben's entry does not use."""

    def response_str(self, status: int, headers: Any, body: str) -> None:
        self.response_bytes(status, headers, body.encode())

    def response_file(self, status: int, headers: Any, file: str) -> None:
        self.response_bytes(status, headers, file.encode())

    async def send_str(self, data: str) -> None:
        await self.send_bytes(data.encode())


def test_every_way_of_an_rsgi_answer_is_noted(tmp_path: Any) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"0123456789")

    async def stream(protocol: Any) -> None:
        transport = protocol.response_stream(206, [])
        await transport.send_bytes(b"ab")
        await transport.send_str("é")

    async def direct(protocol: Any, name: str, *values: Any) -> None:
        getattr(protocol, name)(206, [], *values)

    ways: list[tuple[Any, int | None, bytes]] = [
        (lambda p: direct(p, "response_empty"), 0, b""),
        (lambda p: direct(p, "response_str", "é"), 2, "é".encode()),
        (lambda p: direct(p, "response_bytes", b"ab"), 2, b"ab"),
        (lambda p: direct(p, "response_file", "name"), None, b"name"),
        (lambda p: direct(p, "response_file_range", str(file), 2, 5), 3, b"234"),
        (stream, 4, "abé".encode()),
    ]
    for way, size, sent in ways:
        inner = Everything()
        observer = Observer(sends_ids=True)
        protocol = ObservedProtocol(observer, RSGIExchange(RSGIScope(message("/"))), inner)
        asyncio.run(way(protocol))
        protocol.close()
        assert (protocol.exchange.status, protocol.exchange.sent_bytes) == (206, size)
        assert b"".join(inner.sent) == sent
        assert [name for name, _ in inner.headers] == ["x-request-id"]


def test_lifespan_is_passed_on_unseen(app: Flask) -> None:
    said: list[Any] = []
    app.before_serving(lambda: said.append("begun"))
    app.after_serving(lambda: said.append("ended"))
    coming = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
    observer = Observer(at_begin=(said.append,))

    async def receive() -> Any:
        return coming.pop()

    async def send(event: Any) -> None:
        said.append(event["type"].partition(".")[2])

    asyncio.run(observer.observe_asgi(app.asgi_app)({"type": "lifespan"}, receive, send))
    assert said == ["begun", "startup.complete", "ended", "shutdown.complete"]
    said.clear()
    watched = observer.observe_rsgi(app)
    loop = asyncio.new_event_loop()
    try:
        watched.__rsgi_init__(loop)
        watched.__rsgi_del__(loop)
    finally:
        loop.close()
    assert said == ["begun", "ended"]


@pytest.mark.parametrize("is_stepping", [False, True])
def test_what_is_matched_before_it_is_noted_has_its_route(app: Flask, is_stepping: bool) -> None:
    """As where a request is looked at in one thread, and noted in the one that answers it."""
    if is_stepping:
        app.preprocess_request = lambda: None  # type: ignore[method-assign]
    app.add_url_rule("/users/<int:number>", "user", lambda number: request.id)
    source = RSGISource(RSGIScope(message("/users/7", X_Request_ID="mine")))
    context = RequestContext(app, {}, app.request_class.of(source))
    if not is_stepping:
        context.plan = app.engine.match(context, "GET", "/users/7", "localhost")
    routes: list[str | None] = []
    observer = Observer(at_end=(lambda exchange: routes.append(exchange.route),))
    protocol = observer.observe(source.scope, Everything())
    body, _, _ = respond(app, context, False)
    protocol.close()
    assert (routes, body) == (["/users/<int:number>"], [b"mine"])
