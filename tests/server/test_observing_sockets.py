"""Each WebSocket is noted from its handshake to its end, over ASGI and RSGI."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kolben import Flask, Request, abort, request, websocket
from kolben.core.exchange import of_scopes, watchers
from kolben.core.websocket import WebSocketClosed
from kolben.server.access_log import access_log
from kolben.server.counting import RequestCounter
from kolben.server.measuring import Measures
from kolben.server.observing import Observer
from kolben.server.tracing import Tracer
from tests.sockets import Client, Refused, end, first, nothing, refusal

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
Talk = Callable[..., Any]


@pytest.fixture(autouse=True)
def nobody_else_watches() -> Iterator[None]:
    yield
    watchers.clear()


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with WebSockets that end in each way."""
    app.testing = False

    @app.websocket("/rooms/<int:number>")
    async def room(number: int) -> None:
        async for message in websocket:
            await websocket.send(message)

    @app.websocket("/code/<int:code>")
    async def close(code: int) -> None:
        await websocket.accept()
        await websocket.close(code)

    @app.websocket("/fails")
    async def fails() -> None:
        await websocket.accept()
        raise ZeroDivisionError

    @app.websocket("/fails-before")
    async def fails_before() -> None:
        raise ZeroDivisionError

    @app.websocket("/refused/<int:status>")
    async def refuse(status: int) -> None:
        abort(status)

    return app


def observed(observer: Observer | RequestCounter, app: Flask) -> Any:
    """Return an app as a server sees it that watches."""
    return SimpleNamespace(
        asgi_app=observer.observe_asgi(app.asgi_app),
        __rsgi__=observer.observe_rsgi(
            SimpleNamespace(__rsgi__=app.__rsgi__, __rsgi_init__=None, __rsgi_del__=None)
        ).__rsgi__,
    )


def ends_of(app: Flask, talk: Talk, path: str, client: Any = end) -> list[Any]:
    """Open a WebSocket; return what was noted of its end."""
    found: list[Any] = []

    def note(exchange: Any) -> None:
        found.append((exchange.status, exchange.close_code, exchange.route))
        assert exchange.duration_s > 0

    observer = Observer(at_end=(note,))
    try:
        talk(observed(observer, app), path, client)
    except (Refused, AssertionError) as error:
        found.append(type(error).__name__)
    assert (0, 0, []) == (observer.count_sockets(), observer.take_ended(), observer.running())
    assert not of_scopes
    return found


async def leave(socket: Client) -> None:
    socket.leave(1001)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/code/1000", [(101, 1000, "/code/<int:code>")]),
        ("/code/4001", [(101, 4001, "/code/<int:code>")]),
        ("/fails", [(101, 1011, "/fails")]),
        ("/fails-before", [(500, None, "/fails-before"), "Refused"]),
        ("/missing", [(404, None, None), "Refused"]),
        ("/refused/401", [(401, None, "/refused/<int:status>"), "Refused"]),
    ],
)
def test_how_it_ended_is_known(app: Flask, talk: Talk, path: str, expected: list[Any]) -> None:
    assert expected == ends_of(app, talk, path)


def test_a_client_that_leaves_is_known(app: Flask, talk: Talk) -> None:
    ((status, code, route),) = ends_of(app, talk, "/rooms/7", leave)
    assert (101, "/rooms/<int:number>") == (status, route)
    assert code in {1001, 1005}, "RSGI does not tell the code of a client"


def test_a_client_that_is_gone_before_the_answer_is_no_error_of_the_app(
    app: Flask, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_gone(*_: Any) -> None:
        raise WebSocketClosed(1006)

    for channel in ("asgi.ASGIChannel", "rsgi.RSGIChannel"):
        monkeypatch.setattr(f"kolben.entry.websocket_{channel}.accept", is_gone)
    assert (400, None, "/fails") == ends_of(app, talk, "/fails")[0]


def test_a_client_that_leaves_before_its_handshake_is_no_error_of_the_app(app: Flask) -> None:
    statuses: list[int] = []
    observer = Observer(at_end=(lambda exchange: statuses.append(exchange.status),))

    async def receive() -> Any:
        return {"type": "websocket.disconnect", "code": 1006}

    scope: Any = {"type": "websocket", "path": "/fails", "headers": []}
    asyncio.run(observer.observe_asgi(app.asgi_app)(scope, receive, None))  # type: ignore[arg-type]
    assert [400] == statuses


def test_what_comes_out_of_the_app_is_noted(app: Flask, talk: Talk) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = True
    errors: list[Any] = []
    observer = Observer(at_end=(lambda exchange: errors.append(exchange.error),))
    with pytest.raises(ZeroDivisionError) as raised:
        talk(observed(observer, app), "/fails", end)
    assert [raised.value] == errors
    assert not of_scopes


def test_it_is_open_from_the_handshake_to_the_end(app: Flask, talk: Talk) -> None:
    before: list[int] = []
    app.before_websocket(lambda: before.append(observer.count_sockets()))
    observer = Observer()

    async def count(socket: Client) -> int:
        return observer.count_sockets()

    assert (1, [0], 0) == (
        talk(observed(observer, app), "/rooms/7", count),
        before,
        observer.count_sockets(),
    )


def test_the_app_knows_the_same_id(app: Flask, talk: Talk) -> None:
    @app.websocket("/id")
    async def tell_id() -> None:
        await websocket.send(request.id)

    ids: list[str] = []
    observer = Observer(at_end=(lambda exchange: ids.append(exchange.id),))
    seen = observed(observer, app)
    assert "mine" == talk(seen, "/id", first, headers={"X-Request-ID": "mine"})
    assert [talk(seen, "/id", first)] == ids[1:]

    class OwnRequest(Request):
        """A request class of the app's own."""

    app.request_class = OwnRequest
    assert [talk(seen, "/id", first)] == ids[2:]


def test_what_is_only_counted_leaves_them_out(app: Flask, talk: Talk) -> None:
    counter = RequestCounter(lambda method, path: None)
    talk(observed(counter, app), "/code/1000", end)
    assert (None, 0) == (counter.count_sockets(), counter.take_ended())


def test_other_scopes_pass(app: Flask) -> None:
    seen: list[Any] = []

    async def served(*given: Any) -> None:
        seen.append(given)

    asyncio.run(Observer().observe_asgi(served)({"type": "lifespan"}, 1, 2))  # type: ignore[arg-type]
    assert [({"type": "lifespan"}, 1, 2)] == seen


# Those who watch.


def log_of(form: str, app: Flask, talk: Talk, path: str, **options: Any) -> str:
    """Open a WebSocket and return what was logged of it."""
    stream = io.StringIO()
    seen = observed(Observer(at_end=(access_log(stream, form),)), app)
    if "refused" in path:
        refusal(talk, seen, path, **options)
    else:
        talk(seen, path, end, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/code/1000", '"GET /code/1000?token=*** HTTP/1.1" 101/1000 - B /code/<int:code> mine -'),
        (
            "/refused/401",
            '"GET /refused/401?token=*** HTTP/1.1" 401 - B /refused/<int:status> mine -',
        ),
    ],
)
def test_it_has_one_line_in_the_access_log(app: Flask, talk: Talk, path: str, line: str) -> None:
    logged = log_of("text", app, talk, path, query="token=a", headers={"X-Request-ID": "mine"})
    found = re.fullmatch(r"127\.0\.0\.1 \[[^]]*\] (.*) [0-9.]+ ms (.*)\n", logged)
    assert found is not None, logged
    assert line == " ".join(found.groups())


def test_the_line_may_be_json(app: Flask, talk: Talk) -> None:
    fields = json.loads(log_of("json", app, talk, "/code/4001"))
    assert (101, 4001, "GET", "close") == tuple(
        fields[name] for name in ("status", "close_code", "method", "endpoint")
    )
    assert "close_code" not in json.loads(log_of("json", app, talk, "/refused/401"))


def test_they_are_counted(app: Flask, talk: Talk) -> None:
    measures = Measures()
    seen = observed(Observer(at_open=(measures.note_open,), at_end=(measures.note,)), app)
    for path in ("/code/1000", "/code/1000", "/code/4001", "/code/4002"):
        talk(seen, path, end)
    refusal(talk, seen, "/missing")
    assert sorted(measures.socket_rows()) == [
        ("closed", "/code/<int:code>", "1000", 2),
        ("closed", "/code/<int:code>", "4xxx", 2),
        ("opened", "/code/<int:code>", "101", 4),
        ("refused", "unmatched", "404", 1),
    ]
    assert [] == measures.rows()


def test_it_has_a_span(app: Flask, talk: Talk) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = Tracer(app, provider)
    seen = observed(Observer((tracer.begin,), (tracer.end,)), app)
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    inside: list[int] = []
    app.before_websocket(
        lambda: inside.append(trace.get_current_span().get_span_context().trace_id)
    )
    talk(seen, "/code/4001", end, headers=headers)
    talk(seen, "/fails", end)
    talk(seen, "/rooms/7", nothing)
    well, failed, left = exporter.get_finished_spans()
    attributes = dict(well.attributes or {})
    assert ("GET /code/<int:code>", 101, 4001) == (
        well.name,
        attributes["http.response.status_code"],
        attributes["kolben.websocket.close_code"],
    )
    assert well.parent is not None
    assert [int(TRACE, 16)] == [well.parent.trace_id] == inside[:1]
    assert (True, False, True) == (
        well.status.is_unset,
        failed.status.is_unset,
        left.status.is_unset,
    )
    assert "ZeroDivisionError" == dict(failed.attributes or {})["error.type"]
