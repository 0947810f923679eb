"""The client for async tests answers on the test's loop and otherwise as the plain one does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import Event, Flask, Response, redirect, request, session
from kolben.core.current import find_context
from kolben.testing.events import read_events
from kolben.testing.exchange import HTTPExchange


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.secret_key = "k"
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    @app.route("/echo", methods=methods)
    async def echo() -> Any:
        loop = id(asyncio.get_running_loop())
        return {"method": request.method, "data": request.get_data(as_text=True), "loop": loop}

    @app.get("/login")
    async def login() -> Any:
        session["user"] = 1
        return redirect("/me")

    @app.get("/me")
    def me() -> Any:
        return {"user": session.get("user")}

    return app


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_each_method_is_sent(app: Flask, method: str) -> None:
    async def ask() -> None:
        client = app.async_test_client()
        answer = await getattr(client, method.lower())("/echo", data="text")
        assert answer.json == {
            "method": method,
            "data": "text",
            "loop": id(asyncio.get_running_loop()),
        }
        assert find_context() is None

    asyncio.run(ask())


def test_head_has_no_body(app: Flask) -> None:
    async def ask() -> None:
        answer = await app.async_test_client().head("/me")
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.headers["Content-Length"] == "14"

    asyncio.run(ask())


def test_redirects_are_followed_and_cookies_kept(app: Flask) -> None:
    async def ask() -> None:
        client = app.async_test_client()
        answer = await client.get("/login", follow_redirects=True)
        assert answer.json == {"user": 1}
        assert [response.status_code for response in answer.history] == [302]
        with client.session_transaction() as kept:
            kept["user"] = 2
        assert (await client.get("/me")).json == {"user": 2}
        assert client.get_cookie("session") is not None
        stranger = app.async_test_client(use_cookies=False)
        await stranger.get("/login")
        assert (await stranger.get("/me")).json == {"user": None}

    asyncio.run(ask())


def test_what_the_app_raises_reaches_the_test(app: Flask) -> None:
    app.testing = True

    @app.get("/fails")
    async def fails() -> str:
        raise ValueError("broken")

    async def ask() -> None:
        await app.async_test_client().get("/fails")

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(ask())


def test_the_block_is_the_life_of_the_app(app: Flask) -> None:
    said: list[str] = []
    app.before_serving(lambda: said.append("before"))
    app.after_serving(lambda: said.append("after"))

    async def ask() -> None:
        async with app.async_test_client() as client:
            assert said == ["before"]
            await client.get("/me")

    asyncio.run(ask())
    assert said == ["before", "after"]


def test_a_stream_is_read_as_it_comes(app: Flask) -> None:
    pieces = ["a", "b"]

    @app.get("/stream")
    async def stream() -> Any:
        async def give() -> AsyncIterator[str]:
            while pieces:
                yield pieces.pop(0)

        return Response(app.make_response(give()).response, headers={"Set-Cookie": "seen=1"})

    async def read() -> None:
        client = app.async_test_client()
        async with client.stream("/stream") as response:
            got = [piece async for piece in response]
        assert got == [b"a", b"b"]
        assert response.headers["Set-Cookie"] == "seen=1"
        assert client.get_cookie("seen") is not None

    asyncio.run(read())


def test_an_app_that_answers_nothing_or_half_is_told_of() -> None:
    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        pass

    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})

    app = Flask(__name__)
    environ = app.test_request_context("/").request.environ

    async def ask() -> None:
        app.asgi_app = nothing  # type: ignore[method-assign]  # as middleware is put in
        with pytest.raises(RuntimeError, match="ended without a response"):
            await HTTPExchange(app, environ).start()
        app.asgi_app = half  # type: ignore[method-assign]  # as middleware is put in
        exchange = HTTPExchange(app, environ)
        assert await exchange.start() == (200, Headers())
        with pytest.raises(RuntimeError, match="ended in the middle"):
            assert [piece async for piece in exchange.pieces()] == [b"a"]

    asyncio.run(ask())


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_are_read_however_they_are_cut(size: int) -> None:
    text = (
        b": hello\n\nid: 1\r\nevent:tick\r\ndata: a\r\ndata:  b\n\n"
        b"retry: 5\nretry: x\ndata\nname\n\nid: 2\n\n"
    )

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(text), size):
            yield text[at : at + size]

    async def read() -> list[Event]:
        return [event async for event in read_events(pieces())]

    assert asyncio.run(read()) == [Event("a\n b", "tick", "1"), Event("", retry_ms=5)]
