"""A span of OpenTelemetry for each request, by its conventions for HTTP servers.

https://opentelemetry.io/docs/specs/semconv/http/http-spans, stable since version 1.23.
"""

from __future__ import annotations

import os
import sys
from contextvars import Token
from importlib import import_module
from typing import Any

import click
from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import Span, SpanKind, StatusCode

from kolben.core.current import find_context
from kolben.server.access_log import hide_secrets
from kolben.server.exchanges import ServedExchange
from kolben.server.measuring import METHODS
from kolben.signals import got_request_exception
from kolben.typing import App
from kolben.version import VERSION


class _Headers(Getter[ServedExchange]):
    """Reads the headers that say which trace a request belongs to, in whatever form they come."""

    def get(self, carrier: ServedExchange, key: str) -> list[str] | None:
        found = carrier.header(key.lower())
        return None if found is None else [found]

    def keys(self, carrier: ServedExchange) -> list[str]:
        return []


_HEADERS = _Headers()


class Tracer:
    """Makes the spans; `begin` and `end` are what an Observer is given."""

    def __init__(self, app: App, provider: trace.TracerProvider | None = None) -> None:
        """Make a tracer of the given provider, else of the one that the process has."""
        self._tracer = trace.get_tracer("kolben", VERSION, provider)
        # A strong reference: the signal's own is a weak one.
        self._note = _note_exception
        got_request_exception.connect(self._note, app)

    def begin(self, exchange: ServedExchange) -> None:
        """Begin a span, in the thread or task that answers, where it is the current one."""
        parent = propagate.extract(exchange, getter=_HEADERS)
        span = self._tracer.start_span(
            _name_of(exchange), parent, SpanKind.SERVER, attributes=_attributes(exchange)
        )
        token = context.attach(trace.set_span_in_context(span, parent))
        exchange.span = _Active(span, token)

    def leave(self, exchange: ServedExchange) -> None:
        """Let the span be the current one no longer, in the thread or task where it began."""
        token, exchange.span.token = exchange.span.token, None
        if token is None:
            return
        try:
            token.var.reset(token)  # context.detach() would log an error
        except ValueError:  # it ends in another task, and its own has gone with its context
            return

    def end(self, exchange: ServedExchange) -> None:
        """End the span of an exchange that is over."""
        self.leave(exchange)
        span = exchange.span.span
        if span.is_recording():
            _complete(span, exchange)
        span.end()


class _Active:
    """A span, and what leads back to the context before it."""

    __slots__ = ("span", "token")

    def __init__(self, span: Span, token: Token[Context]) -> None:
        self.span = span
        self.token: Token[Context] | None = token


def _attributes(exchange: ServedExchange) -> dict[str, Any]:
    """Return what is known of a request before it is answered: samplers decide by it."""
    method = exchange.method
    found: dict[str, Any] = {
        "http.request.method": method if method in METHODS else "_OTHER",
        "url.path": exchange.path,
        "url.scheme": exchange.scheme,
        "network.protocol.version": exchange.protocol.partition("/")[2],
        "client.address": exchange.peer,
    }
    if method not in METHODS:
        found["http.request.method_original"] = method
    if exchange.query:
        # SECURITY: spans go to other machines, and are kept there.
        found["url.query"] = hide_secrets(exchange.query)
    host, _, port = (exchange.header("host") or "").rpartition(":")
    if host and port.isdecimal():
        found.update({"server.address": host, "server.port": int(port)})
    elif host or port:
        found["server.address"] = f"{host}:{port}" if host else port
    agent = exchange.header("user-agent")
    return found if agent is None else {**found, "user_agent.original": agent}


def _name_of(exchange: ServedExchange) -> str:
    """Return a span's name: method and route, as far as they are of few values."""
    method = exchange.method if exchange.method in METHODS else "HTTP"
    route = exchange.route
    return method if route is None else f"{method} {route}"


def _complete(span: Span, exchange: ServedExchange) -> None:
    """Add to a span what the answer has brought."""
    span.update_name(_name_of(exchange))
    status = exchange.status
    span.set_attribute("http.response.status_code", status)
    if exchange.close_code is not None:
        # The conventions have no name for it.
        span.set_attribute("kolben.websocket.close_code", exchange.close_code)
    if exchange.route is not None:
        span.set_attribute("http.route", exchange.route)
    error = exchange.error
    if error is not None:
        span.record_exception(error)
    if status >= 500 or error is not None:
        # A client's error is none of the server's.
        kind = str(status) if error is None else type(error).__qualname__
        span.set_attribute("error.type", kind)
        span.set_status(StatusCode.ERROR)


def _note_exception(sender: App, exception: BaseException, **_: Any) -> None:
    """Keep an exception that no handler of the app's has answered."""
    found = find_context()
    request_context = None if found is None else found.request_context
    exchange = None if request_context is None else request_context.request.exchange
    if exchange is not None:
        exchange.error = exception


def has_provider() -> bool:
    """Say whether the app has set up OpenTelemetry's SDK for itself."""
    sdk: Any = sys.modules.get("opentelemetry.sdk.trace")
    return sdk is not None and isinstance(trace.get_tracer_provider(), sdk.TracerProvider)


def make_provider(app: App) -> None:
    """Set up OpenTelemetry's SDK as its environment variables (OTEL_…) say.

    Raises click.UsageError if a package for that is not installed.
    """
    try:
        exporting: Any = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        from opentelemetry.sdk.resources import Resource  # starts faster without it
        from opentelemetry.sdk.trace import TracerProvider  # starts faster without it
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # starts faster without it
    except ImportError as error:
        raise click.UsageError(
            f"--otel finds no provider that the app has set, and to make one a package is missing"
            f" ({error.name}): pip install 'kolben[otel]'."
        ) from error
    # OTEL_SERVICE_NAME goes before the app's name.
    name = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": app.name}
    provider = TracerProvider(resource=Resource.create(name))
    provider.add_span_processor(BatchSpanProcessor(exporting.OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def send_the_rest() -> None:
    """Send the spans that wait to be sent, at the end of the process."""
    shutdown = getattr(trace.get_tracer_provider(), "shutdown", None)
    if shutdown is not None:
        shutdown()
