"""Requests are counted while they are under way and when they are over, on every interface."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kolben import Flask
from kolben.core.exchange import watchers
from kolben.server.counting import RequestCounter, items_of
from kolben.server.watching import find_route
from tests.server.observed import INTERFACES, ask, message
from tests.wires import RSGIScope


@pytest.mark.parametrize("interface", INTERFACES)
def test_it_knows_what_is_under_way_and_how_many_are_over(app: Flask, interface: str) -> None:
    app.testing = False
    counter = RequestCounter(lambda method, path: f"the rule of {path}")
    seen: list[Any] = []

    @app.get("/é/<int:number>")
    def view(number: int) -> str:
        seen.extend(counter.running())
        seen.append(counter.take_ended())
        return "x"

    @app.get("/fails")
    def fails() -> str:
        raise ZeroDivisionError

    assert ask(counter, app, interface, message("/%C3%A9/7?a=1")).text == "x"
    assert ask(counter, app, interface, message("/fails")).status == 500
    app.testing = True
    with pytest.raises(ZeroDivisionError):
        ask(counter, app, interface, message("/fails"))
    (method, route, began), over = seen
    assert (method, route, began > 0, over) == ("GET", "the rule of /é/7", True, 0)
    assert (counter.running(), counter.take_ended(), counter.take_ended()) == ([], 3, 0)
    assert not watchers  # a request asks for nothing


def test_a_request_may_be_counted_without_anything_around_it(app: Flask) -> None:
    counter = RequestCounter(lambda method, path: f"the rule of {path}")
    app.add_url_rule("/users/<int:number>", "user", lambda number: "")
    scope = RSGIScope(message("/users/7"))
    counter.begin_counting("without", scope, None)
    with app.test_request_context("/users/7") as context:
        counter.begin_counting("with", scope, context)
        with app.test_request_context("/missing") as other:
            counter.begin_counting("unmatched", scope, other)
            routes = [route for _, route, _ in counter.running()]
    assert routes == ["the rule of /users/7", "/users/<int:number>", None]
    for key in ("without", "with", "unmatched"):
        counter.end_counting(key)
    assert (counter.running(), counter.take_ended()) == ([], 3)


def test_what_is_no_request_is_passed_on(app: Flask) -> None:
    counter = RequestCounter(lambda method, path: None)
    seen: list[str] = []
    nothing: Any = None

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    class RSGI:
        def __rsgi_init__(self, loop: object) -> None:
            seen.append("init")

        def __rsgi_del__(self, loop: object) -> None:
            seen.append("del")

        async def __rsgi__(self, scope: Any, protocol: Any) -> None:
            seen.append(scope.proto)

    asyncio.run(counter.observe_asgi(asgi)({"type": "websocket"}, nothing, nothing))
    scope = RSGIScope(message("/"))
    scope.proto = "ws"
    rsgi = counter.observe_rsgi(RSGI())
    rsgi.__rsgi_init__(nothing)
    asyncio.run(rsgi.__rsgi__(scope, nothing))
    rsgi.__rsgi_del__(nothing)
    assert seen == ["websocket", "init", "ws", "del"]
    assert counter.take_ended() == 0


def test_a_rule_is_found_by_method_and_path(app: Flask) -> None:
    class Failing(app.url_map.converters["default"]):  # type: ignore[misc, name-defined]
        def to_python(self, value: str) -> str:
            raise ZeroDivisionError

    app.url_map.converters["failing"] = Failing
    app.add_url_rule("/users/<int:number>", "user", lambda number: "", methods=["POST"])
    app.add_url_rule("/failing/<failing:value>", "failing", lambda value: "")
    assert find_route(app, "POST", "/users/7") == "/users/<int:number>"
    assert find_route(app, "DELETE", "/users/7") is None
    assert find_route(app, "GET", "/missing") is None
    assert find_route(app, "GET", "/failing/x") is None


def test_what_others_change_is_read_again() -> None:
    class Changing(dict[str, int]):
        tries = 0

        def __iter__(self) -> Any:
            self.tries += 1
            if self.tries == 1:
                raise RuntimeError("changed size")
            return super().__iter__()

    assert items_of(Changing(a=1)) == ["a"]
