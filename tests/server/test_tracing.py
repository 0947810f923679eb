"""A span for each request, as OpenTelemetry's conventions for HTTP servers have it."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from kolben import Flask
from kolben.core.exchange import watchers
from kolben.server.granian_wsgi import base_environ, connect
from kolben.server.observing import Observer
from kolben.server.tracing import Tracer, has_provider
from tests.running import Server, wait_for
from tests.server.observed import INTERFACES, GranianAnswer, ask, ask_async, message
from tests.wires import RSGIProtocol, RSGIScope, _environ

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(autouse=True)
def nobody_else_watches() -> Iterator[None]:
    yield
    watchers.clear()


@pytest.fixture(params=INTERFACES)
def interface(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def observer_of(tracer: Tracer) -> Observer:
    return Observer((tracer.begin,), (tracer.end,), at_leave=(tracer.leave,))


@pytest.fixture
def observer(app: Flask, provider: TracerProvider) -> Observer:
    app.testing = False
    return observer_of(Tracer(app, provider))


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    assert not trace.get_current_span().get_span_context().is_valid
    return span


def test_a_span_has_the_stable_names(
    app: Flask, observer: Observer, exporter: InMemorySpanExporter, interface: str
) -> None:
    app.add_url_rule("/users/<int:number>", "user", lambda number: "x")
    asked = message(
        "/users/7?page=2&token=abc",
        Host="shop.example:8080",
        User_Agent="test/1",
        Authorization="Bearer abc",
        Cookie="session=abc",
    )
    ask(observer, app, interface, asked)
    span = only(exporter)
    assert (span.name, span.kind) == ("GET /users/<int:number>", trace.SpanKind.SERVER)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/users/<int:number>",
        "http.response.status_code": 200,
        "url.path": "/users/7",
        "url.query": "page=2&token=***",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "client.address": "127.0.0.1",
        "server.address": "shop.example",
        "server.port": 8080,
        "user_agent.original": "test/1",
    }
    assert span.parent is None
    assert span.status.is_unset


def test_it_belongs_to_the_trace_that_it_came_with(
    app: Flask, observer: Observer, exporter: InMemorySpanExporter, interface: str
) -> None:
    app.add_url_rule("/", "index", lambda: "x")
    ask(observer, app, interface, message("/", traceparent=f"00-{TRACE}-{PARENT}-01"))
    span = only(exporter)
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert f"{span.context.trace_id:032x}" == TRACE


@pytest.mark.parametrize("is_async", [False, True])
def test_spans_of_a_view_are_inside_of_it(
    app: Flask,
    observer: Observer,
    exporter: InMemorySpanExporter,
    provider: TracerProvider,
    interface: str,
    is_async: bool,
) -> None:
    tracer = provider.get_tracer("the app's")

    def plain() -> str:
        with tracer.start_as_current_span("inner"):
            return ""

    async def later() -> str:
        await asyncio.sleep(0)
        return plain()

    app.add_url_rule("/", "index", later if is_async else plain)
    ask(observer, app, interface, message("/"))
    inner, outer = exporter.get_finished_spans()
    assert (inner.name, outer.name) == ("inner", "GET /")
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id


def test_requests_at_the_same_time_keep_their_spans_apart(
    app: Flask, observer: Observer, exporter: InMemorySpanExporter
) -> None:
    @app.get("/<name>")
    async def view(name: str) -> str:
        for _ in range(3):
            await asyncio.sleep(0)
        return f"{trace.get_current_span().get_span_context().trace_id:032x}"

    async def main() -> None:
        for interface in ("asgi", "rsgi"):
            traces = [f"{number:032x}" for number in range(1, 21)]
            asked = [
                ask_async(
                    observer, app, interface, message("/x", traceparent=f"00-{t}-{PARENT}-01")
                )
                for t in traces
            ]
            assert [answer.text for answer in await asyncio.gather(*asked)] == traces

    asyncio.run(main())
    assert len(exporter.get_finished_spans()) == 40


def test_an_exception_is_recorded(
    app: Flask, observer: Observer, exporter: InMemorySpanExporter, interface: str
) -> None:
    @app.get("/")
    def view() -> str:
        raise ZeroDivisionError("why")

    assert ask(observer, app, interface, message("/")).status == 500
    span = only(exporter)
    assert span.status.status_code is trace.StatusCode.ERROR
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == "ZeroDivisionError"
    assert attributes["http.response.status_code"] == 500
    (event,) = span.events
    assert (event.name, (event.attributes or {})["exception.message"]) == ("exception", "why")


@pytest.mark.parametrize(
    ("status", "error"), [(200, None), (404, None), (499, None), (500, "500"), (503, "503")]
)
def test_only_the_servers_own_errors_are_errors(
    app: Flask, observer: Observer, exporter: InMemorySpanExporter, status: int, error: str | None
) -> None:
    app.add_url_rule("/", "index", lambda: ("", status))
    ask(observer, app, "wsgi", message("/"))
    span = only(exporter)
    assert (span.attributes or {}).get("error.type") == error
    assert span.status.is_ok != (error is not None)


@pytest.mark.parametrize(
    ("method", "name", "attributes"),
    [
        ("GET", "GET", {"http.request.method": "GET"}),
        ("BREW", "HTTP", {"http.request.method": "_OTHER", "http.request.method_original": "BREW"}),
    ],
)
def test_what_a_client_makes_up_is_in_no_name(
    app: Flask,
    observer: Observer,
    exporter: InMemorySpanExporter,
    method: str,
    name: str,
    attributes: dict[str, str],
) -> None:
    ask(observer, app, "wsgi", message("/missing/17", method))
    span = only(exporter)
    assert span.name == name
    found = dict(span.attributes or {})
    assert attributes.items() <= found.items()
    assert "http.route" not in found


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("shop.example", ("shop.example", None)),
        ("[::1]:80", ("[::1]", 80)),
        ("shop.example:x", ("shop.example:x", None)),
        ("", (None, None)),
    ],
)
def test_the_server_is_what_the_client_asked_for(
    app: Flask,
    observer: Observer,
    exporter: InMemorySpanExporter,
    host: str,
    expected: tuple[str | None, int | None],
) -> None:
    ask(observer, app, "wsgi", message("/", Host=host))
    attributes = only(exporter).attributes or {}
    assert (attributes.get("server.address"), attributes.get("server.port")) == expected


def test_a_wsgi_stream_ends_its_span_and_not_its_threads_context(
    app: Flask, observer: Observer, exporter: InMemorySpanExporter
) -> None:
    app.add_url_rule("/", "index", lambda: (piece for piece in ["ab", "cd"]))

    class Later(GranianAnswer):
        def response_iter(self, status: int, headers: Any, body: Iterator[bytes]) -> None:
            self.body = body  # type: ignore[assignment]

    answer: Any = Later()
    base = base_environ(multiprocess=False, multithread=True)
    observer.observe_wsgi(connect(app, base))(answer, _environ(message("/")))
    assert not trace.get_current_span().get_span_context().is_valid
    assert exporter.get_finished_spans() == ()
    assert b"".join(answer.body) == b"abcd"
    answer.body.close()
    assert only(exporter).name == "GET /"


def test_a_span_may_end_where_it_did_not_begin(
    app: Flask, observer: Observer, exporter: InMemorySpanExporter
) -> None:
    begun = contextvars.copy_context().run(
        observer.observe, RSGIScope(message("/")), RSGIProtocol()
    )
    begun.close()
    assert only(exporter).name == "GET"


def test_what_is_not_sampled_costs_no_attributes(app: Flask) -> None:
    app.add_url_rule("/", "index", lambda: "x")
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    assert ask(observer_of(Tracer(app, provider)), app, "wsgi", message("/")).text == "x"


def test_without_a_provider_of_the_apps_there_is_none() -> None:
    assert not has_provider()


# On real servers.

APP = """\
from flask import Flask
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

provider = TracerProvider()
write = ConsoleSpanExporter(out=open("spans", "a"), formatter=lambda s: s.to_json(None) + "\\n")
provider.add_span_processor(SimpleSpanProcessor(write))
trace.set_tracer_provider(provider)
app = Flask(__name__)

@app.get("/plain")
def plain():
    return f"{trace.get_current_span().get_span_context().span_id:x}"

@app.get("/async")
async def later():
    return f"{trace.get_current_span().get_span_context().span_id:x}"

@app.get("/stream")
def stream():
    return (piece for piece in "abc")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="processes of POSIX")
def test_an_app_with_a_provider_gets_spans(serve: Callable[..., Server], interface: str) -> None:
    server = serve(APP, "--interface", interface)
    inside = {path: server.get(path)[1].decode() for path in ("/plain", "/async", "/stream")}
    file = server._out.parent / "spans"
    wait_for(lambda: file.exists() and file.read_text().count("\n") == 3)
    spans = {span["name"]: span for span in map(json.loads, file.read_text().splitlines())}
    assert spans.keys() == {"GET /plain", "GET /async", "GET /stream"}
    for path in ("/plain", "/async"):
        assert int(spans[f"GET {path}"]["context"]["span_id"], 16) == int(inside[path], 16)
    assert server.err == ""


EXPORTER = """\
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

def OTLPSpanExporter():
    file = open("spans", "a")
    return ConsoleSpanExporter(out=file, formatter=lambda span: span.to_json(None) + "\\n")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="processes of POSIX")
def test_otel_sets_up_the_sdk_where_the_app_has_not(tmp_path: Path) -> None:
    """With an exporter in the place of OpenTelemetry's own, which would ask for a collector."""
    place = tmp_path / "opentelemetry" / "exporter" / "otlp" / "proto" / "http"
    place.mkdir(parents=True)
    (place / "trace_exporter.py").write_text(EXPORTER)
    text = "from flask import Flask\napp = Flask(__name__)\napp.get('/')(lambda: 'x')\n"
    (tmp_path / "served.py").write_text(text)
    server = Server(tmp_path, "served", "--otel").wait_until_ready()
    try:
        server.get("/")
        assert server.stop() == 0  # what waits to be sent is sent
    finally:
        server.end()
    (span,) = map(json.loads, (tmp_path / "spans").read_text().splitlines())
    assert span["resource"]["attributes"]["service.name"] == "served"
    assert server.err == ""


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["opentelemetry.py", None], ids=["the API", "an exporter"])
def test_otel_says_what_to_install(tmp_path: Path, missing: str | None) -> None:
    (tmp_path / "served.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    if missing is not None:
        text = "raise ModuleNotFoundError('none', name='opentelemetry')"
        (tmp_path / missing).write_text(text)
    server = Server(tmp_path, "served", "--otel")
    try:
        assert server.process.wait(20) == 1
    finally:
        server.end()
    assert "pip install 'kolben[otel]'" in server.err
