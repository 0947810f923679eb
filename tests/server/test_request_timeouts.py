"""A request that is not answered in time gets a 503; its view is cancelled or left alone."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask
from kolben.server.request_timeouts import TimedASGI, TimedRSGI
from tests.wires import ASGIConnection, Message, RSGIConnection, RSGIScope, _scope

TIMEOUT_S = 0.2


class Timed:
    """An app whose requests have a time, over one interface."""

    def __init__(self, app: Flask, interface: str) -> None:
        self._app = app
        self._interface = interface

    async def ask(self, path: str) -> Any:
        message = Message("GET", path, "", Headers({"Host": "localhost"}), b"")
        if self._interface == "asgi":
            asgi = ASGIConnection(message)
            timed = TimedASGI(self._app.asgi_app, self._app, TIMEOUT_S)
            await timed(_scope(message), asgi.receive, asgi.send)
            return asgi.answer()
        rsgi = RSGIConnection(message)
        await TimedRSGI(self._app, self._app, TIMEOUT_S).__rsgi__(RSGIScope(message), rsgi)
        return rsgi.answer()


@pytest.fixture(params=["asgi", "rsgi"])
def timed(request: pytest.FixtureRequest, app: Flask) -> Timed:
    return Timed(app, request.param)


def test_what_answers_in_time_is_left_alone(app: Flask, timed: Timed) -> None:
    app.add_url_rule("/", "view", lambda: "home")
    assert "home" == asyncio.run(timed.ask("/")).text


def test_an_async_view_is_cancelled(app: Flask, timed: Timed, caplog: Any) -> None:
    ended: list[str] = []

    @app.get("/a\x1bb")
    async def view() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")
        return ""

    answer = asyncio.run(timed.ask("/a%1bb"))
    assert (503, ["ended"], "close") == (answer.status, ended, answer.headers["Connection"])
    assert r"GET /a\x1bb (/a\x1bb) has not been answered in 0.2 seconds" in caplog.text


async def _never(**_: Any) -> str:
    await asyncio.Event().wait()
    return ""


def test_the_log_names_the_rule(app: Flask, timed: Timed, caplog: Any) -> None:
    app.add_url_rule("/users/<int:number>", "user", _never)
    app.before_request(_never)
    asyncio.run(timed.ask("/users/7"))
    asyncio.run(timed.ask("/missing"))
    assert "GET /users/7 (/users/<int:number>) has not been answered" in caplog.text
    assert "GET /missing has not been answered" in caplog.text


def test_the_log_names_the_rule_of_an_app_that_is_mounted(app: Flask, caplog: Any) -> None:
    app.add_url_rule("/users/<int:number>", "user", _never)
    scope = _scope(Message("GET", "/shop/users/7", "", Headers({"Host": "localhost"}), b""))
    asgi = ASGIConnection(Message("GET", "/shop/users/7", "", Headers(), b""))
    timed = TimedASGI(app.asgi_app, app, TIMEOUT_S)
    asyncio.run(timed({**scope, "root_path": "/shop"}, asgi.receive, asgi.send))
    assert "GET /shop/users/7 (/users/<int:number>) has not been answered" in caplog.text


def test_a_plain_view_goes_on_and_nobody_waits_for_it(app: Flask, timed: Timed) -> None:
    may_end, has_ended = threading.Event(), threading.Event()

    @app.get("/")
    def view() -> str:
        may_end.wait(20)
        return "late"

    @app.teardown_request
    def end(error: BaseException | None) -> None:
        has_ended.set()

    async def ask() -> int:
        answer = await timed.ask("/")
        may_end.set()
        await asyncio.to_thread(has_ended.wait, 20)
        return int(answer.status)

    assert 503 == asyncio.run(ask())
    assert has_ended.is_set()


def test_a_stream_may_take_longer(app: Flask, timed: Timed) -> None:
    @app.get("/")
    async def view() -> Any:
        async def pieces() -> Any:
            yield b"a"
            await asyncio.sleep(TIMEOUT_S * 2)
            yield b"b"

        return pieces()

    assert b"ab" == asyncio.run(timed.ask("/")).body


def test_a_timeout_of_the_apps_own_is_an_error_of_the_app(app: Flask, timed: Timed) -> None:
    @app.get("/")
    async def view() -> str:
        raise TimeoutError

    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(TimeoutError):
        asyncio.run(timed.ask("/"))


def test_a_view_that_will_not_be_cancelled_answers_late(app: Flask, timed: Timed) -> None:
    @app.get("/")
    async def view() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "late"
        return ""

    assert "late" == asyncio.run(timed.ask("/")).text


def test_websockets_have_no_such_time(app: Flask) -> None:
    seen: list[Any] = []

    async def served(*given: Any) -> None:
        seen.append(given)

    class Served:
        __rsgi_init__ = __rsgi_del__ = None

        async def __rsgi__(self, *given: Any) -> None:
            seen.append(given)

    class WebSocketScope:
        proto = "ws"

    async def ask() -> None:
        await TimedASGI(served, app, TIMEOUT_S)({"type": "websocket"}, 1, 2)  # type: ignore[arg-type]
        await TimedRSGI(Served(), app, TIMEOUT_S).__rsgi__(WebSocketScope, 3)

    asyncio.run(ask())
    assert [({"type": "websocket"}, 1, 2), (WebSocketScope, 3)] == seen
