"""What those who watch a server know of a request, and how the app comes to know it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kolben import Flask, request
from kolben.core.exchange import Exchange, exchange_now, watchers
from kolben.testing import FlaskClient

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Asked(Exchange):
    """An exchange whose scope is its headers."""

    def header(self, name: str) -> str | None:
        found: str | None = self.scope.get(name)
        return found


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """The current exchange, which is watched."""
    made = Asked({"x-request-id": "given", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    watchers.append(made)
    token = exchange_now.set(made)
    yield made
    exchange_now.reset(token)
    watchers.clear()


def test_the_request_has_the_id_of_its_exchange(client: FlaskClient, exchange: Exchange) -> None:
    seen: list[Any] = []
    client.application.add_url_rule(
        "/users/<int:id>",
        "user",
        lambda id: (seen.extend([request.id, request.trace_id]), "x")[1],  # noqa: A006  # a name in a rule
    )
    client.get("/users/7", headers={"X-Request-ID": "another"})
    assert seen == ["given", TRACE]
    assert (exchange.route, exchange.endpoint) == ("/users/<int:id>", "user")


def test_a_request_made_while_another_is_answered_is_another(
    client: FlaskClient, exchange: Exchange
) -> None:
    ids: list[str] = []

    def view() -> str:
        ids.append(request.id)
        if request.args:
            client.application.test_client().get("/inner", headers={"X-Request-ID": "inner"})
        return ""

    client.application.add_url_rule("/outer", "outer", view)
    client.application.add_url_rule("/inner", "inner", view)
    client.get("/outer?a=1")
    assert ids == ["given", "inner"]
    assert exchange.endpoint == "outer"


def test_what_no_rule_matches_has_no_route(client: FlaskClient, exchange: Exchange) -> None:
    assert (exchange.route, exchange.endpoint) == (None, None)
    assert client.get("/missing").status_code == 404
    assert exchange.request is not None
    assert (exchange.route, exchange.endpoint) == (None, None)


def test_an_app_whose_steps_are_overridden_tells_its_exchange_too(exchange: Exchange) -> None:
    class Stepping(Flask):
        def full_dispatch_request(self) -> Any:
            return super().full_dispatch_request()

    app = Stepping("stepping", root_path=".")
    app.add_url_rule("/", "index", lambda: "x")
    app.test_client().get("/")
    assert exchange.endpoint == "index"


def test_a_watcher_without_a_current_exchange_changes_nothing(client: FlaskClient) -> None:
    watchers.append(object())
    try:
        assert client.get("/missing").status_code == 404
    finally:
        watchers.clear()


def test_an_exchange_has_to_say_how_headers_are_read() -> None:
    with pytest.raises(NotImplementedError):
        Exchange({}).header("x-request-id")


def test_without_anybody_who_watches_a_request_reads_its_own_headers(app: Flask) -> None:
    given = {"X-Request-ID": "given", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    with app.test_request_context("/", headers=given):
        assert (request.id, request.trace_id) == ("given", TRACE)
    with app.test_request_context("/"):
        assert request.id == request.id
        assert len(request.id) == 32
        assert request.trace_id is None
