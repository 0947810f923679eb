"""What those who watch a server know of a request, and how the app comes to know it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import create_environ

from kolben import Flask, request
from kolben.core.exchange import KEY, Exchange, join_exchange, watchers
from kolben.testing import FlaskClient

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Asked(Exchange):
    """An exchange whose scope is an environ."""

    def header(self, name: str) -> str | None:
        found: str | None = self.scope.get(f"HTTP_{name.upper().replace('-', '_')}")
        return found


@pytest.fixture
def ask() -> Iterator[Callable[..., Exchange]]:
    """Ask an app for a path as a server does that watches: `ask(app, "/path")`."""

    def answer(app: Flask, path: str, **more: Any) -> Exchange:
        headers = {"X-Request-ID": "given", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        exchange = Asked({**create_environ(path, headers=headers), **more})
        exchange.enter()
        exchanges.append(exchange)
        app(exchange.scope, lambda status, headers: None)
        return exchange

    exchanges: list[Exchange] = []
    watchers.append(answer)
    yield answer
    watchers.clear()
    for exchange in exchanges:
        exchange.leave()
        assert (exchange.request, exchange.scope.get(KEY)) == (None, None)


Ask = Callable[..., Exchange]


def test_the_request_has_the_id_of_its_exchange(app: Flask, ask: Ask) -> None:
    seen: list[Any] = []

    @app.get("/users/<int:number>")
    def user(number: int) -> str:
        seen.extend([request.id, request.trace_id])
        return ""

    exchange = ask(app, "/users/7")
    assert seen == ["given", TRACE]
    assert (exchange.route, exchange.endpoint) == ("/users/<int:number>", "user")


def test_a_request_made_while_another_is_answered_is_another(app: Flask, ask: Ask) -> None:
    ids: list[str] = []

    @app.get("/outer")
    def outer() -> str:
        ids.append(request.id)
        app.test_client().get("/inner", headers={"X-Request-ID": "inner"})
        return ""

    app.add_url_rule("/inner", "inner", lambda: (ids.append(request.id), "")[1])
    assert ask(app, "/outer").endpoint == "outer"
    assert ids == ["given", "inner"]


def test_what_no_rule_matches_has_no_route(app: Flask, ask: Ask) -> None:
    exchange = ask(app, "/missing")
    assert exchange.request is not None
    assert (exchange.route, exchange.endpoint) == (None, None)


def test_who_wants_to_know_of_open_websockets_is_told() -> None:
    exchange, told = Asked({}), []
    exchange.note_open()
    exchange.at_open = told.append
    exchange.note_open()
    assert (101, [exchange]) == (exchange.status, told)


def test_what_never_reached_an_app_has_none_either() -> None:
    assert (Asked({}).route, Asked({}).endpoint) == (None, None)


def test_an_app_whose_steps_are_overridden_tells_its_exchange_too(ask: Ask) -> None:
    class Stepping(Flask):
        def full_dispatch_request(self) -> Any:
            return super().full_dispatch_request()

    app = Stepping("stepping", root_path=".")
    app.add_url_rule("/", "index", lambda: "x")
    assert ask(app, "/").endpoint == "index"


def test_middleware_may_copy_the_environ(app: Flask, ask: Ask) -> None:
    app.add_url_rule("/", "index", lambda: "x")
    inner: Any = app.wsgi_app
    app.wsgi_app = lambda environ, start: inner(dict(environ), start)  # type: ignore[method-assign, assignment]
    assert ask(app, "/").endpoint == "index"


def test_an_exchange_that_is_over_is_left_alone(app: Flask) -> None:
    exchange = Asked({})
    exchange.enter()
    exchange.duration_s = 0.1
    with app.test_request_context("/"):
        join_exchange(exchange.scope, request)
        assert (exchange.request, request.exchange) == (None, None)


def test_a_request_that_nobody_watches_is_answered_all_the_same(client: FlaskClient) -> None:
    watchers.append(object())
    try:
        assert client.get("/missing").status_code == 404
    finally:
        watchers.clear()


def test_an_exchange_has_to_say_how_headers_are_read() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Exchange({})  # type: ignore[abstract]


def test_without_anybody_who_watches_a_request_reads_its_own_headers(app: Flask) -> None:
    given = {"X-Request-ID": "given", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    with app.test_request_context("/", headers=given):
        assert (request.id, request.trace_id) == ("given", TRACE)
    with app.test_request_context("/"):
        assert request.id == request.id
        assert len(request.id) == 32
        assert request.trace_id is None
